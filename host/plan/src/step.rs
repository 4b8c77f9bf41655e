//! Plans and their steps, as data.

use serde::{Deserialize, Serialize};

use crate::error::FailureId;
use crate::rerun::Rerun;
use crate::verbs::Action;
use modsmith_facts::Roots;

/// The origin of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    Host,
    Plugin { id: String, role: String },
}

/// What the user sees of a step while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Announce {
    #[default]
    Silent,
    /// A complete line, printed before the step.
    Line(String),
    /// Several complete lines, printed before the step.
    Lines(Vec<String>),
    /// A complete line, printed after the step and only where it did not fail.
    Done(String),
    /// `<text>...`, then ` done.` or the exit status.
    Progress(String),
}

/// What happens to the effect of a step when a later one fails.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Undo {
    /// Taken back.
    #[default]
    Revert,
    /// Left, as evidence: the build directory of a failed build.
    Keep,
    /// Left, also after a kill: another plan takes it back.
    Never,
    /// A program whose effect follows from the files: run again after the
    /// files are back.
    Rerun(Rerun),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub action: Action,
    /// Why it is in the plan: one clause, for `--dry-run` and JSON.
    pub reason: String,
    pub announce: Announce,
    pub origin: Origin,
    pub undo: Undo,
    /// The caller's own id for a failure of this step; this crate only hands it on.
    pub fails_as: Option<FailureId>,
    /// What its failure means for the user; a generic sentence otherwise.
    pub failure_message: Option<String>,
    /// What to do about its failure.
    pub hints: Vec<String>,
}

impl Step {
    pub fn line(&mut self, text: impl Into<String>) -> &mut Self {
        self.announce = Announce::Line(text.into());
        self
    }

    /// As [`Step::line`], with several.
    pub fn lines(&mut self, texts: impl Into<Vec<String>>) -> &mut Self {
        self.announce = Announce::Lines(texts.into());
        self
    }

    pub fn progress(&mut self, text: impl Into<String>) -> &mut Self {
        self.announce = Announce::Progress(text.into());
        self
    }

    pub fn fails_as(&mut self, meaning: impl Into<FailureId>, message: impl Into<String>) -> &mut Self {
        self.fails_as = Some(meaning.into());
        self.failure_message = Some(message.into());
        self
    }

    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hints.push(hint.into());
        self
    }

    pub fn on_undo(&mut self, undo: Undo) -> &mut Self {
        self.undo = undo;
        self
    }
}

/// An ordered list of steps below named roots.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What the plan does, as a heading: `install bbswitch/0.8 for 6.1.0-56-amd64 (x86_64)`.
    pub title: String,
    pub roots: Roots,
    pub steps: Vec<Step>,
}
