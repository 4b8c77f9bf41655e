//! One change at a time: the tree's lock.
//!
//! The lock is flock(2) on `T/.modsmith/lock`, which only its owner can open:
//! whoever could open it could hold it, and so block every change. It vanishes
//! with its holder; the file goes when the change is over.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::error::{Error, Kind, Result};
use modsmith_facts::{TrustError, TrustedDir, open_lock};
use modsmith_plan::PRIVATE_DIR;

const NAME: &str = "lock";

/// The longest part of a holder's command that is shown, in bytes.
const HOLDER_LIMIT: u64 = 4096;

/// Held for as long as it lives.
#[derive(Debug)]
pub struct TreeLock {
    file: File,
    private: TrustedDir,
    top: TrustedDir,
    /// A tree that was not there before.
    made: Option<PathBuf>,
}

impl TreeLock {
    /// Takes the lock, waiting for another holder: `waiting` is called once, with
    /// the holder's description. Makes the tree if it is missing; a tree that is
    /// still empty at the end is removed.
    pub fn acquire(tree: &Path, command: &[OsString], waiting: impl FnOnce(&str)) -> Result<Self> {
        let mut waiting = Some(waiting);
        loop {
            let made = !tree.exists();
            std::fs::create_dir_all(tree).map_err(|e| Error::io("make the tree", tree, e))?;
            let top = TrustedDir::top(tree).map_err(|e| Error::io("open the tree", tree, e))?;
            let cannot = |e| not_locked(tree, e);
            let private = top.make_directory(PRIVATE_DIR, 0o755).map_err(cannot)?;
            let Some(mut file) = open(&private).map_err(cannot)? else { continue };
            let made = made.then(|| tree.to_path_buf());
            if !take(&file, FlockOperation::NonBlockingLockExclusive, tree)? {
                if let Some(waiting) = waiting.take() {
                    waiting(&holder(&mut file));
                }
                while !take(&file, FlockOperation::LockExclusive, tree)? {}
            }
            // The holder may have taken file and directories away.
            if private.is_named(&file, NAME) && top.is_named(&private, PRIVATE_DIR) && tree.exists() {
                return Ok(Self { file, private, top, made }.held(command));
            }
        }
    }

    /// Takes the lock if it is free and the tree may be written, where there
    /// is something that it is needed for: makes no directory.
    pub fn try_acquire(tree: &Path, command: &[OsString]) -> Option<Self> {
        let top = TrustedDir::top(tree).ok()?;
        let private = top.directory(PRIVATE_DIR).ok()??;
        let file = open(&private).ok()??;
        let taken = take(&file, FlockOperation::NonBlockingLockExclusive, tree).ok()?;
        let current = taken && private.is_named(&file, NAME) && top.is_named(&private, PRIVATE_DIR);
        current.then(|| Self { file, private, top, made: None }.held(command))
    }

    /// Whether another invocation holds the lock. Makes no file, and does not wait.
    pub fn is_held(tree: &Path) -> bool {
        let top = TrustedDir::top(tree).ok();
        let private = top.and_then(|top| top.directory(PRIVATE_DIR).ok()?);
        let file = private.and_then(|private| private.open(NAME, OFlags::RDONLY, 0).ok()?);
        file.is_some_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
    }

    /// The program's own directory in the tree.
    pub fn private(&self) -> &TrustedDir {
        &self.private
    }

    fn held(mut self, command: &[OsString]) -> Self {
        let command: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
        let text = format!("`{}` (process {})\n", command.join(" "), std::process::id());
        // Only for the message of those who wait.
        let _ = self.file.set_len(0).and_then(|()| self.file.write_all(text.as_bytes()));
        self
    }
}

impl Drop for TreeLock {
    fn drop(&mut self) {
        let _ = self.private.remove_file(NAME);
        let _ = self.top.remove_directory(PRIVATE_DIR);
        if let Some(tree) = &self.made {
            let _ = std::fs::remove_dir(tree);
        }
    }
}

/// The lock's file, made if it is missing. `None`: to be tried again.
fn open(private: &TrustedDir) -> std::result::Result<Option<File>, TrustError> {
    // The error for a file that others could write says what to do.
    private.open(NAME, OFlags::RDONLY, 0)?;
    match open_lock(private, NAME) {
        // Another invocation has removed the empty directory meanwhile.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => Ok(Some(opened?)),
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(HOLDER_LIMIT).read_to_string(&mut text));
    match (read, text.trim()) {
        (Ok(_), text) if !text.is_empty() => text.to_owned(),
        _ => "another invocation".to_owned(),
    }
}

fn take(file: &File, how: FlockOperation, tree: &Path) -> Result<bool> {
    match flock(file, how) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(false),
        Err(e) => Err(Error::io("lock the tree", tree, io::Error::from(e))),
    }
}

fn not_locked(tree: &Path, error: TrustError) -> Error {
    match error {
        TrustError::Io(error) => Error::io("lock the tree", tree, error),
        TrustError::Untrusted(untrusted) => {
            Error::new(Kind::System, format!("The tree {} cannot be changed: {untrusted}.", tree.display()))
                .hint(untrusted.remedy())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_lock_can_be_opened_by_its_owner_only_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        let lock = TreeLock::acquire(&tree, &[], |_| panic!("nobody holds it")).unwrap();
        let file = tree.join(PRIVATE_DIR).join(NAME);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        assert!(std::fs::read_to_string(&file).unwrap().contains("process"));
        assert!(TreeLock::try_acquire(&tree, &[]).is_none() && TreeLock::is_held(&tree), "it is held");
        drop(lock);
        assert!(!tree.exists() && !TreeLock::is_held(&tree));
        assert!(TreeLock::try_acquire(&tree, &[]).is_none() && !tree.exists());
    }

    #[test]
    fn a_lock_file_that_others_may_hold_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let private = dir.path().join(PRIVATE_DIR);
        std::fs::create_dir(&private).unwrap();
        std::fs::set_permissions(&private, PermissionsExt::from_mode(0o755)).unwrap();
        let file = private.join(NAME);
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        let other = File::open(&file).unwrap();
        flock(&other, FlockOperation::LockExclusive).unwrap();
        drop(TreeLock::acquire(dir.path(), &[], |_| panic!("nobody holds the new one")).unwrap());
    }

    #[test]
    fn no_link_is_followed_to_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, elsewhere) = (dir.path().join("tree"), dir.path().join("elsewhere"));
        std::fs::create_dir(&tree).unwrap();
        std::fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, tree.join(PRIVATE_DIR)).unwrap();
        let error = TreeLock::acquire(&tree, &[], |_| ()).unwrap_err();
        assert!(error.message.contains("it is a symbolic link") && !error.hints.is_empty(), "{error:?}");
        std::fs::remove_file(tree.join(PRIVATE_DIR)).unwrap();

        std::fs::create_dir(tree.join(PRIVATE_DIR)).unwrap();
        let victim = elsewhere.join("victim");
        std::fs::write(&victim, "kept").unwrap();
        symlink(&victim, tree.join(PRIVATE_DIR).join(NAME)).unwrap();
        assert!(TreeLock::acquire(&tree, &[], |_| ()).is_err());
        assert_eq!(std::fs::read_to_string(victim).unwrap(), "kept");
    }
}
