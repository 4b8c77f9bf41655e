//! Errors as the user sees them: as text, as JSON, and as the exit code.
//!
//! An error itself has the sentences that say what happened and what to do. [`exit_code`] chooses the exit
//! code of its kind, in `modsmith-plugin` too. This file chooses the exit codes of answers and cells. No
//! other file of this crate chooses one.

use super::Persona;
pub use modsmith_core::error::exit_code;
use modsmith_core::error::{Error, Kind};
use modsmith_facts::text::line;
use modsmith_matrix::CellOutcome;
use modsmith_verdict::Answer;

/// The exit code of `modsmith ready`, as monitoring programs have it: 0 good, 1 a warning, 2 critical,
/// 3 unknown.
pub fn exit_code_of_answer(answer: Answer) -> u8 {
    match answer {
        Answer::Safe => 0,
        Answer::Degraded => 1,
        Answer::Unsafe => 2,
        Answer::Unknown => 3,
    }
}

/// The exit code of `modsmith cell`. A cell that was not run has none; 30 stands for it.
pub fn exit_code_of_cell(outcome: CellOutcome) -> u8 {
    match outcome {
        CellOutcome::Built | CellOutcome::Found => 0,
        CellOutcome::Failed => 10,
        CellOutcome::HeadersMissing => 21,
        CellOutcome::Infrastructure | CellOutcome::NotRun => 30,
        CellOutcome::Excluded => 77,
    }
}

/// Every id that an error can have, with its exit code: `None` where a script or a
/// plugin chooses it. `docs/reference/messages.md` explains each.
pub fn ids() -> Vec<(&'static str, Option<u8>)> {
    let code = |kind| match kind {
        Kind::Script(_) | Kind::Format(_) => None,
        kind => Some(exit_code(kind)),
    };
    let kinds = Kind::ALL.iter().copied().map(|kind| (kind.id(), kind));
    let plugins = modsmith_plugins::error::Id::ALL.iter().map(|id| (id.name(), Kind::from(id.kind())));
    let mut ids: Vec<_> = kinds.chain(plugins).map(|(id, kind)| (id, code(kind))).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The member `error` of a document; described by `docs/reference/error-schema.json`.
#[derive(Debug, serde::Serialize)]
pub struct ErrorView<'a> {
    id: &'static str,
    kind: &'static str,
    message: &'a str,
    details: &'a [String],
    hints: &'a [String],
    exit_code: u8,
}

impl<'a> ErrorView<'a> {
    pub fn new(error: &'a Error) -> Self {
        Self {
            id: error.id(),
            kind: error.kind.id(),
            message: &error.message,
            details: &error.details,
            hints: &error.hints,
            exit_code: exit_code(error.kind),
        }
    }
}

/// A document that is nothing but an error.
#[derive(Debug, serde::Serialize)]
pub struct ErrorDocument<'a> {
    error: ErrorView<'a>,
}

impl<'a> ErrorDocument<'a> {
    pub fn new(error: &'a Error) -> Self {
        Self { error: ErrorView::new(error) }
    }
}

/// A command line that clap does not take; `None` where it asks for help or the
/// version. clap's own text has a head, the message, and what to do.
pub fn of_clap(error: &clap::Error) -> Option<Error> {
    use clap::error::ErrorKind::*;
    let kind = match error.kind() {
        DisplayHelp | DisplayVersion => return None,
        // dkms knows no `--force=yes` either.
        UnknownArgument | TooManyValues => Kind::UnknownOption,
        InvalidValue if lacks_kernel_or_arch(error) => Kind::KernelOrArchEmpty,
        _ => Kind::Usage,
    };
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let hints = rest.lines().filter_map(|line| line.trim().strip_prefix("tip: "));
    let hints = hints.map(|tip| match tip.strip_prefix("a similar argument exists: ") {
        Some(meant) => format!("Did you mean `{}`?", meant.trim_matches('\'')),
        None => tip.to_owned(),
    });
    Some(hints.fold(Error::new(kind, message), Error::hint))
}

/// Removes a suggestion that is not close to the given word: clap suggests an option for any word.
pub fn without_far_suggestion(error: &mut clap::Error) {
    use clap::error::{ContextKind, ContextValue};
    let name = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.trim_start_matches('-').split('=').next().map(str::to_owned),
        _ => None,
    };
    if let (Some(given), Some(meant)) = (name(ContextKind::InvalidArg), name(ContextKind::SuggestedArg)) {
        let begins = given.len() > 2 && meant.starts_with(&given);
        if !begins && strsim::damerau_levenshtein(&given, &meant) > given.chars().count().div_ceil(4) {
            error.remove(ContextKind::SuggestedArg);
        }
    }
}

