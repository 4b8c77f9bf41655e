//! Reads one file, without a shell where that is exact, else with bash: for
//! dkms.conf and framework.conf.

use crate::conf::SettingsFile;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bash_assign::{Bash, Input, ReadError, State};
use modsmith_sandbox::{Readable, can_become_nobody};

use super::{Reader, ReaderChoice, confinement};
use crate::environment::current_directory;
use crate::error::{Error, Kind};
use modsmith_facts::{PROGRAM_PATH, find_program, inside};
use modsmith_plan::INTERRUPTED;

/// How long bash may be slow for all files together, in seconds. One file after the other could
/// keep it busy for nearly the time that one may take.
const SLOWNESS: u64 = 120;

/// The time that a reading may take without counting as slow.
const USUAL: Duration = Duration::from_secs(1);

/// How long bash has been slow so far, in milliseconds.
static SLOW: AtomicU64 = AtomicU64::new(0);

/// How one file was read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reading {
    pub file: PathBuf,
    pub reader: Reader,
    /// Why bash was needed: the first construct that the plain reader does not
    /// know exactly. `None` where it was not, or was asked for.
    pub reason: Option<String>,
    /// The walls that stood while bash ran, as words; `None` for the plain
    /// reader.
    pub confinement: Option<String>,
    /// The file ended the shell (by `exit`, or at a limit), so that nothing it
    /// set counts.
    pub exited: bool,
}

/// The result of reading one file.
pub(super) struct ReadConf {
    pub state: State,
    pub stderr: String,
    pub reading: Reading,
}

/// Reads `input.file`. Errors: `ConfUnreadable` when it cannot be opened or is
/// no text; `ConfInvalid` when only the plain reader may read it and cannot, or
/// when bash does not come to an end.
pub(super) fn read(input: &Input<'_>, choice: ReaderChoice, limit: Duration) -> Result<ReadConf, Error> {
    let bytes = inside::read_configuration(input.file).map_err(|e| unreadable(input.file, &e))?;
    let reading =
        |reader, reason| Reading { file: input.file.into(), reader, reason, confinement: None, exited: false };
    // A file name pattern is seen from where the program was started.
    let cwd = current_directory();
    let mut reason = None;
    if choice != ReaderChoice::Bash {
        let stop = match std::str::from_utf8(&bytes) {
            Ok(text) => match bash_assign::read_without_shell(text, input, &cwd) {
                Ok(state) => {
                    return Ok(ReadConf { state, stderr: String::new(), reading: reading(Reader::Plain, None) });
                }
                Err(stop) if stop.line == 0 => stop.construct,
                Err(stop) => stop.to_string(),
            },
            Err(_) => "text that is not UTF-8".into(),
        };
        if choice == ReaderChoice::Plain {
            return Err(Error::new(
                Kind::ConfInvalid,
                format!("{} cannot be read without a shell: {stop}.", input.file.display()),
            )
            .hint("Allow bash to read it, or write it with plain assignments only."));
        }
        reason = Some(stop);
    }
    if bytes.contains(&0) {
        return Err(Error::new(
            Kind::ConfUnreadable,
            format!("{} is not a text file: it contains NUL bytes.", input.file.display()),
        )
        .hint("Replace it with the package's dkms.conf; this file is binary or damaged."));
    }
    let output = with_bash(input, &bytes, limit)?;
    let mut reading = reading(Reader::Bash, reason);
    reading.confinement = Some(output.level.map(|level| level.to_string()).unwrap_or_default());
    reading.exited = output.exited;
    Ok(ReadConf { state: output.state, stderr: output.stderr, reading })
}

/// How long the next reading may take, which is no more than `limit`. `None`: bash has been slow for
/// too long already.
fn time_left(limit: Duration, slow: &AtomicU64) -> Option<Duration> {
    let left = SLOWNESS.saturating_sub(slow.load(Ordering::Relaxed) / 1000);
    (left > 0).then(|| limit.min(Duration::from_secs(left) + USUAL))
}

/// Notes how long a reading took.
fn note_time(taken: Duration, slow: &AtomicU64) {
    let over = u64::try_from(taken.saturating_sub(USUAL).as_millis()).unwrap_or(u64::MAX);
    slow.fetch_add(over, Ordering::Relaxed);
}

