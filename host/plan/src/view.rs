//! A step as people and programs are shown it.

use serde::Serialize;

use crate::command::OnFailure;

/// A step for programs; absent members do not apply to its kind.
#[derive(Debug, Default, Serialize)]
pub struct StepView {
    /// `note`, `make-directory`, `write-file`, `concatenate`, `copy`, `rename`, `symlink`,
    /// `remove`, `prune`, `back-up`, `pack`, `unpack`, `run`, `append-signature`,
    /// `collect`, `record`, `expect`.
    pub action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The source of a copy or a move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The pieces of a file, a link's target text, a note's text, a glob, a suffix, or how and with
    /// which key a file is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Lines of the program's standard input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<String>,
    /// The effect of a failing program or signature on the plan: `abort`, `warn` or `ignore`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<OnFailure>,
    /// Length of a written file in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    pub reason: String,
    /// The plugin that asked for it; absent for the program's own steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
}
