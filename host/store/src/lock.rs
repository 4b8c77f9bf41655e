//! The lock of a store: programs that read and add entries share it; a program that removes entries
//! holds it alone.
//!
//! The kernel releases a lock when its process ends.

use std::fs::File;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::error::{Error, Result, io_error, trust_error};
use modsmith_facts::TrustedDir;

const NAME: &str = "lock";

/// A shared lock: while it is held, no process removes entries.
#[derive(Debug)]
pub struct Shared {
    /// Closed, it is unlocked.
    _file: File,
}

/// An exclusive lock: while it is held, no other process uses the store.
#[derive(Debug)]
pub(crate) struct Alone {
    _file: File,
}

/// Waits for processes that hold the exclusive lock.
pub(crate) fn share(store: &TrustedDir) -> Result<Shared> {
    let file = open(store)?;
    rustix::io::retry_on_intr(|| flock(&file, FlockOperation::LockShared)).map_err(|e| failed(store, e))?;
    Ok(Shared { _file: file })
}

/// `None` if other processes use the store.
pub(crate) fn try_alone(store: &TrustedDir) -> Result<Option<Alone>> {
    let file = open(store)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Alone { _file: file })),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(failed(store, error)),
    }
}

/// Opened for reading only, if it is there: a file system that is read-only has a store that can be
/// read. Source: flock(2), which asks for no more.
fn open(store: &TrustedDir) -> Result<File> {
    let path = store.path().join(NAME);
    if let Some(file) = store.open(NAME, OFlags::RDONLY, 0).map_err(trust_error("open", &path))? {
        return Ok(file);
    }
    let opened = store.open(NAME, OFlags::RDWR | OFlags::CREATE, 0o600).map_err(trust_error("open", &path))?;
    opened.ok_or_else(|| io_error("open", &path)(std::io::ErrorKind::NotFound.into()))
}

fn failed(store: &TrustedDir, error: Errno) -> Error {
    io_error("lock", &store.path().join(NAME))(error.into())
}
