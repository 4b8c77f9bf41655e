//! How text for people is shown: in colour or not, how wide, with which signs.

use std::ffi::OsString;

use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};

/// How wide text is where nothing says how wide the terminal is.
const USUAL_WIDTH: usize = 80;

/// Longer lines are hard to read: no text is wider.
pub const WIDEST: usize = 160;

/// On a narrower terminal, lines are wrapped by the terminal.
pub const NARROWEST: usize = 40;

/// The look of standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub colour: bool,
    /// Whether signs may be other characters than those of ASCII.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
    /// Whether a person reads along.
    pub terminal: bool,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Auto,
    Always,
    Never,
}

impl Look {
    /// The look that the environment and the option `--color` choose.
    ///
    /// Sources: <https://no-color.org>, <https://bixense.com/clicolors>, locale(7).
    pub fn of(environment: &Environment) -> Self {
        let terminal = super::screen::is_there();
        Self {
            colour: colour(environment, choice(environment.command()), terminal),
            unicode: is_unicode(environment),
            width: width(environment, terminal),
            terminal,
        }
    }
}

fn colour(environment: &Environment, choice: Choice, terminal: bool) -> bool {
    let set = |name: &str| environment.var(name).filter(|value| !value.is_empty());
    match choice {
        Choice::Always => true,
        Choice::Never => false,
        Choice::Auto if set("NO_COLOR").is_some() => false,
        Choice::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        Choice::Auto => terminal && set("TERM").is_some_and(|term| term != "dumb"),
    }
}

/// The first of these variables that is set counts.
fn is_unicode(environment: &Environment) -> bool {
    let set = |name: &&str| environment.text(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

fn width(environment: &Environment, terminal: bool) -> usize {
    let said = environment.text("COLUMNS").and_then(|columns| columns.trim().parse().ok());
    let width = said.or_else(|| terminal.then(super::screen::columns).flatten()).filter(|columns| *columns > 0);
    width.unwrap_or(USUAL_WIDTH).clamp(NARROWEST, WIDEST)
}

fn choice(words: &[OsString]) -> Choice {
    taken(words).ok().and_then(|(_, choice)| choice).unwrap_or(Choice::Auto)
}

/// A command line of `modsmith` without the option `--color`, which every command has.
///
/// # Errors
/// When its value is none that it can have.
pub fn without_color(words: &[OsString]) -> Result<Vec<OsString>> {
    taken(words).map(|(words, _)| words)
}

fn taken(words: &[OsString]) -> Result<(Vec<OsString>, Option<Choice>)> {
    let (mut left, mut choice) = (Vec::new(), None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            left.push(word.clone());
            break;
        }
        let value = match word.to_str().and_then(|word| word.strip_prefix("--color")) {
            Some("") => words.next().and_then(|value| value.to_str()).unwrap_or_default(),
            Some(rest) if rest.starts_with('=') => &rest[1..],
            _ => {
                left.push(word.clone());
                continue;
            }
        };
        choice = Some(match value {
            "auto" => Choice::Auto,
            "always" => Choice::Always,
            "never" => Choice::Never,
            other => {
                return Err(Error::new(Kind::Usage, format!("`{other}` is not a value of --color."))
                    .hint("Write --color auto, --color always or --color never."));
            }
        });
    }
    left.extend(words.cloned());
    Ok((left, choice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn color_is_taken_out_wherever_it_is_and_the_last_one_counts() {
        let (left, choice) = taken(&words("modsmith --color never status --color=always -m x")).unwrap();
        assert_eq!((left, choice), (words("modsmith status -m x"), Some(Choice::Always)));
        assert_eq!(taken(&words("modsmith -- --color never")).unwrap(), (words("modsmith -- --color never"), None));
        assert_eq!(taken(&words("modsmith --colors")).unwrap().0, words("modsmith --colors"));
        assert!(without_color(&words("modsmith --color blue")).is_err());
        assert!(without_color(&words("modsmith --color")).is_err());
    }

    #[test]
    fn nothing_is_coloured_in_a_pipe_unless_it_was_asked_for() {
        let none = Environment::default();
        assert!(!colour(&none, Choice::Auto, false));
        assert!(colour(&none, Choice::Always, false));
        assert!(!colour(&none, Choice::Never, true));
    }
}
