//! Binary packages of rpm, and the tables of a repository of them. Sources:
//! rpm's documentation of its package format (version 4), the XML of createrepo.

mod file;
mod header;
mod metadata;
mod package;
pub mod tags;

pub use file::RpmFile;
pub use metadata::repodata;
pub use package::{Dependency, Package};
