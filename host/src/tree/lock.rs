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
    /// A tree that was not there before.
    made: Option<PathBuf>,
}

impl TreeLock {
    /// Takes the lock, waiting for another holder. `waiting` is told, once, who
    /// that is. Makes the tree if it is missing; one that is still empty in the
    /// end goes again.
    pub fn acquire(tree: &Path, waiting: impl FnOnce(&str)) -> Result<Self> {
        let mut waiting = Some(waiting);
        loop {
            let made = !tree.exists();
            std::fs::create_dir_all(tree).map_err(|e| Error::io("make the tree", tree, e))?;
            let directory = open(tree)?;
            if !take(&directory, FlockOperation::NonBlockingLockExclusive, tree)? {
                if let Some(waiting) = waiting.take() {
                    let holder = std::fs::read_to_string(holder_file(tree)).unwrap_or_default();
                    waiting(if holder.trim().is_empty() { "another invocation" } else { holder.trim() });
                }
                while !take(&directory, FlockOperation::LockExclusive, tree)? {}
            }
            // The holder may have taken an empty tree away.
            if is_at(&directory, tree) {
                return Ok(Self::held(directory, tree, made));
            }
        }
    }

    /// Takes the lock if nobody has it and the tree may be written.
    pub fn try_acquire(tree: &Path) -> Option<Self> {
        let directory = open(tree).ok()?;
        let writable = rustix::fs::access(tree, rustix::fs::Access::WRITE_OK).is_ok();
        (writable && take(&directory, FlockOperation::NonBlockingLockExclusive, tree).ok()?)
            .then(|| Self::held(directory, tree, false))
    }

    fn held(directory: File, tree: &Path, made: bool) -> Self {
        let holder = holder_file(tree);
        let command: Vec<String> = std::env::args().collect();
        let text = format!("`{}` (process {})\n", command.join(" "), std::process::id());
        // Only for the message of those who wait.
        let _ = std::fs::create_dir_all(tree.join(PRIVATE_DIR)).and_then(|()| std::fs::write(&holder, text));
        Self { _directory: directory, holder, made: made.then(|| tree.to_path_buf()) }
    }
}

impl Drop for TreeLock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.holder);
        if let Some(private) = self.holder.parent() {
            let _ = std::fs::remove_dir(private);
        }
        if let Some(tree) = &self.made {
            let _ = std::fs::remove_dir(tree);
        }
    }
}

fn holder_file(tree: &Path) -> PathBuf {
    tree.join(PRIVATE_DIR).join("holder")
}

fn open(tree: &Path) -> Result<File> {
    File::open(tree).map_err(|e| Error::io("open the tree", tree, e))
}

/// Whether the open directory is the one that has this path now.
fn is_at(directory: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |m: std::fs::Metadata| (m.dev(), m.ino());
    let (open, named) = (directory.metadata().map(identity), std::fs::metadata(path).map(identity));
    matches!((open, named), (Ok(open), Ok(named)) if open == named)
}

fn take(directory: &File, how: FlockOperation, tree: &Path) -> Result<bool> {
    match flock(directory, how) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(false),
        Err(e) => Err(Error::io("lock the tree", tree, io::Error::from(e))),
    }
}
