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

/// The announcement of a step to the user, while the step runs.
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

/// Whether the effect of a step is undone if a later step fails.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Undo {
    /// The effect is undone.
    #[default]
    Revert,
    /// The effect stays, as evidence: the build directory of a failed build.
    Keep,
    /// The effect stays, also after a kill: another plan takes it back.
    Never,
    /// The effect of the program follows from the files: a program is run again when the files are back.
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
    /// The sentence for the user if the step fails. `None`: a generic sentence.
    pub failure_message: Option<String>,
    /// Remedies for a failure of the step.
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
    /// The purpose of the plan, as a heading: `install bbswitch/0.8 for 6.1.0-56-amd64 (x86_64)`.
    pub title: String,
    pub roots: Roots,
    pub steps: Vec<Step>,
}
