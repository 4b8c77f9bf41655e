//! The bash reader: real bash, confined.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions};

use super::source::{Input, State};
use crate::error::{Error, Kind};
use crate::system::{Limits, PROGRAM_PATH, confine, find_program, kill_group, start};

/// Prints the twice evaluated values of one file.
const SCRIPT: &str = include_str!("read.sh");

/// More output than any configuration has, in bytes.
const OUTPUT_LIMIT: u64 = 16 << 20;

/// More complaints than anybody reads, in bytes.
const STDERR_LIMIT: u64 = 64 << 10;

pub(super) struct Output {
    pub state: State,
    pub stderr: String,
    pub exited: bool,
    /// The measures that held, as words.
    pub confinement: String,
}

/// Sources a file in bash. Errors: `System` when bash is missing or cannot be
/// started, `ConfInvalid` when it does not end within `limit` or dies.
pub(super) fn read(input: &Input<'_>, limit: Duration) -> Result<Output, Error> {
    let mut command = command(input)?;
    // The clock on the wall is to end it first: its message is the clearer one.
    let limits = Limits { cpu: limit + Duration::from_secs(1), memory: 1 << 30, processes: 512 };
    let failed = |e: std::io::Error| {
        Error::new(Kind::System, format!("Could not start bash to read {}: {e}.", input.file.display()))
            .hint("Check that /bin/bash runs.")
            .source(e)
    };
    let watch = confine(&mut command, &limits).map_err(failed)?;
    let mut child = start(&mut command).map_err(failed)?;
    let stdout = collect(child.stdout.take(), OUTPUT_LIMIT);
    let stderr = collect(child.stderr.take(), STDERR_LIMIT);
    let confinement = watch.level().map(|level| level.to_string()).unwrap_or_default();
    let in_time = wait(&mut child, limit);
    // The pipes end with the last process that holds them, which is dead now;
    // one that left the group is not waited for.
    let output = |stream: mpsc::Receiver<Vec<u8>>| stream.recv_timeout(Duration::from_secs(2)).unwrap_or_default();
    let stderr = String::from_utf8_lossy(&output(stderr)).into_owned();
    let stdout = output(stdout);
    if !in_time {
        return Err(Error::new(
            Kind::ConfInvalid,
            format!("{} did not come to an end within {} seconds.", input.file.display(), limit.as_secs_f32()),
        )
        .details(stderr.lines())
        .hint("Look for an endless loop, or for a command in it that waits for something."));
    }
    match parse(&stdout) {
        Some((state, exited)) => Ok(Output { state, stderr, exited, confinement }),
        None => Err(Error::new(
            Kind::ConfInvalid,
            format!("bash came to no result while reading {}.", input.file.display()),
        )
        .details(stderr.lines())
        .hint("The lines above are bash's own; a file that ends the shell or needs too much memory or processor time does this.")),
    }
}

fn command(input: &Input<'_>) -> Result<Command, Error> {
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

/// Waits for the child, then ends all that it started. `false`: the time ran
/// out.
fn wait(child: &mut Child, limit: Duration) -> bool {
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return false };
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Left as a zombie, so that its id stays its own until the group is killed.
        let _ = rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let _ = sender.send(());
    });
    let in_time = receiver.recv_timeout(limit).is_ok();
    kill_group(pid);
    let _ = child.wait();
    in_time
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