/// Whether `-k` or `-a` is the last word, or comes before another option.
fn lacks_kernel_or_arch(error: &clap::Error) -> bool {
    use clap::error::{ContextKind, ContextValue};
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let option = text(ContextKind::InvalidArg);
    text(ContextKind::InvalidValue).is_empty()
        && ["--kernelver ", "--arch "].iter().any(|name| option.starts_with(name))
}

/// dkms's callers look for `Error! `; people at `modsmith` get the usual form.
pub fn render(error: &Error, persona: Persona) -> String {
    let mut out = String::new();
    let head = match (persona, error.kind) {
        (Persona::Dkms, Kind::Excluded) => "Warning: ",
        (Persona::Dkms, _) => "\nError! ",
        (Persona::Modsmith, Kind::Excluded) => "warning: ",
        (Persona::Modsmith, _) => "error: ",
    };
    out += &format!("{head}{}\n", line(&error.message));
    for detail in &error.details {
        out += &format!("{}\n", line(detail));
    }
    if persona == Persona::Modsmith && !error.hints.is_empty() {
        out.push('\n');
    }
    for hint in error.hints.iter().map(|hint| line(hint)) {
        out += &match persona {
            Persona::Dkms => format!("{hint}\n"),
            Persona::Modsmith => format!("hint: {}\n", typed_as_modsmith(&hint)),
        };
    }
    out
}

/// A hint with its commands as people type them at `modsmith`, which has all commands of dkms.
pub fn typed_as_modsmith(hint: &str) -> String {
    hint.replace("`dkms ", "`modsmith ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[arg(short, long = "kernelver", value_name = "KERNEL")]
        kernel: Option<String>,
        #[arg(long, value_parser = ["a", "b"])]
        letter: Option<String>,
        #[arg(long)]
        force: bool,
    }

    fn error(words: &[&str]) -> Error {
        let mut error = Line::try_parse_from(words).unwrap_err();
        without_far_suggestion(&mut error);
        of_clap(&error).unwrap()
    }

    #[test]
    fn a_command_line_that_is_not_understood_has_an_id_and_a_message() {
        let unknown = error(&["x", "--leter"]);
        assert_eq!((unknown.id(), exit_code(unknown.kind)), ("unknown-option", 2));
        assert_eq!(unknown.message, "unexpected argument '--leter' found");
        assert!(unknown.hints[0].contains("--letter"), "{unknown:?}");
        assert_eq!(error(&["x", "-k"]).id(), "kernel-or-arch-empty");
        assert_eq!(error(&["x", "--letter", "c"]).id(), "usage");
        // A value of an option that has none.
        assert_eq!(error(&["x", "--force=yes"]).id(), "unknown-option");
        assert!(of_clap(&Line::try_parse_from(["x", "--help"]).unwrap_err()).is_none());
    }

    #[test]
    fn only_a_name_that_is_close_is_suggested() {
        let suggested = |word: &str| error(&["x", word]).hints.iter().any(|hint| hint.starts_with("Did you mean"));
        for word in ["--leter", "--kernel", "--forc"] {
            assert!(suggested(word), "{word}: {:?}", error(&["x", word]).hints);
        }
        for word in ["--k", "--no-such", "--force-it", "--ever"] {
            assert!(!suggested(word), "{word}: {:?}", error(&["x", word]).hints);
        }
    }

    #[test]
    fn a_problem_of_a_plugin_has_an_id_of_its_own_and_the_exit_code_of_its_kind() {
        let error = modsmith_plugins::Error::NoSuchPlugin { plugin: "x".into() };
        let error = Error::from(error);
        let view = serde_json::to_value(ErrorDocument::new(&error)).unwrap();
        assert_eq!(view["error"]["id"], "plugin-unknown");
        assert_eq!(view["error"]["kind"], "usage");
        assert_eq!(view["error"]["exit_code"], 1);
        assert_eq!(view["error"]["message"], "There is no plugin `x`.");
    }

    #[test]
    fn each_id_has_one_exit_code() {
        let mut ids: Vec<&str> = ids().into_iter().map(|(id, _)| id).collect();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
