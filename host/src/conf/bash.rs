//! The bash reader: real bash, confined.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::confinement;
use super::source::{Input, State};
use crate::error::{Error, Kind};
use crate::plan::INTERRUPTED;
use crate::system::{
    Confinement, Leash, Limits, PROGRAM_PATH, Readable, can_become_nobody, find_program, start, wait_for_end,
};

/// Prints the twice evaluated values of one file.
const SCRIPT: &str = include_str!("read.sh");

/// More output than any configuration has, in bytes.
const OUTPUT_LIMIT: u64 = 16 << 20;

/// More complaints than anybody reads, in bytes.
const STDERR_LIMIT: u64 = 64 << 10;

/// How often it is looked how much the reader uses.
const TICK: Duration = Duration::from_millis(20);

pub(super) struct Output {
    pub state: State,
    pub stderr: String,
    pub exited: bool,
    /// The walls that stood, as words.
    pub confinement: String,
}

/// Has bash source a file whose text was read already. Errors: `System` when bash is missing or
/// cannot be started or confined, `ConfInvalid` when it does not end within its limits or dies.
pub(super) fn read(input: &Input<'_>, text: &[u8], limit: Duration) -> Result<Output, Error> {
    let failed = |e: std::io::Error| {
        Error::new(Kind::System, format!("Could not start bash to read {}: {e}.", input.file.display()))
            .hint("Check that /bin/bash runs.")
            .source(e)
    };
    let walls = confinement::required_walls()?;
    let text = copy_of(text).map_err(failed)?;
    let by_descriptor = format!("/dev/fd/{}", text.as_raw_fd());
    let mut command = command(input, &by_descriptor)?;
    // The clock on the wall is to end it first: its message is the clearer one.
    let limits = Limits { cpu: limit + Duration::from_secs(1), ..LIMITS };
    let directory = directory(input.file);
    let confinement = Confinement::reader(&readable(input, &directory), limits.clone()).require(walls);
    let confinement = confinement.find_way_to(&directory).keep(text);
    let mut leash = confinement.prepare(&mut command).map_err(failed)?;
    let mut child = match start(&mut command) {
        Ok(child) => child,
        Err(error) => {
            let refused = leash.level().filter(|level| walls.iter().any(|wall| !level.has(*wall)));
            return Err(refused.map_or_else(|| failed(error), |level| confinement::refusal(input.file, level, walls)));
        }
    };
    // Its copies of the streams and of the text.
    drop(command);
    let stdout = collect(child.stdout.take(), OUTPUT_LIMIT);
    let stderr = collect(child.stderr.take(), STDERR_LIMIT);
    let confinement = leash.level().map(|level| level.to_string()).unwrap_or_default();
    let end = wait(&mut child, leash, limit, &limits);
    // The pipes end with the last process that holds them, which is dead now; where
    // one may have been left, it is not waited for.
    let output = |stream: mpsc::Receiver<Vec<u8>>| stream.recv_timeout(Duration::from_secs(2)).unwrap_or_default();
    // A text that came by descriptor is named as the file that it is from.
    let stderr = String::from_utf8_lossy(&output(stderr)).replace(&by_descriptor, &input.file.display().to_string());
    let stdout = output(stdout);
    let file = input.file.display();
    let failure =
        |message: String, hint: &str| Err(Error::new(Kind::ConfInvalid, message).details(stderr.lines()).hint(hint));
    match (end, parse(&stdout)) {
        (End::Late, _) => failure(
            format!("{file} did not come to an end within {} seconds.", limit.as_secs_f32()),
            "Look for an endless loop, or for a command in it that waits for something.",
        ),
        (End::Greedy(excess), _) => failure(
            format!("{file} used {excess} while it was read, and was stopped."),
            "Look for a loop in it that starts programs or lets a variable grow.",
        ),
        (End::Stopped, _) => {
            Err(Error::new(Kind::Interrupted, format!("A signal stopped the reading of {file}; it changed nothing.")))
        }
        (End::Itself, Some((state, exited))) => Ok(Output { state, stderr, exited, confinement }),
        (End::Itself, None) => failure(
            format!("bash came to no result while reading {file}."),
            "The lines above are bash's own; a file that ends the shell or needs too much memory or processor time does this.",
        ),
    }
}

/// What a reader may use. A real one needs a few programs and some megabytes.
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

/// What a configuration may read: the system, its own directory, and what the
/// variables name that it is given.
fn readable(input: &Input<'_>, directory: &Path) -> Readable {
    let mut readable = Readable::system(can_become_nobody());
    readable.and_file(input.file);
    readable.and_directory(directory);
    let first = |name: &str| input.state.get(name).and_then(|slots| slots.get(&0));
    let path = |name: &str| input.scalars.get(name).or_else(|| first(name)).map(Path::new).filter(|p| p.is_absolute());
    for name in ["source_tree", "install_tree"] {
        path(name).into_iter().for_each(|path| readable.and_directory(path));
    }
    path("kernel_source_dir").into_iter().for_each(|path| readable.and_kernel(path));
    path("kernel_config").into_iter().for_each(|path| readable.and_file(path));
    path("dkms_tree").into_iter().for_each(|path| readable.and_tree(path));
    // File name patterns are seen from where the program was started.
    if let Ok(cwd) = std::env::current_dir() {
        readable.and_names(&cwd);
    }
    readable
}

fn command(input: &Input<'_>, by_descriptor: &str) -> Result<Command, Error> {
    let bash = find_program(Path::new("/"), "bash").ok_or_else(|| {
        Error::new(Kind::System, format!("{} needs bash to be read, and bash is not installed.", input.file.display()))
            .hint("Install bash, or write the file with plain assignments only.")
    })?;
    let mut command = Command::new(bash);
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
    command.env_clear().env("PATH", PROGRAM_PATH.join(":")).env("LC_ALL", "C");
    // The user's, not that of the user that the child becomes.
    command.envs(std::env::var_os("HOME").map(|home| ("HOME", home)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Reads a stream to its end in a thread, keeping at most `limit` bytes of it.
fn collect(stream: Option<impl Read + Send + 'static>, limit: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let Some(mut stream) = stream else { return };
        let mut kept = Vec::new();
        // What was read before an error counts.
        let _ = stream.by_ref().take(limit).read_to_end(&mut kept);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        // Nobody may be listening any more.
        let _ = sender.send(kept);
    });
    receiver
}

/// How reading came to an end.
enum End {
    Itself,
    Late,
    /// A signal told this program to stop, while a plan was carried out elsewhere in it.
    Stopped,
    Greedy(String),
}

/// Waits for the child while it keeps its limits, then ends all that it started.
fn wait(child: &mut Child, mut leash: Leash, limit: Duration, limits: &Limits) -> End {
    let begun = Instant::now();
    let end = loop {
        let left = limit.saturating_sub(begun.elapsed());
        // Where the kernel cannot tell, it is waited for without a limit of ours.
        if wait_for_end(child, left.min(TICK)).unwrap_or(true) {
            break End::Itself;
        }
        if INTERRUPTED.load(Ordering::SeqCst) {
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
                // An associative array has other keys; they are nobody's slots.
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
