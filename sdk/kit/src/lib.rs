//! The tool of plugin authors: starts, builds, packs and checks plugins, and tests them
//! against cases and laws.
//!
//! What a plugin is, this crate has from the host's own crates; so a plugin that it
//! accepts is one that the host accepts. The program that installs modules knows nothing
//! of it.

pub mod bindings;
pub mod build;
pub mod check;
pub mod error;
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
