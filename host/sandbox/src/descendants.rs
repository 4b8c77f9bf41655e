//! All that a process started, and the end of all of them, where no PID namespace does it.
//!
//! Processes that fork without end cannot be killed one by one: each that ends makes room for the
//! next fork. A stopped process forks no more, and makes no room. So all are stopped until no new one is
//! found, and then killed.
//!
//! Runs between fork and exec: system calls only, and no memory is taken.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, RawDir, open};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Descendants that one pass can hold; those beyond have their turn when these have ended.
const MOST: usize = 1 << 16;

/// Their numbers. Each process that ends others has a copy of its own, since it is a fork.
static LIST: [AtomicI32; MOST] = [const { AtomicI32::new(0) }; MOST];

/// How often the processes are listed until the list stays the same.
const PASSES: u32 = 100;

/// Whether the children of this process can be listed, which [`end_all`] needs.
pub(crate) fn can_be_listed() -> Result<(), i32> {
    open_read(c"/proc/thread-self/children").map(drop).map_err(|e| e.raw_os_error())
}

/// Ends all descendants of this process, which is their subreaper.
pub(crate) fn end_all() {
    loop {
        let mut before = Seen::default();
        for _ in 0..PASSES {
            let now = signal_all(Signal::STOP);
            if now == before {
                break;
            }
            before = now;
        }
        signal_all(Signal::KILL);
        match rustix::process::wait(rustix::process::WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {
                while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::NOHANG) {}
            }
            Err(_) => return,
        }
    }
}

/// Which processes one pass found: two passes that found the same are equal.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Seen {
    count: usize,
    sum: u64,
    squares: u64,
}

/// Sends a signal to every descendant, parents first.
fn signal_all(signal: Signal) -> Seen {
    let mut seen = Seen::default();
    let own = rustix::process::getpid().as_raw_pid();
    let mut length = 0;
    let (mut at, mut parent) = (0, own);
    loop {
        for_each_child(parent, |child| {
            if length < MOST && send(child, [parent, own], signal) {
                LIST[length].store(child, Ordering::Relaxed);
                length += 1;
                let child = u64::from(child.unsigned_abs());
                seen = Seen {
                    count: length,
                    sum: seen.sum.wrapping_add(child),
                    squares: seen.squares.wrapping_add(child.wrapping_mul(child)),
                };
            }
        });
        if at == length {
            return seen;
        }
        parent = LIST[at].load(Ordering::Relaxed);
        at += 1;
    }
}

/// Sends a signal to a process that has one of these parents: a number alone could be
/// another process's by now. Says whether it is there.
fn send(process: i32, [parent, own]: [i32; 2], signal: Signal) -> bool {
    let Some(pid) = Pid::from_raw(process) else { return false };
    // A process that has ended and was not waited for yet is counted, and gets no signal.
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) if parent_of(process).is_some_and(|is| is == parent || is == own) => {
            let _ = pidfd_send_signal(&handle, signal);
            true
        }
        // Before Linux 5.3; the number of a child of this process stays its own until it is waited for.
        Err(rustix::io::Errno::NOSYS) if parent == own => {
            let _ = rustix::process::kill_process(pid, signal);
            true
        }
        _ => false,
    }
}

/// Source: proc_pid_stat(5): `pid (comm) state ppid …`; the name may hold any character.
fn parent_of(process: i32) -> Option<i32> {
    let file = open_read(Path::of(process).part(b"stat").as_c_str()?).ok()?;
    let mut buffer = [0; 512];
    let length = rustix::io::read(&file, &mut buffer).ok()?;
    let text = buffer.get(..length)?;
    let end_of_name = text.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(text.get(end_of_name + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The children of all threads of a process.
///
/// Source: proc_pid_task(5), `children`.
fn for_each_child(process: i32, mut act: impl FnMut(i32)) {
    let Some(Ok(tasks)) = Path::of(process).part(b"task").as_c_str().map(open_directory) else {
        return;
    };
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(tasks.as_fd(), &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name().to_bytes();
        if name.first().is_some_and(u8::is_ascii_digit) {
            let path = Path::of(process).part(b"task").part(name).part(b"children");
            if let Some(Ok(list)) = path.as_c_str().map(open_read) {
                for_each_number(&list, &mut act);
            }
        }
    }
}

/// Numbers, each followed by a blank.
fn for_each_number(list: &OwnedFd, mut act: impl FnMut(i32)) {
    let mut number = 0_i32;
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = rustix::io::read(list, &mut buffer) {
        for byte in &buffer[..length] {
            if byte.is_ascii_digit() {
                number = number.saturating_mul(10).saturating_add(i32::from(byte - b'0'));
            } else if number > 0 {
                act(std::mem::take(&mut number));
            }
        }
    }
}

fn open_read(path: &std::ffi::CStr) -> rustix::io::Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

fn open_directory(path: &std::ffi::CStr) -> rustix::io::Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// A short path on the stack.
struct Path {
    bytes: [u8; 64],
    length: usize,
}

impl Path {
    /// The directory of a process.
    fn of(process: i32) -> Self {
        Self { bytes: [0; 64], length: 0 }.text(b"/proc/").number(process)
    }

    fn part(self, name: &[u8]) -> Self {
        self.text(b"/").text(name)
    }

    /// If the text does not fit, [`as_c_str`](Self::as_c_str) returns `None`.
    fn text(mut self, text: &[u8]) -> Self {
        let end = self.length + text.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(text);
        }
        self.length = end;
        self
    }

    fn number(self, number: i32) -> Self {
        let mut digits = [0; 10];
        let mut rest = number.unsigned_abs();
        let mut first = digits.len();
        while first > 0 && (rest > 0 || first == digits.len()) {
            first -= 1;
            digits[first] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        self.text(&digits[first..])
    }

    fn as_c_str(&self) -> Option<&std::ffi::CStr> {
        std::ffi::CStr::from_bytes_with_nul(self.bytes.get(..=self.length)?).ok()
    }
}
