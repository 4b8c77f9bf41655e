//! Plans: every change to the system is a step of one, and one executor runs
//! them.

mod archive;
mod builder;
mod execute;
mod files;
mod jobs;
mod journal;
mod ordered;
mod perform;
mod render;
mod report;
mod run;
mod sign;
mod step;
mod undo;
mod workroom;

#[cfg(test)]
mod tests;

/// Decides whether a plugin may have a step run. Asked when the step is added
/// and again when it runs.
pub trait Guard {
    /// `Err` is the sentence for the user: plugin, rule and remedy.
    fn permits(&self, origin: &Origin, action: &Action) -> Result<(), String>;
}

pub use archive::{decompress, decompress_within, stays_inside};
pub use builder::Builder;
pub use execute::Executor;
pub use files::{EntryKind, Files};
pub use jobs::Jobs;
pub use journal::{PRIVATE_DIR, Pending, pending};
pub use ordered::{Ordered, Voice};
pub use render::{PlanView, StepView};
pub use report::{Reporter, Silent};
pub use run::INTERRUPTED;
pub use step::{
    Action, Announce, ArchiveFormat, Argument, Bind, Bytes, Command, Environment, LogBlock, OnFailure, Origin, Place,
    Plan, Program, Signature, SignatureAlgorithm, Step, Undo,
};
