//! The result of one cell, as the cell leaves it: `NAME.json`, described by
//! `docs/reference/cell-schema.json`.

use serde::{Deserialize, Serialize};

use crate::cell::Coordinates;
use crate::outcome::CellOutcome;

const SCHEMA_VERSION: u32 = 1;

/// Lines of the log before the first error, and after it.
const BEFORE: usize = 6;
const AFTER: usize = 14;

/// The longest line of an excerpt, in characters.
const WIDEST: usize = 400;

/// The result of one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    schema_version: u32,
    #[serde(flatten)]
    pub coordinates: Coordinates,
    pub outcome: CellOutcome,
    /// The exit code of the command.
    pub exit_code: u8,
    /// When it began, RFC 3339.
    pub started: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The message of the error, as one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_error: Option<FirstError>,
    /// Lines of the log around the first error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpt: Vec<String>,
    /// The file with the log, beside this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The digest of all that went into the build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The confinement level of the recipe: `full`, `confined`, `dropped` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confinement: Option<String>,
    /// The modules that were built, before they are signed and compressed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<BuiltModule>,
    /// The address of the pushed build, as STORE:TAG.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<String>,
}

/// A module file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltModule {
    pub name: String,
    /// `sha256:` and 64 digits.
    pub digest: String,
}

/// The first error of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstError {
    /// The line, as the log has it.
    pub text: String,
    /// The line of the log, from one.
    pub log_line: u64,
    /// The file of the source, where the line names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of that file, from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl FirstError {
    /// Reads a line of a log, such as `kept.c:3:5: error: …`.
    pub fn new(text: &str, log_line: u64) -> Self {
        let mut parts = text.splitn(3, ':');
        let (file, line) = (parts.next().unwrap_or_default(), parts.next().and_then(|line| line.parse().ok()));
        let is_place = line.is_some() && parts.next().is_some() && !file.is_empty();
        let file = is_place.then(|| file.trim().to_owned());
        Self { text: text.to_owned(), log_line, line: line.filter(|_| is_place), file }
    }
}

impl CellResult {
    /// A result of which only the outcome is known.
    pub fn new(coordinates: Coordinates, outcome: CellOutcome, exit_code: u8, started: String, seconds: f64) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            coordinates,
            outcome,
            exit_code,
            started,
            seconds,
            message: None,
            first_error: None,
            excerpt: Vec::new(),
            log: None,
            identity: None,
            confinement: None,
            modules: Vec::new(),
            pushed: None,
        }
    }

    /// Reads `NAME.json`.
    ///
    /// # Errors
    /// Why the text is no result, as a clause.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let result: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if result.schema_version != SCHEMA_VERSION {
            return Err(format!("its schema_version is {}, where {SCHEMA_VERSION} is needed", result.schema_version));
        }
        Ok(result)
    }

    /// Takes the lines of the log that are around the first error, or else its last ones.
    pub fn quote(&mut self, log: &str) {
        let lines: Vec<&str> = log.lines().collect();
        let at = self.first_error.as_ref().and_then(|error| usize::try_from(error.log_line).ok());
        let at = at.filter(|at| (1..=lines.len()).contains(at)).unwrap_or(lines.len());
        let range = at.saturating_sub(BEFORE + 1)..(at + AFTER).min(lines.len());
        let quoted = lines.get(range).unwrap_or_default().iter();
        self.excerpt = quoted.map(|line| line.chars().take(WIDEST).collect()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_an_error_is_what_compilers_write() {
        let error = FirstError::new("/b/kept.c:3:5: error: 'x' undeclared", 9);
        assert_eq!((error.file.as_deref(), error.line), (Some("/b/kept.c"), Some(3)));
        for text in ["make: *** [Makefile:2: all] Error 2", "ERROR: modpost: \"x\" undefined!", ":3:x", ""] {
            assert_eq!(FirstError::new(text, 1).file, None, "{text}");
        }
    }

    #[test]
    fn the_excerpt_is_around_the_first_error_and_never_beyond_the_log() {
        let log: String = (1..=50).map(|n| format!("line {n}\n")).collect();
        let coordinates = Coordinates { module: "a".into(), version: "1".into(), kernel: "6".into(), arch: "x".into() };
        let mut result = CellResult::new(coordinates, CellOutcome::Failed, 10, String::new(), 0.0);
        for (line, first, last) in [
            (20, "line 14", "line 34"),
            (1, "line 1", "line 15"),
            (50, "line 44", "line 50"),
            (99, "line 44", "line 50"),
        ] {
            result.first_error = Some(FirstError::new("x", line));
            result.quote(&log);
            assert_eq!(result.excerpt.first().map(String::as_str), Some(first), "{line}");
            assert_eq!(result.excerpt.last().map(String::as_str), Some(last), "{line}");
        }
        result.quote("");
        assert!(result.excerpt.is_empty());
    }
}
