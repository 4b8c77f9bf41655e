//! A plan as text, one step per line, with paths as manifests write them: the
//! form of expected.plan.

use modsmith_facts::Location;
use modsmith_facts::text::field;
use modsmith_plan::{Action, Argument, OnFailure, Step, Word};

/// A line for each step: no text in it makes a further one.
pub fn lines(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| field(&line(&step.action)).into_owned()).collect()
}

/// The lines of an answer: no text in one makes a further one.
pub fn block(lines: &[String]) -> String {
    lines.iter().map(|line| field(line)).collect::<Vec<_>>().join("\n")
}

/// A word of a command; one that would not be read as a word is quoted.
pub fn argument(argument: &Argument) -> String {
    match argument {
        Argument::Text(text) if text.is_empty() || text.contains(char::is_whitespace) => format!("'{text}'"),
        Argument::Text(text) => text.clone(),
        Argument::Location(location) => path(location),
    }
}

fn line(action: &Action) -> String {
    let (name, words) = (verb(action.verb().name(), action.verb().on_failure()), action.verb().words());
    let spelled = words.iter().map(|word| match word {
        Word::Text(text) => text.to_string(),
        Word::Location(location) => path(location),
        Word::Argument(word) => argument(word),
        Word::Contents(bytes) => content(&bytes.0),
    });
    let line = std::iter::once(name).chain(spelled).collect::<Vec<_>>().join(" ");
    match words.last() {
        Some(Word::Contents(_)) => line.trim_end().to_owned(),
        _ => line,
    }
}

/// Text as it is, on one line; of anything else what tells it from others.
fn content(bytes: &[u8]) -> String {
    use sha2::Digest;
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => text.escape_debug().to_string(),
        _ => format!("{} bytes, sha256:{}", bytes.len(), hex::encode(sha2::Sha256::digest(bytes))),
    }
}

fn verb(name: &str, failure: OnFailure) -> String {
    let or = match failure {
        OnFailure::Abort => "",
        OnFailure::Warn => "-or-warn",
        OnFailure::Ignore => "-or-ignore",
    };
    format!("{name}{or}")
}

/// As plugins name it: `boot/x`.
pub fn path(location: &Location) -> String {
    if location.relative().as_os_str().is_empty() {
        return location.root.name().to_owned();
    }
    format!("{}/{}", location.root.name(), location.relative().display())
}
