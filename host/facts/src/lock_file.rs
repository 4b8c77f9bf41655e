//! Locks that no other user can hold.
//!
//! A lock is flock(2) on a file. A process that can open the file can hold the lock, and block every process
//! that waits for it. So only the owner can open the file, and a file that others could open is replaced.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, flock};
use rustix::io::{Errno, retry_on_intr};

use crate::beneath::is_named;
use crate::inside::describe;

/// The mode of the file.
const MODE: u32 = 0o600;

const FLAGS: OFlags =
    OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// An exclusive lock, held for as long as it lives. Its file is removed with it.
#[derive(Debug)]
pub struct LockFile {
    /// Closed, it is unlocked.
    file: File,
    directory: OwnedFd,
    name: String,
}

impl LockFile {
    /// Waits for another holder.
    ///
    /// # Errors
    /// Those of open(2) and flock(2); something else than a regular file has the name.
    pub fn acquire(directory: impl AsFd, name: &str) -> io::Result<Self> {
        let directory = directory.as_fd();
        loop {
            let file = open_lock(directory, name)?;
            retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
            // The holder that was waited for has removed the file.
            if is_named(directory, &file, name) {
                return Ok(Self { file, directory: directory.try_clone_to_owned()?, name: name.to_owned() });
            }
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if is_named(self.directory.as_fd(), &self.file, &self.name) {
            // A file that stays is used again.
            let _ = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
        }
    }
}

/// The file of a lock, made if it is missing, and not locked yet. After locking, whether it still has its name
/// is to be asked: a holder may remove it.
///
/// # Errors
/// Those of open(2): `NotFound` where the directory was removed; something else than a regular file has the
/// name.
pub fn open_lock(directory: impl AsFd, name: &str) -> io::Result<File> {
    let directory = directory.as_fd();
    loop {
        match make(directory, name) {
            Err(Errno::EXIST) => {}
            made => return Ok(made?),
        }
        let Some(file) = open(directory, name)? else { continue };
        if is_private(&file)? {
            return Ok(file);
        }
        let random = RandomState::new().build_hasher().finish();
        let other = format!("{name}-{random:016x}.tmp");
        let new = make(directory, &other)?;
        let drop_other = || rustix::fs::unlinkat(directory, &other, AtFlags::empty());
        if !is_private(&new)? {
            // A file system without modes: every lock there can be opened by all who see it.
            drop_other()?;
            return Ok(file);
        }
        if !is_named(directory, &file, name) {
            drop_other()?;
            continue;
        }
        match rustix::fs::renameat(directory, &other, directory, name) {
            Ok(()) => return Ok(new),
            Err(error) => {
                let _ = drop_other();
                return Err(error.into());
            }
        }
    }
}

fn make(directory: BorrowedFd<'_>, name: &str) -> Result<File, Errno> {
    let made = rustix::fs::openat(directory, name, FLAGS | OFlags::CREATE | OFlags::EXCL, Mode::from_raw_mode(MODE))?;
    Ok(File::from(made))
}

/// `None`: it was removed meanwhile.
fn open(directory: BorrowedFd<'_>, name: &str) -> io::Result<Option<File>> {
    let stat = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(None),
        stat => stat?,
    };
    // A device is not even opened: that alone may have an effect.
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        kind => return Err(io::Error::other(format!("it is {}, not a regular file", describe(kind)))),
    }
    match rustix::fs::openat(directory, name, FLAGS, Mode::empty()) {
        Err(Errno::NOENT) => Ok(None),
        opened => Ok(Some(File::from(opened?))),
    }
}

/// Whether nobody but its owner can open a file.
fn is_private(file: &File) -> io::Result<bool> {
    Ok(rustix::fs::fstat(file)?.st_mode & 0o077 == 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn names(dir: &tempfile::TempDir) -> Vec<String> {
        let entries = std::fs::read_dir(dir.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn only_its_owner_can_open_a_lock_and_nothing_is_left_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let handle = File::open(dir.path()).unwrap();
        let lock = LockFile::acquire(&handle, "lock").unwrap();
        let mode = dir.path().join("lock").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, MODE);
        let other = open_lock(&handle, "lock").unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err(), "it is held");
        drop(lock);
        assert_eq!(names(&dir), [""; 0]);
    }

    #[test]
    fn a_lock_that_others_could_open_is_replaced_and_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        let (handle, file) = (File::open(dir.path()).unwrap(), dir.path().join("lock"));
        for mode in [0o644, 0o640, 0o604, 0o666] {
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
            let held = File::open(&file).unwrap();
            flock(&held, FlockOperation::LockExclusive).unwrap();
            let lock = LockFile::acquire(&handle, "lock").unwrap();
            assert_eq!(names(&dir), ["lock"], "{mode:o}");
            drop(lock);
        }
    }

    #[test]
    fn one_at_a_time_holds_a_lock() {
        let dir = tempfile::tempdir().unwrap();
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _lock = LockFile::acquire(File::open(dir.path()).unwrap(), "lock").unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold it");
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
    }

    #[test]
    fn no_link_and_nothing_but_a_file_is_taken_for_a_lock() {
        let dir = tempfile::tempdir().unwrap();
        let handle = File::open(dir.path()).unwrap();
        std::fs::write(dir.path().join("victim"), "kept").unwrap();
        symlink("victim", dir.path().join("link")).unwrap();
        symlink("nowhere", dir.path().join("dangling")).unwrap();
        std::fs::create_dir(dir.path().join("directory")).unwrap();
        for name in ["link", "dangling", "directory"] {
            let error = LockFile::acquire(&handle, name).unwrap_err().to_string();
            assert!(error.ends_with("not a regular file"), "{name}: {error}");
        }
        assert!(!dir.path().join("nowhere").exists());
        assert_eq!(std::fs::read_to_string(dir.path().join("victim")).unwrap(), "kept");
    }
}
