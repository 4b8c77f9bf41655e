//! Packages of rpm, and the tables of a repository of them. A package is a lead for old
//! programs, a header with digests, a header with all that is known of it, and a
//! compressed cpio archive. Sources: rpm's documentation of its package format (version
//! 4) and its `rpmtag.h`, the XML that createrepo makes.

mod file;
mod header;
mod metadata;
mod package;
pub mod tags;

pub use file::{Headers, NotRpm, RpmFile};
pub use header::{Header, Value};
pub use metadata::repodata;
pub use package::{Dependency, Package};
