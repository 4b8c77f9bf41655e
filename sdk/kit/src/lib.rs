//! The tool of plugin authors: starts, builds, packs, checks, records, describes and publishes
//! plugins, and tests them against cases and laws.
//!
//! This crate uses the host's own crates for everything that defines a plugin; so a plugin that it
//! accepts is one that the host accepts. The program that installs modules does not depend on this
//! crate.

pub mod bindings;
pub mod build;
pub mod check;
pub mod error;
mod folder;
pub mod interface;
mod names;
pub mod new;
pub mod pack;
pub mod page;
pub mod publish;
pub mod recording;
pub mod testing;
pub mod watch;

pub use error::{Error, Result};
