//! Is it safe to restart into a kernel?
//!
//! * what is known of the kernel, its boot image and the modules that the machine uses:
//!   [`KernelFacts`]
//! * what comes out: a [`Verdict`], an [`Answer`] with its [`Reason`]s
//!
//! *Unsafe* is a proof: something that the start or the administrator's access depends on
//! fails. *Degraded*: only something else fails. *Unknown* names the fact that is missing.
//! *Safe* covers what was looked at, and nothing else.
//!
//! This crate reads nothing: it knows no files, no packages and no plugins.

mod answer;
mod decide;
mod facts;
mod reason;

pub use answer::{Answer, Grade};
pub use decide::{decide, of_any};
pub use facts::{BootImageState, InImage, KernelFacts, KernelFile, Loads, ModuleFacts, Origin, Provided};
pub use reason::{Reason, Verdict};
