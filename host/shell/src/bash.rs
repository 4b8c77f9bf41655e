//! The bash reader: real bash, confined.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use modsmith_sandbox::{Confinement, Leash, Level, Limits, Readable, Wall, start, wait_for_end};

use crate::{Input, State};

/// Prints the twice evaluated values of one file.
const SCRIPT: &str = include_str!("read.sh");

/// More output than any configuration has, in bytes.
const OUTPUT_LIMIT: u64 = 16 << 20;

/// The limit for complaints, in bytes: no file needs more.
const STDERR_LIMIT: u64 = 64 << 10;

/// The pause between two looks at the resources of the reader.
const TICK: Duration = Duration::from_millis(20);

/// The bash that reads files, and what it may do.
pub struct Bash<'a> {
    /// Its file, as this machine has it.
    pub program: &'a Path,
    /// The search path that files find programs by: directories with colons between them.
    pub path: &'a str,
    /// The files that a script may read beside itself and its directory.
    pub readable: Readable,
    /// Walls without which bash is not started.
    pub required: &'a [Wall],
    /// How long one file may take.
    pub limit: Duration,
}

/// The result of bash for a file.
#[derive(Debug)]
pub struct Output {
    pub state: State,
    /// Complaints of bash and of what the file runs.
    pub stderr: String,
    /// The file ended the shell, so nothing that it set counts.
    pub exited: bool,
    /// The walls that stood, where that could be found out.
    pub level: Option<Level>,
}

/// Why bash made nothing of a file. Texts are complaints of bash and of what the file
/// runs.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("bash could not be started: {0}")]
    NotStarted(#[from] std::io::Error),
    #[error("bash cannot be confined as required")]
    NotConfined(Level),
    #[error("the file did not finish in time")]
    Late { stderr: String },
    #[error("the file used {excess}")]
    Greedy { excess: String, stderr: String },
    #[error("bash gave no result")]
    NoResult { stderr: String },
    #[error("reading was stopped by a signal")]
    Stopped,
}

