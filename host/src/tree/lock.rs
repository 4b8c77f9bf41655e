//! One change at a time: the tree's lock.
//!
//! The lock is flock(2) on the tree's own directory, so it leaves nothing
//! behind, vanishes with its holder, and needs no cleaning up.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::error::{Error, Result};
use crate::plan::PRIVATE_DIR;

/// Held for as long as it lives.
pub struct TreeLock {
    _directory: File,
    holder: PathBuf,
}

impl TreeLock {
    /// Takes the lock, waiting for another holder. `waiting` is told, once, who
    /// that is. Makes the tree if it is missing.
    pub fn acquire(tree: &Path, waiting: impl FnOnce(&str)) -> Result<Self> {
        std::fs::create_dir_all(tree).map_err(|e| Error::io("make the tree", tree, e))?;
        let directory = open(tree)?;
        if !take(&directory, FlockOperation::NonBlockingLockExclusive, tree)? {
            let holder = std::fs::read_to_string(holder_file(tree)).unwrap_or_default();
            waiting(if holder.trim().is_empty() { "another invocation" } else { holder.trim() });
            while !take(&directory, FlockOperation::LockExclusive, tree)? {}
        }
        Ok(Self::held(directory, tree))
    }

    /// Takes the lock if nobody has it and the tree may be written.
    pub fn try_acquire(tree: &Path) -> Option<Self> {
        let directory = open(tree).ok()?;
        let writable = rustix::fs::access(tree, rustix::fs::Access::WRITE_OK).is_ok();
        (writable && take(&directory, FlockOperation::NonBlockingLockExclusive, tree).ok()?)
            .then(|| Self::held(directory, tree))
    }

    fn held(directory: File, tree: &Path) -> Self {
        let holder = holder_file(tree);
        let command: Vec<String> = std::env::args().collect();
        let text = format!("`{}` (process {})\n", command.join(" "), std::process::id());
        // Only for the message of those who wait.
        let _ = std::fs::create_dir_all(tree.join(PRIVATE_DIR)).and_then(|()| std::fs::write(&holder, text));
        Self { _directory: directory, holder }
    }
}

impl Drop for TreeLock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.holder);
        if let Some(private) = self.holder.parent() {
            let _ = std::fs::remove_dir(private);
        }
    }
}

fn holder_file(tree: &Path) -> PathBuf {
    tree.join(PRIVATE_DIR).join("holder")
}

fn open(tree: &Path) -> Result<File> {
    File::open(tree).map_err(|e| Error::io("open the tree", tree, e))
}

fn take(directory: &File, how: FlockOperation, tree: &Path) -> Result<bool> {
    match flock(directory, how) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(false),
        Err(e) => Err(Error::io("lock the tree", tree, io::Error::from(e))),
    }
}
