//! Out-of-tree kernel modules: what there is of them, and everything that is done with
//! them.
//!
//! Facts (the tree, dkms.conf, the kernel, the system) become a plan; plugins add to it;
//! the executor carries it out. This crate decides what is planned.
//!
//! It knows nothing of command lines and terminals.

pub mod build;
pub mod conf;
mod environment;
pub mod error;
pub mod event;
pub mod flow;
pub mod tree;

pub use environment::Environment;

/// The dkms whose behaviour is kept: what `dkms --version` answers.
pub const DKMS_VERSION: &str = "3.4.3";
