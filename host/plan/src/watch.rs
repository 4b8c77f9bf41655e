//! The interface that checks every file that a plugin's step opens.

use std::io;
use std::path::Path;

use modsmith_facts::Location;

/// The purpose for which a source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The contents are read; a link at the end is followed.
    Contents,
    /// The name itself is copied: a link as a link.
    Entry,
    /// The host signs with the contents; no plugin sees them.
    Key,
}

/// Looks at every file that a plugin's step reads or writes, while it does.
/// Each error is a sentence for the user.
pub trait Watch: Send + Sync {
    /// The location of a source, without any link. A location at which nothing is, is returned unchanged.
    fn source(&self, location: &Location, using: Source) -> Result<Location, String>;

    /// Whether something that was found in a source may be read.
    fn reads(&self, location: &Location, found: &Inode) -> Result<(), String>;

    /// Whether something may be made or replaced.
    fn writes(&self, location: &Location) -> Result<(), String>;

    /// Whether a link may be there with this target.
    fn links(&self, location: &Location, target: &Path) -> Result<(), String>;
}

/// An entry that a walk has come to.
#[derive(Debug, Clone, Copy)]
pub struct Inode {
    pub device: u64,
    pub inode: u64,
    pub is_directory: bool,
    /// How many names the file has.
    pub links: u64,
}

impl Inode {
    pub fn of(metadata: &cap_std::fs::Metadata) -> Self {
        use cap_std::fs::MetadataExt;
        Self { device: metadata.dev(), inode: metadata.ino(), is_directory: metadata.is_dir(), links: metadata.nlink() }
    }
}

/// A refusal on its way through functions that know errors of the system.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// The error that carries a refusal.
pub fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, Refusal(why))
}

/// The sentence of a refusal.
pub fn refusal(error: &io::Error) -> Option<String> {
    Some(error.get_ref()?.downcast_ref::<Refusal>()?.0.clone())
}
