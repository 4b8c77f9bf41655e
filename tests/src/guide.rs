//! Guides of the documentation, for tests that type them.

use std::fs;

use crate::paths;

/// The text of a guide.
///
/// # Panics
/// When there is no such file.
pub fn text(guide: &str) -> String {
    let path = paths::checkout().join("docs/guides").join(guide);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The blocks of a language in a guide.
pub fn blocks(guide: &str, language: &str) -> Vec<String> {
    let text = text(guide);
    let begin = format!("```{language}\n");
    let block = |rest: &str| rest.split("\n```").next().unwrap_or_default().to_owned();
    text.split(&begin).skip(1).map(block).collect()
}
