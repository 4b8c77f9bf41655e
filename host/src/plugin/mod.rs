//! Plugins.
pub mod build;
