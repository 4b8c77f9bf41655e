//! Outcomes of cells.

use serde::{Deserialize, Serialize};

/// The outcome of a cell. `docs/reference/matrix.md` has the exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The modules were built and verified.
    Built,
    /// A store had them.
    Found,
    /// The package is not for this kernel (`BUILD_EXCLUSIVE_*`).
    Excluded,
    /// Source and kernel do not go together: another attempt has the same result.
    Failed,
    /// The kernel's headers are not there.
    HeadersMissing,
    /// The machine is at fault: another attempt may succeed.
    Infrastructure,
    /// No result is known.
    NotRun,
}

impl Outcome {
    pub const ALL: [Outcome; 7] = [
        Outcome::Built,
        Outcome::Found,
        Outcome::Excluded,
        Outcome::Failed,
        Outcome::HeadersMissing,
        Outcome::Infrastructure,
        Outcome::NotRun,
    ];

    /// As JSON and metrics name it.
    pub fn id(self) -> &'static str {
        match self {
            Outcome::Built => "built",
            Outcome::Found => "found",
            Outcome::Excluded => "excluded",
            Outcome::Failed => "failed",
            Outcome::HeadersMissing => "headers-missing",
            Outcome::Infrastructure => "infrastructure",
            Outcome::NotRun => "not-run",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Outcome::Built => "built",
            Outcome::Found => "in the store",
            Outcome::Excluded => "excluded",
            Outcome::Failed => "failed",
            Outcome::HeadersMissing => "headers missing",
            Outcome::Infrastructure => "machine at fault",
            Outcome::NotRun => "not run",
        }
    }

    /// A sign for the outcome, for readers without colours.
    pub fn sign(self) -> &'static str {
        match self {
            Outcome::Built | Outcome::Found => "✓",
            Outcome::Excluded => "–",
            Outcome::Failed => "✗",
            Outcome::HeadersMissing => "∅",
            Outcome::Infrastructure => "!",
            Outcome::NotRun => "?",
        }
    }

    /// The exit code of `modsmith cell`. A cell that was not run has none; 30 stands for it.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Built | Outcome::Found => 0,
            Outcome::Failed => 10,
            Outcome::HeadersMissing => 21,
            Outcome::Infrastructure | Outcome::NotRun => 30,
            Outcome::Excluded => 77,
        }
    }

    /// Whether the modules are there.
    pub fn is_good(self) -> bool {
        matches!(self, Outcome::Built | Outcome::Found)
    }

    /// Whether something has to be done about it.
    pub fn is_bad(self) -> bool {
        matches!(self, Outcome::Failed | Outcome::HeadersMissing | Outcome::Infrastructure | Outcome::NotRun)
    }
}
