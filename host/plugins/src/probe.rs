//! Probes: commands whose output is a fact of the system. Their arguments are fixed; a query
//! adds the paths of the files that it is about.

use std::collections::BTreeMap;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use super::manifest::Probe;
use super::search::FoundIn;
use crate::files::owner::check_owner;
use modsmith_facts::{System, find_program};
use modsmith_sandbox::{Confinement, Wall, start};

/// Answers so far: a probe runs once per process.
#[derive(Debug, Default)]
pub struct Probes(Mutex<BTreeMap<Question, Result<String, String>>>);

/// Whether the probes of a plugin are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probing {
    /// Probes are run, confined as far as the system can.
    Always,
    /// Probes are run where the system can keep them from changing anything.
    Confined,
    Never,
}

impl Probing {
    /// The choice for a plugin from this place. `acting`: the system is to be changed.
    pub fn of(acting: bool, found_in: FoundIn) -> Self {
        match (acting, found_in.is_unvetted()) {
            (true, _) => Probing::Always,
            (false, false) => Probing::Confined,
            (false, true) => Probing::Never,
        }
    }
}

/// A program, its arguments, and the streams that are its answer.
type Question = (String, Vec<String>, Streams);

/// Longest output that is kept.
const LONGEST: u64 = 64 << 10;
const TIME_LIMIT: Duration = Duration::from_secs(20);

impl Probes {
    /// Standard output without trailing newlines; the error says which program
    /// failed and how, or why it was not started.
    pub fn output(&self, probe: &Probe, system: &System, probing: Probing) -> Result<String, String> {
        self.answer(probe, system, probing, Streams::Output)
    }

    /// The whole output of the probe about files, without trailing newlines, for every exit code.
    pub fn query(&self, probe: &Probe, paths: &[String], system: &System, probing: Probing) -> Result<String, String> {
        self.answer(&about(probe, paths), system, probing, Streams::Both)
    }

    fn answer(&self, probe: &Probe, system: &System, probing: Probing, streams: Streams) -> Result<String, String> {
        let key = (probe.program.clone(), probe.arguments.clone(), streams);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(key).or_insert_with(|| run(probe, system, probing, streams)).clone()
    }

    /// Records an output of the probe, as a test's facts have it: the probe is not run.
    pub fn know(&self, probe: &Probe, output: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for streams in [Streams::Output, Streams::Both] {
            let key = (probe.program.clone(), probe.arguments.clone(), streams);
            known.insert(key, Ok(output.to_owned()));
        }
    }
}

/// A probe as a query starts it.
pub fn about(probe: &Probe, paths: &[String]) -> Probe {
    let arguments = [probe.arguments.as_slice(), paths].concat();
    Probe { arguments, ..probe.clone() }
}

/// The streams of a program that are its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Streams {
    /// The program's standard output, if the program succeeds.
    Output,
    /// The program's standard output and messages, whether it succeeds or not.
    Both,
}

