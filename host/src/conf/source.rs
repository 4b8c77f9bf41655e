//! One file, read by whichever reader can: shared by dkms.conf and
//! framework.conf.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Reader, ReaderChoice, bash, plain};
use crate::error::{Error, Kind};
use crate::system::inside;

pub(super) type Slots = BTreeMap<u32, String>;
/// The kept variables, by name.
pub(super) type State = BTreeMap<String, Slots>;

/// What a reader is given.
pub(super) struct Input<'a> {
    pub file: &'a Path,
    /// The names to keep, in the order of the second evaluation.
    pub names: &'a [&'a str],
    /// Variables that the file may read.
    pub scalars: &'a BTreeMap<String, String>,
    /// The kept variables before this file.
    pub state: &'a State,
}

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

/// What came of one file.
pub(super) struct Outcome {
    pub state: State,
    pub stderr: String,
    pub reading: Reading,
}

/// Reads `input.file`. Errors: `ConfUnreadable` when it cannot be opened or is
/// no text; `ConfInvalid` when only the plain reader may read it and cannot, or
/// when bash does not come to an end.
pub(super) fn read(input: &Input<'_>, choice: ReaderChoice, limit: Duration) -> Result<Outcome, Error> {
    let bytes = inside::read_configuration(input.file).map_err(|e| unreadable(input.file, &e))?;
    let reading =
        |reader, reason| Reading { file: input.file.into(), reader, reason, confinement: None, exited: false };
    // A file name pattern is seen from where the program was started; a directory
    // that has gone has no entries.
    let cwd = std::env::current_dir().unwrap_or_else(|_| "/nonexistent".into());
    let mut reason = None;
    if choice != ReaderChoice::Bash {
        let stop = match std::str::from_utf8(&bytes) {
            Ok(text) => match plain::read(text, input, &cwd) {
                Ok(state) => {
                    return Ok(Outcome { state, stderr: String::new(), reading: reading(Reader::Plain, None) });
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
            format!("{} is not a text file: it holds NUL bytes.", input.file.display()),
        )
        .hint("Replace it by the package's dkms.conf; a binary or damaged file cannot be read as one."));
    }
    let output = bash::read(input, &bytes, limit)?;
    let mut reading = reading(Reader::Bash, reason);
    reading.confinement = Some(output.confinement);
    reading.exited = output.exited;
    Ok(Outcome { state: output.state, stderr: output.stderr, reading })
}

fn unreadable(file: &Path, error: &io::Error) -> Error {
    let error_out = Error::new(Kind::ConfUnreadable, format!("Could not read {}: {error}.", file.display()));
    match error.kind() {
        io::ErrorKind::NotFound => error_out.hint("Put the package's dkms.conf there, or name the right file with -c."),
        io::ErrorKind::PermissionDenied => error_out.hint("Make it readable, or run as root."),
        _ => error_out.hint("A dkms.conf must be a readable text file."),
    }
}
