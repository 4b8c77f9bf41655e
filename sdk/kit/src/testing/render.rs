//! A plan as text, one step per line, with paths as manifests write them: the
//! form of expected.plan.

use modsmith_facts::Location;
use modsmith_plan::{Action, Argument, Command, OnFailure, Program, Signature, Step};

/// A line for each step.
pub fn lines(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| line(&step.action)).collect()
}

/// A word of a command; one that would not be read as a word is quoted.
pub fn argument(argument: &Argument) -> String {
    match argument {
        Argument::Text(text) if text.is_empty() || text.contains(char::is_whitespace) => format!("'{text}'"),
        Argument::Text(text) => text.clone(),
        Argument::Location(at) => path(at),
    }
}

fn line(action: &Action) -> String {
    match action {
        Action::Note(text) => format!("note {text}"),
        Action::MakeDirectory { at } => format!("make-directory {}", path(at)),
        Action::WriteFile { at, contents, mode } => {
            format!("write-file {} {mode:o} {}", path(at), content(&contents.0)).trim_end().to_owned()
        }
        Action::Copy { from, to } | Action::Import { from, to } => format!("copy {} {}", path(from), path(to)),
        Action::Rename { from, to } => format!("rename {} {}", path(from), path(to)),
        Action::Symlink { at, target } => format!("symlink {} {target}", path(at)),
        Action::Remove { at } => format!("remove {}", path(at)),
        Action::BackUp { at, suffix } => format!("back-up {} {suffix}", path(at)),
        Action::Pack { tree, to, format, compress } => {
            format!("pack {} {} {format:?} {compress:?}", path(tree), path(to)).to_lowercase()
        }
        Action::Unpack { archive, to } => format!("unpack {} {}", path(archive), path(to)),
        Action::Run(command) => run(command),
        Action::AppendSignature(signature) => append_signature(signature),
        Action::Collect { from, glob, to } => format!("collect {} {glob} {}", path(from), path(to)),
        // Steps that only the host makes.
        Action::Prune { at, .. } => format!("prune {}", path(at)),
        Action::Record { at, .. } => format!("record {}", path(at)),
        Action::Expect { files } => format!("expect {}", files.iter().map(path).collect::<Vec<_>>().join(" ")),
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

fn append_signature(signature: &Signature) -> String {
    format!(
        "{} {} {} {} {}+{} bytes around it",
        verb("append-signature", signature.failure),
        path(&signature.file),
        path(&signature.key),
        signature.algorithm.name(),
        signature.before.0.len(),
        signature.after.0.len()
    )
}

fn verb(name: &str, failure: OnFailure) -> String {
    let or = match failure {
        OnFailure::Abort => "",
        OnFailure::Warn => "-or-warn",
        OnFailure::Ignore => "-or-ignore",
    };
    format!("{name}{or}")
}

fn run(command: &Command) -> String {
    let program = match &command.program {
        Program::Named(name) => name.clone(),
        Program::At(at) => path(at),
    };
    let words = command.arguments.iter().map(argument);
    let input = command.input.iter().map(|line| format!("<< {}", argument(line)));
    [verb("run", command.failure), program].into_iter().chain(words).chain(input).collect::<Vec<_>>().join(" ")
}

fn path(at: &Location) -> String {
    if at.relative().as_os_str().is_empty() {
        return at.root.name().to_owned();
    }
    format!("{}/{}", at.root.name(), at.relative().display())
}
