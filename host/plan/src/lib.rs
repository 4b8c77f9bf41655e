//! Plans: every change to the system is a step of one, and one executor runs
//! them.

mod archive;
mod builder;
mod error;
mod execute;
mod files;
mod import;
mod interrupt;
mod jobs;
mod journal;
mod ordered;
mod perform;
mod recovery;
mod render;
mod report;
mod rerun;
mod run;
mod secrets;
mod sign;
mod step;
mod undo;
mod watch;
mod workroom;

#[cfg(test)]
mod tests;

pub use archive::stays_inside;
pub use builder::Builder;
pub use error::{Cause, Error, FailureId, Result};
pub use execute::Executor;
pub use files::{EntryKind, Files, HIDDEN, Links};
pub use interrupt::{AT_REST, INTERRUPTED};
pub use jobs::Jobs;
pub use journal::{PRIVATE_DIR, Pending, pending};
pub use ordered::{Ordered, Voice};
pub use recovery::STAGING_PREFIX;
pub use render::{PlanView, StepView};
pub use report::{Reporter, Silent};
pub use rerun::{Rerun, depmod};
pub use secrets::{conceal_text, is_secret_variable};
pub use step::{
    Action, Announce, ArchiveFormat, Argument, Bind, Bytes, Command, Environment, LogBlock, OnFailure, Origin, Place,
    Plan, Program, Signature, SignatureAlgorithm, Step, Undo,
};
pub use watch::{Entry, Guard, Use, Watch};
