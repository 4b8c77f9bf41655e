//! A transaction engine for files and programs: a change to the system is a plan, shown
//! before it is made, carried out step by step, and taken back when a step fails or the
//! program is killed.
//!
//! The crate knows named roots and locations below them, files, programs and their
//! confinement, a budget of jobs and a journal. Each kind of step is one type in one file of
//! [`verbs`]: the type says what the step uses, and how it is shown, done and taken back
//! ([`Verb`]). One kind appends a signature in the form of the kernel to a file ([`cms`]).
//!
//! The crate knows nothing of installed kernels, of the contents of modules, of packages and
//! their states, of dkms.conf, of exit codes, of manifests and grants. A caller gives a step its meaning
//! ([`FailureId`]) and gets that back; a [`Guard`] decides about the steps of plugins.
//!
//! The [`Executor`] alone changes the system; the rest of the crate describes changes.

// Plans as data.
pub mod verbs;

mod builder;
pub mod cms;
mod command;
mod section;
mod step;
mod uses;
mod verb;

// How plans are shown.
mod render;
mod report;
mod secrets;
mod view;

// How they are carried out.
mod begin;
mod execute;
mod explain;
mod failure;
mod files;
mod guard;
mod interpreter;
mod interrupt;
mod jobs;
mod launch;
mod output;
mod ownership;
mod runner;
mod sandbox_dir;
mod walls;
mod watch;

// How they are taken back.
mod journal;
mod recovery;
mod rerun;
mod undo;

// Why that was not possible.
mod error;

#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use command::{Argument, Bind, Command, Environment, LogBlock, OnFailure, Program, RunsIn};
pub use error::{Cause, Error, FailureId, Result};
pub use execute::Executor;
pub use files::{EntryKind, Files, HIDDEN, Links};
pub use guard::Guard;
pub use interrupt::{AT_REST, INTERRUPTED, end_of_stop};
pub use jobs::Jobs;
pub use journal::{PRIVATE_DIR, PendingPlan, pending};
pub use recovery::STAGING_PREFIX;
pub use render::PlanView;
pub use report::{Reporter, Silent};
pub use rerun::{Rerun, Reruns, no_reruns};
pub use secrets::is_secret_variable;
pub use section::{Each, Section};
pub use step::{Announce, Origin, Plan, Step, Undo};
pub use uses::Use;
pub use verb::{Bytes, Verb, Word};
pub use verbs::{Action, ArchiveFormat, stays_inside};
pub use view::StepView;
pub use walls::{Surroundings, Walls, copy_missing, own_copy};
pub use watch::{Inode, Source, Watch};
