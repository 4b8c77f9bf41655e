//! An HTTP server on this machine that answers as a test wants, also wrongly.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names are in lower case.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The length that the answer claims to have, instead of its own.
    pub claimed: Option<usize>,
    /// Go on with NUL bytes until the other side hangs up.
    pub endless: bool,
    /// Hang up without an answer.
    pub hangs_up: bool,
}

impl Reply {
    pub fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

type Answer = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A server; it ends with the value.
pub struct Emulated {
    port: u16,
    ended: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Emulated {
    pub fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (ended, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let answer: Arc<Answer> = Arc::new(answer);
        let (end, heard) = (ended.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), answer, heard) = (stream, answer.clone(), heard.clone()) else { continue };
                std::thread::spawn(move || serve(stream, &*answer, &heard));
            }
        });
        Self { port, ended, asked }
    }

    /// `HOST:PORT`
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// All that was asked for so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic holds it").clone()
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for a connection.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(mut stream: TcpStream, answer: &Answer, heard: &Mutex<Vec<Asked>>) {
    // Whoever hangs up is the program under test.
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let Some(asked) = read(&mut stream) else {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    };
    let reply = answer(&asked);
    let is_head = asked.method == "HEAD";
    heard.lock().expect("no panic holds it").push(asked);
    if reply.hangs_up {
        let _ = stream.shutdown(std::net::Shutdown::Both);
        return;
    }
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    if !reply.endless {
        head += &format!("Content-Length: {}\r\n", reply.claimed.unwrap_or(reply.body.len()));
    }
    reply.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    let _ = stream.write_all(format!("{head}\r\n").as_bytes());
    if !is_head {
        let _ = stream.write_all(&reply.body);
        while reply.endless && stream.write_all(&[0; 4096]).is_ok() {}
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

/// A request. `None`: it is not HTTP, as the
/// beginning of TLS.
fn read(stream: &mut TcpStream) -> Option<Asked> {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 || (text.is_empty() && !byte[0].is_ascii_uppercase()) {
            return None;
        }
        text.extend(byte);
    }
    let text = String::from_utf8(text).ok()?;
    let mut lines = text.lines();
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let mut asked = Asked { method, path, headers, body: Vec::new() };
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    stream.take(length).read_to_end(&mut asked.body).ok()?;
    Some(asked)
}