impl Bash<'_> {
    /// Has bash source a file whose text was read already.
    ///
    /// # Errors
    /// As [`ReadError`] lists them.
    pub fn read(&self, input: &Input<'_>, text: &[u8], stopped: &dyn Fn() -> bool) -> Result<Output, ReadError> {
        let text = copy_of(text)?;
        let by_descriptor = format!("/dev/fd/{}", text.as_raw_fd());
        let mut command = self.command(input, &by_descriptor);
        // The clock on the wall is to end it first: its message is the clearer one.
        let limits = Limits { cpu: self.limit + Duration::from_secs(1), ..LIMITS };
        let directory = directory(input.file);
        let confinement = Confinement::reader(&self.readable(input, &directory), limits.clone()).require(self.required);
        let mut leash = confinement.find_way_to(&directory).keep(text).prepare(&mut command)?;
        let mut child = match start(&mut command) {
            Ok(child) => child,
            Err(error) => {
                let refused = leash.level().filter(|level| self.required.iter().any(|wall| !level.has(*wall)));
                return Err(refused.map_or(ReadError::NotStarted(error), ReadError::NotConfined));
            }
        };
        // Its copies of the streams and of the text.
        drop(command);
        let stdout = collect(child.stdout.take(), OUTPUT_LIMIT);
        let stderr = collect(child.stderr.take(), STDERR_LIMIT);
        let level = leash.level();
        let end = wait(&mut child, leash, self.limit, &limits, stopped);
        // The pipes end with the last process that holds them, which is dead now; where
        // one may have been left, it is not waited for.
        let output = |stream: mpsc::Receiver<Vec<u8>>| stream.recv_timeout(Duration::from_secs(2)).unwrap_or_default();
        // A text that came by descriptor is named as the file that it is from.
        let stderr =
            String::from_utf8_lossy(&output(stderr)).replace(&by_descriptor, &input.file.display().to_string());
        match (end, parse(&output(stdout))) {
            (End::Stopped, _) => Err(ReadError::Stopped),
            (End::Late, _) => Err(ReadError::Late { stderr }),
            (End::Greedy(excess), _) => Err(ReadError::Greedy { excess, stderr }),
            (End::Itself, Some((state, exited))) => Ok(Output { state, stderr, exited, level }),
            (End::Itself, None) => Err(ReadError::NoResult { stderr }),
        }
    }

    fn readable(&self, input: &Input<'_>, directory: &Path) -> Readable {
        let mut readable = self.readable.clone();
        readable.and_file(input.file);
        readable.and_directory(directory);
        // File name patterns are seen from where the program was started.
        if let Ok(cwd) = std::env::current_dir() {
            readable.and_names(&cwd);
        }
        readable
    }

    fn command(&self, input: &Input<'_>, by_descriptor: &str) -> Command {
        let mut command = Command::new(self.program);
        command.args(["--norc", "--noprofile", "-c", SCRIPT, "bash"]);
        // A name without a slash would be looked up on the PATH.
        command.arg(if input.file.components().count() > 1 || input.file.is_absolute() {
            input.file.to_path_buf()
        } else {
            PathBuf::from(".").join(input.file)
        });
        command.arg(by_descriptor);
        command.arg(input.names.len().to_string()).args(input.names);
        for (name, value) in input.scalars {
            command.args([name, value]);
        }
        for (name, slots) in input.state {
            for (slot, value) in slots {
                command.arg(format!("{name}[{slot}]")).arg(value);
            }
        }
        command.env_clear().env("PATH", self.path).env("LC_ALL", "C");
        // The user's, not that of the user that the child becomes.
        command.envs(std::env::var_os("HOME").map(|home| ("HOME", home)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// The resources of a reader. An ordinary file needs a few programs and some megabytes.
const LIMITS: Limits = Limits { cpu: Duration::ZERO, memory: 512 << 20, total_memory: 512 << 20, processes: 64 };

/// The text in memory, for a reader that may not open the file.
fn copy_of(text: &[u8]) -> std::io::Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create(c"configuration", rustix::fs::MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    Ok(file.into())
}

fn directory(file: &Path) -> PathBuf {
    let real = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    real.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Reads a stream to its end in a thread, keeping at most `limit` bytes of it.
fn collect(stream: Option<impl Read + Send + 'static>, limit: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let Some(mut stream) = stream else { return };
        let mut kept = Vec::new();
        // The output before an error counts.
        let _ = stream.by_ref().take(limit).read_to_end(&mut kept);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        // Nobody may be listening any more.
        let _ = sender.send(kept);
    });
    receiver
}

/// How reading came to an end.
enum End {
    Stopped,
    Itself,
    Late,
    Greedy(String),
}

/// Waits for the child while it keeps its limits, then ends all that it started.
fn wait(child: &mut Child, mut leash: Leash, limit: Duration, limits: &Limits, stopped: &dyn Fn() -> bool) -> End {
    let begun = Instant::now();
    let end = loop {
        let left = limit.saturating_sub(begun.elapsed());
        // If the kernel cannot report the end, the reader is waited for without a time limit.
        if wait_for_end(child, left.min(TICK)).unwrap_or(true) {
            break End::Itself;
        }
        if stopped() {
            break End::Stopped;
        }
        if let Some(excess) = leash.usage(child).excess(limits) {
            break End::Greedy(excess);
        }
        if begun.elapsed() >= limit {
            break End::Late;
        }
    };
    // Its status says nothing that its output does not.
    let _ = leash.end(child);
    end
}

/// The script's output: the slots, and whether the file ended the shell.
fn parse(output: &[u8]) -> Option<(State, bool)> {
    let mut words = output.split(|&b| b == 0).map(String::from_utf8_lossy);
    let mut state = State::new();
    loop {
        match words.next()?.as_ref() {
            "slot" => {
                let (name, slot, value) = (words.next()?, words.next()?, words.next()?);
                // An associative array has other keys; they are no slots.
                if let Ok(slot) = slot.parse() {
                    state.entry(name.into_owned()).or_default().insert(slot, value.into_owned());
                }
            }
            "end" => return Some((state, false)),
            "exit" => return Some((State::new(), true)),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_without_its_end_is_no_result() {
        assert!(parse(b"").is_none());
        assert!(parse(b"slot\0MAKE\x000\0x\0").is_none());
        assert!(parse(b"nonsense\0end\0").is_none());
    }

    #[test]
    fn slots_are_told_apart_from_other_keys() {
        let (state, exited) = parse(b"slot\0MAKE\x003\0a b\0slot\0MAKE\0key\0c\0end\0").unwrap();
        assert_eq!(state["MAKE"].iter().collect::<Vec<_>>(), [(&3, &"a b".to_owned())]);
        assert!(!exited);
        assert_eq!(parse(b"exit\0"), Some((State::new(), true)));
    }
}
