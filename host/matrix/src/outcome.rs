//! Outcomes of cells.

use serde::{Deserialize, Serialize};

/// The outcome of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellOutcome {
    /// The modules were built and verified.
    Built,
    /// A store had the modules.
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

impl CellOutcome {
    pub const ALL: [CellOutcome; 7] = [
        CellOutcome::Built,
        CellOutcome::Found,
        CellOutcome::Excluded,
        CellOutcome::Failed,
        CellOutcome::HeadersMissing,
        CellOutcome::Infrastructure,
        CellOutcome::NotRun,
    ];

    /// The name in JSON and metrics.
    pub fn id(self) -> &'static str {
        match self {
            CellOutcome::Built => "built",
            CellOutcome::Found => "found",
            CellOutcome::Excluded => "excluded",
            CellOutcome::Failed => "failed",
            CellOutcome::HeadersMissing => "headers-missing",
            CellOutcome::Infrastructure => "infrastructure",
            CellOutcome::NotRun => "not-run",
        }
    }

    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            CellOutcome::Built => "built",
            CellOutcome::Found => "in the store",
            CellOutcome::Excluded => "excluded",
            CellOutcome::Failed => "failed",
            CellOutcome::HeadersMissing => "headers missing",
            CellOutcome::Infrastructure => "machine at fault",
            CellOutcome::NotRun => "not run",
        }
    }

    /// A sign for the outcome, for readers without colours.
    pub fn sign(self) -> &'static str {
        match self {
            CellOutcome::Built | CellOutcome::Found => "✓",
            CellOutcome::Excluded => "–",
            CellOutcome::Failed => "✗",
            CellOutcome::HeadersMissing => "∅",
            CellOutcome::Infrastructure => "!",
            CellOutcome::NotRun => "?",
        }
    }

    /// Whether the modules are there.
    pub fn is_good(self) -> bool {
        matches!(self, CellOutcome::Built | CellOutcome::Found)
    }

    /// Whether something has to be done about it.
    pub fn is_bad(self) -> bool {
        matches!(
            self,
            CellOutcome::Failed | CellOutcome::HeadersMissing | CellOutcome::Infrastructure | CellOutcome::NotRun
        )
    }
}
