//! A transaction engine for files and programs: every change to the system is a step of a
//! plan, and one executor runs them.

mod begin;
mod builder;
mod command;
mod error;
mod execute;
mod explain;
mod failure;
mod files;
mod guard;
mod interrupt;
mod jobs;
mod journal;
mod ordered;
mod recovery;
mod render;
mod report;
mod rerun;
mod runner;
mod sandbox_dir;
mod secrets;
mod step;
mod undo;
mod uses;
mod verb;
pub mod verbs;
mod view;
mod watch;

#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use command::{Argument, Bind, Command, Environment, LogBlock, OnFailure, Place, Program};
pub use error::{Cause, Error, FailureId, Result};
pub use execute::Executor;
pub use files::{EntryKind, Files, HIDDEN, Links};
pub use guard::Guard;
pub use interrupt::{AT_REST, INTERRUPTED};
pub use jobs::Jobs;
pub use journal::{PRIVATE_DIR, Pending, pending};
pub use ordered::{OrderedReporter, TaskReporter};
pub use recovery::STAGING_PREFIX;
pub use render::PlanView;
pub use report::{Reporter, Silent};
pub use rerun::{Rerun, depmod};
pub use secrets::{conceal_text, is_secret_variable};
pub use step::{Announce, Origin, Plan, Step, Undo};
pub use uses::Use;
pub use verb::{Bytes, Verb, Word};
pub use verbs::{Action, ArchiveFormat, Signature, SignatureAlgorithm, stays_inside};
pub use view::StepView;
pub use watch::{Entry, Source, Watch};