/// Has bash read a file. Errors: `System` when bash is missing or cannot be started or
/// confined, `ConfInvalid` when it does not end within its limits or dies, or when bash was
/// slow for too many files before it.
fn with_bash(input: &Input<'_>, text: &[u8], limit: Duration) -> Result<bash_assign::Output, Error> {
    let file = input.file.display();
    let limit = time_left(limit, &SLOW).ok_or_else(|| {
        let message = format!("{file} was not read: bash has taken more than {SLOWNESS} seconds for the files before it.");
        Error::new(Kind::ConfInvalid, message)
            .hint("`modsmith conf MODULE/VERSION` reads one file alone. Correct or remove the packages whose files take long.")
    })?;
    let program = find_program(Path::new("/"), "bash").ok_or_else(|| {
        Error::new(Kind::System, format!("bash is needed to read {file}, and it is not installed."))
            .hint("Install bash, or write the file with plain assignments only.")
    })?;
    let path = PROGRAM_PATH.join(":");
    let required = confinement::Settings::read()?.walls_of_readers();
    let bash = Bash { program: &program, path: &path, readable: readable(input), required, limit };
    let stopped = || INTERRUPTED.load(Ordering::SeqCst);
    let failure = |message: String, stderr: String, hint: &str| {
        Error::new(Kind::ConfInvalid, message).details(stderr.lines()).hint(hint)
    };
    let begun = Instant::now();
    let result = bash.read(input, text, &stopped);
    note_time(begun.elapsed(), &SLOW);
    result.map_err(|error| match error {
        ReadError::NotStarted(e) => Error::new(Kind::System, format!("Could not start bash to read {file}: {e}."))
            .hint("Check that /bin/bash runs.")
            .source(e),
        ReadError::NotConfined(level) => confinement::refusal(input.file, level, required),
        ReadError::Stopped => {
            Error::new(Kind::Interrupted, format!("A signal stopped the reading of {file}; nothing was changed."))
        }
        ReadError::Late { stderr } => failure(
            format!("{file} did not finish within {} seconds.", limit.as_secs_f32()),
            stderr,
            "Look for an endless loop, or for a command in it that waits for something.",
        ),
        ReadError::Greedy { excess, stderr } => failure(
            format!("{file} used {excess} while it was read, and was stopped."),
            stderr,
            "Look for a loop in it that starts programs or lets a variable grow.",
        ),
        ReadError::NoResult { stderr } => failure(
            format!("bash gave no result for {file}."),
            stderr,
            "The lines above are from bash. The file may end the shell, or need too much memory or processor time.",
        ),
    })
}

/// The paths that a dkms.conf may read beside itself and its directory: the system, and the paths in
/// its variables.
fn readable(input: &Input<'_>) -> Readable {
    let mut readable = Readable::system(can_become_nobody());
    let first = |name: &str| input.state.get(name).and_then(|slots| slots.get(&0));
    let path = |name: &str| input.scalars.get(name).or_else(|| first(name)).map(Path::new).filter(|p| p.is_absolute());
    for name in ["source_tree", "install_tree"] {
        path(name).into_iter().for_each(|path| readable.and_directory(path));
    }
    path("kernel_source_dir").into_iter().for_each(|path| super::confinement::open_kernel(&mut readable, path));
    path("kernel_config").into_iter().for_each(|path| readable.and_file(path));
    path("dkms_tree").into_iter().for_each(|path| super::confinement::open_tree(&mut readable, path));
    readable
}

/// Refuses a dkms.conf that cannot be read.
///
/// Errors: `ConfUnreadable` when it cannot be opened or is too large.
pub fn check_readable(file: &Path) -> Result<(), Error> {
    inside::read_configuration(file).map(drop).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &io::Error) -> Error {
    let error_out = Error::new(Kind::ConfUnreadable, format!("Could not read {}: {error}.", file.display()));
    match error.kind() {
        io::ErrorKind::NotFound => error_out.hint("Put the package's dkms.conf there, or name the right file with -c."),
        io::ErrorKind::PermissionDenied => error_out.hint("Make the file readable, or run the command as root."),
        _ => error_out.hint("A dkms.conf must be a readable text file."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_slow_one_after_the_other_use_up_the_time_of_all() {
        let slow = AtomicU64::new(0);
        let limit = Duration::from_secs(30);
        // Many files of the usual speed do not count.
        for _ in 0..10_000 {
            note_time(Duration::from_millis(900), &slow);
        }
        let mut readings = 0;
        while let Some(left) = time_left(limit, &slow) {
            note_time(left, &slow);
            readings += 1;
        }
        assert_eq!(readings, 5, "four of 29 seconds over the usual one, and one of what was left");
    }
}
