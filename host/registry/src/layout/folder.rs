//! A directory that others may write to, as on a stick or a network file system: no link below
//! it is followed, only regular files are opened, and files appear complete.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use modsmith_facts::LockFile;
use rustix::fs::{AtFlags, Mode, OFlags};

use crate::error::{Error, Result};
use crate::transport::Content;

/// How files that are not complete begin.
const BEGUN: &str = ".new-";

/// An open directory.
pub struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// The directory at a path, of which links are followed: it is the caller's.
    ///
    /// # Errors
    /// `File`, as for all of them: those of open(2).
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| failed("open", path, error))?;
        Ok(Self { fd, path: path.to_path_buf() })
    }

    /// A directory below this one; `None`: there is none.
    pub fn below(&self, name: &str) -> Result<Option<Self>> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path })),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(failed("open", &path, error)),
        }
    }

    /// A directory in this one, which is made if it is missing.
    pub fn make(&self, name: &str) -> Result<Self> {
        let path = self.path.join(name);
        match rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(failed("make", &path, error)),
        }
        self.below(name)?.ok_or_else(|| failed("open", &path, rustix::io::Errno::NOENT))
    }

    /// A regular file, opened for reading; `None`: there is none.
    pub fn file(&self, name: &str) -> Result<Option<File>> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed("open", &path, error)),
        };
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(Some(file)),
            Ok(_) => Err(failed("read", &path, io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"))),
            Err(error) => Err(failed("read", &path, error)),
        }
    }

    /// Copies what a file has, of at most `limit` bytes; `false`: it has more.
    pub fn copy(&self, name: &str, mut file: File, limit: u64, sink: &mut dyn Write) -> Result<bool> {
        let mut buffer = vec![0; 128 << 10];
        let mut left = limit;
        loop {
            let read = match file.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed("read", &self.path.join(name), error)),
            };
            let Some(rest) = left.checked_sub(read as u64) else { return Ok(false) };
            left = rest;
            sink.write_all(&buffer[..read]).map_err(Error::io("keep what was read"))?;
        }
    }

    /// A file appears with all of its contents, or not at all; one of its name is replaced.
    pub fn put(&self, name: &str, content: &dyn Content) -> Result<()> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        // Machines that share the directory may use the same process ids.
        let begun = format!("{BEGUN}{}-{}-{count}", host.replace('/', "_"), std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // A process that was killed may have left one of this name.
        let _ = rustix::fs::unlinkat(&self.fd, &begun, AtFlags::empty());
        let write = || -> io::Result<()> {
            let fd = rustix::fs::openat(&self.fd, &begun, flags | OFlags::EXCL, Mode::from_raw_mode(0o644))?;
            let mut file = File::from(fd);
            io::copy(&mut content.open(0)?, &mut file)?;
            file.sync_all()?;
            rustix::fs::renameat(&self.fd, &begun, &self.fd, name)?;
            rustix::fs::fsync(&self.fd)?;
            Ok(())
        };
        write().map_err(|error| {
            let _ = rustix::fs::unlinkat(&self.fd, &begun, AtFlags::empty());
            failed("write", &self.path.join(name), error)
        })
    }

    /// Waits until no other program has the lock of this name, and keeps it.
    pub fn lock(&self, name: &str) -> Result<LockFile> {
        LockFile::acquire(&self.fd, name).map_err(|error| failed("lock", &self.path.join(name), error))
    }

    /// Whether it has no entries but those of these names, and files that are being written.
    pub fn has_only(&self, own: &[&str]) -> Result<bool> {
        let unreadable = |error| failed("read", &self.path, error);
        let directory = rustix::fs::Dir::read_from(&self.fd).map_err(unreadable)?;
        for entry in directory {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_bytes();
            let is_own = name.starts_with(BEGUN.as_bytes()) || own.iter().any(|own| own.as_bytes() == name);
            if !is_own && !matches!(name, b"." | b"..") {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn failed(doing: &'static str, path: &Path, error: impl Into<io::Error>) -> Error {
    Error::File { doing, path: path.to_path_buf(), error: error.into() }
}