fn run(probe: &Probe, system: &System, probing: Probing, streams: Streams) -> Result<String, String> {
    let name = &probe.program;
    if !system.is_live() {
        return Err(format!(
            "`{name}` was not asked: programs of the system below {} are not run, and this system's may answer differently",
            system.root.display()
        ));
    }
    let path = find_program(&system.root, name).ok_or_else(|| format!("the program `{name}` is not installed"))?;
    if rustix::process::geteuid().is_root() {
        check_owner(&path)?;
    }
    let (output, printed) = std::io::pipe().map_err(|e| format!("`{name}` cannot be listened to: {e}"))?;
    let mut program = command(probe, &path, printed, streams)?;
    let walls: &[Wall] = if probing == Probing::Always { &[] } else { &[Wall::Writes, Wall::Network] };
    let confined = Confinement::observer().require(walls).prepare(&mut program);
    let leash = confined.map_err(|e| format!("`{name}` cannot be confined: {e}"))?;
    let mut child = start(&mut program).map_err(|e| match e.kind() {
        ErrorKind::PermissionDenied if !walls.is_empty() => {
            format!("`{name}` was not asked: this system cannot keep it from changing anything")
        }
        _ => format!("`{name}` cannot be started: {e}"),
    })?;
    // The output ends with the program, and not only with the command that has started it.
    drop(program);

    let answer = read_output(output);
    if !matches!(&answer, Ok(Ok(text)) if text.len() as u64 <= LONGEST) {
        // Ends all processes of a program that prints too much, or for too long.
        drop(leash);
    }
    let status = child.wait().map_err(|e| format!("`{name}` cannot be waited for: {e}"))?;
    let text = answer
        .map_err(|_| format!("`{name}` did not answer within {} s", TIME_LIMIT.as_secs()))?
        .map_err(|e| format!("the output of `{name}` cannot be read: {e}"))?;
    if text.len() as u64 > LONGEST {
        return Err(format!("`{name}` printed more than {LONGEST} bytes"));
    }
    if streams == Streams::Output && !status.success() {
        return Err(format!("`{name}` failed ({status})"));
    }
    let text = String::from_utf8(text).map_err(|_| format!("the output of `{name}` is not UTF-8"))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// The command of a probe, with nothing of this process's environment. It prints to `printed`.
fn command(probe: &Probe, path: &Path, printed: PipeWriter, streams: Streams) -> Result<Command, String> {
    let messages = match streams {
        Streams::Output => Stdio::null(),
        Streams::Both => {
            let shared = printed.try_clone();
            shared.map_err(|e| format!("`{}` cannot be listened to: {e}", probe.program))?.into()
        }
    };
    let mut command = Command::new(path);
    command
        .args(&probe.arguments)
        .env_clear()
        .env("PATH", modsmith_facts::PROGRAM_PATH.join(":"))
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(printed)
        .stderr(messages);
    Ok(command)
}

/// Everything that is printed until the program ends, up to one byte more than [`LONGEST`]. The outer
/// error says that the program has not ended within [`TIME_LIMIT`].
fn read_output(output: PipeReader) -> Result<std::io::Result<Vec<u8>>, mpsc::RecvTimeoutError> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.take(LONGEST + 1).read_to_end(&mut text);
        // There is no receiver any more after the time limit.
        let _ = sender.send(read.map(|_| text));
    });
    receiver.recv_timeout(TIME_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::OsRelease;

    fn ask(root: &str, program: &str, arguments: &[&str]) -> Result<String, String> {
        let arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
        let probe = Probe { name: "p".into(), program: program.into(), arguments };
        Probes::default().output(&probe, &System::new(root, OsRelease::default()), Probing::Confined)
    }

    #[test]
    fn the_output_is_returned_without_its_last_newlines() {
        assert_eq!(ask("/", "printf", &["a\\nb\\n\\n"]), Ok("a\nb".into()));
    }

    #[test]
    fn nothing_of_the_environment_reaches_the_program() {
        assert_eq!(ask("/", "sh", &["-c", "echo \"$LC_ALL ${HOME-none}\""]), Ok("C none".into()));
    }

    #[test]
    fn a_missing_or_failing_program_and_too_much_output_are_errors() {
        assert!(ask("/", "no-such-program", &[]).unwrap_err().contains("not installed"));
        assert!(ask("/", "false", &[]).unwrap_err().contains("`false` failed"));
        assert!(ask("/", "yes", &[]).unwrap_err().contains("more than"));
    }

    #[test]
    fn a_program_that_is_asked_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let script = format!("echo x > {0}/new; echo asked", dir.path().display());
        assert_eq!(ask("/", "sh", &["-c", &script]), Ok("asked".into()));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn programs_of_another_system_are_not_run() {
        assert!(ask("/nonexistent", "true", &[]).unwrap_err().contains("not asked"));
    }
}
