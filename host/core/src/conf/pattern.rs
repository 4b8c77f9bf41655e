//! Patterns of packages and of directories, in settings files of the administrator.

use std::path::Path;

use globset::{Glob, GlobBuilder, GlobMatcher};
use serde::Deserialize;

/// A shell pattern of the name of a package, or, with a slash, of its name and version.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Pattern {
    pub text: String,
    matcher: GlobMatcher,
}

impl Pattern {
    /// Whether it is a package's.
    pub fn fits(&self, name: &str, version: &str) -> bool {
        match self.text.contains('/') {
            true => self.matcher.is_match(format!("{name}/{version}")),
            false => self.matcher.is_match(name),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Glob::new(&text) {
            Ok(glob) if !text.is_empty() => Ok(Self { text, matcher: glob.compile_matcher() }),
            _ => Err(format!("`{text}` is no shell pattern of packages")),
        }
    }
}

/// A shell pattern of an absolute path. `*` and `?` stand for no slash; `**` does.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PathPattern {
    pub text: String,
    matcher: GlobMatcher,
}

impl PathPattern {
    /// Whether it is a path's.
    pub fn fits(&self, path: &Path) -> bool {
        self.matcher.is_match(path)
    }
}

impl TryFrom<String> for PathPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match GlobBuilder::new(&text).literal_separator(true).build() {
            Ok(glob) if text.starts_with('/') => Ok(Self { text, matcher: glob.compile_matcher() }),
            _ => Err(format!("`{text}` is no shell pattern of absolute paths")),
        }
    }
}
