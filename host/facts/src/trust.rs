//! Which of the program's own files are trusted.
//!
//! The journal, the lock and the records below the tree say what is to be
//! undone, where modules are, and what failed. They are trusted only where
//! only root and the caller could have written them: a regular file that
//! belongs to one of the two and that no one else may write, in directories of
//! the same kind, with no symbolic link on the way from the tree. Everything is
//! opened from the handle of the directory above, so that nothing can be
//! exchanged between check and use.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::beneath::is_named;
use crate::descent::remove_entry;
use crate::inside::{self, describe};

/// The largest own file that is read, in bytes: far more than any journal has.
const LIMIT: u64 = 64 << 20;

/// Why a file or directory is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Reason {
    #[error("it is a symbolic link")]
    Link,
    #[error("it is {0}, not {1}")]
    Kind(&'static str, &'static str),
    #[error("it belongs to the user {0}, who is neither root nor the caller")]
    Owner(u32),
    #[error("users other than its owner may write to it (mode {0:04o})")]
    Writable(u32),
    #[error("it is larger than {} MiB", LIMIT >> 20)]
    Large,
}

/// A file or directory that others could have written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{} is not trusted: {reason}", path.display())]
pub struct Untrusted {
    pub path: PathBuf,
    pub reason: Reason,
}

impl Untrusted {
    /// The fault and its remedy, as the end of a sentence.
    pub fn clause(&self) -> String {
        let path = self.path.display();
        match self.reason {
            Reason::Owner(_) => format!("{self}; give it to root (`chown root {path}`)"),
            Reason::Writable(_) => format!("{self}; take that away (`chmod go-w {path}`)"),
            Reason::Link | Reason::Kind(..) | Reason::Large => format!("{self}; remove it"),
        }
    }

    /// The remedy, in one sentence.
    pub fn remedy(&self) -> String {
        format!(
            "Find out where {0} comes from. If it is not needed, delete it; if it is correct, make it trusted with `chown root` and `chmod go-w`.",
            self.path.display()
        )
    }
}

/// Why something of the program's own could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Errno> for TrustError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// A directory at or below the tree, held open.
#[derive(Debug)]
pub struct TrustedDir {
    handle: OwnedFd,
    path: PathBuf,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl TrustedDir {
    /// The tree itself: the invocation names it, so it is taken as it is. Errors:
    /// those of open(2).
    pub fn top(path: &Path) -> io::Result<Self> {
        Ok(Self { handle: inside::open_directory(path, DIRECTORY)?, path: path.to_path_buf() })
    }

    /// A directory by its path, if only root and the caller may write to it. Links on the way to it are
    /// followed, what is opened is checked. `None` where there is none.
    pub fn own(path: &Path) -> Result<Option<Self>, TrustError> {
        let directory = match Self::top(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            top => top?,
        };
        check(&rustix::fs::fstat(&directory)?, FileType::Directory)
            .map_err(|reason| Untrusted { path: path.to_path_buf(), reason })?;
        Ok(Some(directory))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A directory in this one; `None` where there is none.
    pub fn directory(&self, name: &str) -> Result<Option<Self>, TrustError> {
        let path = self.path.join(name);
        let handle = match rustix::fs::openat(&self.handle, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => return Ok(None),
            Err(e @ (Errno::NOTDIR | Errno::LOOP)) => return Err(self.obstacle(name, "a directory", e)),
            Err(e) => return Err(e.into()),
        };
        check(&rustix::fs::fstat(&handle)?, FileType::Directory)
            .map_err(|reason| Untrusted { path: path.clone(), reason })?;
        Ok(Some(Self { handle, path }))
    }

    /// A directory in this one, which is made if it is missing.
    pub fn make_directory(&self, name: &str, mode: u32) -> Result<Self, TrustError> {
        loop {
            match rustix::fs::mkdirat(&self.handle, name, Mode::from_raw_mode(mode)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(e.into()),
            }
            // Another invocation may have removed it, empty, meanwhile.
            if let Some(directory) = self.directory(name)? {
                return Ok(directory);
            }
        }
    }

    /// A directory below this one, by its relative path.
    pub fn below(&self, relative: &Path) -> Result<Option<Self>, TrustError> {
        let mut here = Self { handle: self.handle.try_clone()?, path: self.path.clone() };
        for part in relative.components() {
            let Component::Normal(name) = part else { continue };
            match here.directory(&name.to_string_lossy())? {
                Some(next) => here = next,
                None => return Ok(None),
            }
        }
        Ok(Some(here))
    }

    /// A file in this directory; `None` where there is none. Never blocks, and
    /// opens nothing but a regular file.
    pub fn open(&self, name: &str, flags: OFlags, mode: u32) -> Result<Option<File>, TrustError> {
        let safe = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        // A device is not even opened: that alone may have an effect.
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => self.believe(name, &stat)?,
            Err(Errno::NOENT) => {}
            Err(e) => return Err(e.into()),
        }
        let file = match rustix::fs::openat(&self.handle, name, flags | safe, Mode::from_raw_mode(mode)) {
            Ok(file) => file,
            Err(Errno::NOENT) if !flags.contains(OFlags::CREATE) => return Ok(None),
            Err(e @ Errno::LOOP) => return Err(self.obstacle(name, "a file", e)),
            Err(e) => return Err(e.into()),
        };
        self.believe(name, &rustix::fs::fstat(&file)?)?;
        Ok(Some(File::from(file)))
    }

    fn believe(&self, name: &str, stat: &Stat) -> Result<(), TrustError> {
        Ok(check(stat, FileType::RegularFile).map_err(|reason| Untrusted { path: self.path.join(name), reason })?)
    }

    /// The contents of a file; `None` where there is none.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, TrustError> {
        let Some(file) = self.open(name, OFlags::RDONLY, 0)? else { return Ok(None) };
        let mut contents = Vec::new();
        file.take(LIMIT + 1).read_to_end(&mut contents)?;
        match contents.len() as u64 > LIMIT {
            true => Err(Untrusted { path: self.path.join(name), reason: Reason::Large }.into()),
            false => Ok(Some(contents)),
        }
    }

    /// Writes a file that appears with all of its contents, in place of one of its name. No link is
    /// followed.
    pub fn write(&self, name: &str, contents: &[u8], mode: u32) -> Result<(), TrustError> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let begun = format!(".{name}.{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        // A process of this number that was killed may have left it.
        let _ = self.remove_file(&begun);
        let write = || -> io::Result<()> {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&self.handle, &begun, flags, Mode::from_raw_mode(0o600))?;
            let mut file = File::from(file);
            file.write_all(contents)?;
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
            file.sync_all()?;
            Ok(rustix::fs::renameat(&self.handle, &begun, &self.handle, name)?)
        };
        write().map_err(|error| {
            let _ = self.remove_file(&begun);
            error.into()
        })
    }

    /// Names in the directory, sorted.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.handle)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            names.extend((name != "." && name != "..").then_some(name));
        }
        names.sort();
        Ok(names)
    }

    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    /// Removes an empty directory.
    pub fn remove_directory(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR)?)
    }

    /// Removes the file or directory of this name, however deep it is. No link is followed.
    pub fn remove_all(&self, name: &str) -> io::Result<()> {
        remove_entry(&self.handle, name.as_ref())
    }

    /// Whether an open file or directory still has this name.
    pub fn is_named(&self, open: impl AsFd, name: &str) -> bool {
        is_named(&self.handle, open, name)
    }

    fn obstacle(&self, name: &str, wanted: &'static str, error: Errno) -> TrustError {
        let reason = match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => Reason::Link,
                kind => Reason::Kind(describe(kind), wanted),
            },
            Err(_) => return error.into(),
        };
        Untrusted { path: self.path.join(name), reason }.into()
    }
}

impl AsFd for TrustedDir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// The contents of an own file below the tree; `None` where there is none.
pub fn read_trusted(tree: &Path, relative: &Path) -> Result<Option<Vec<u8>>, TrustError> {
    in_its_directory(tree, relative, TrustedDir::read)
}

/// An own file below the tree, opened and not read; `None` where there is none.
pub fn open_trusted(tree: &Path, relative: &Path) -> Result<Option<File>, TrustError> {
    in_its_directory(tree, relative, |directory, name| directory.open(name, OFlags::RDONLY, 0))
}

fn in_its_directory<T>(
    tree: &Path,
    relative: &Path,
    look: impl FnOnce(&TrustedDir, &str) -> Result<Option<T>, TrustError>,
) -> Result<Option<T>, TrustError> {
    let name = relative.file_name().unwrap_or_default().to_string_lossy();
    let top = match TrustedDir::top(tree) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        top => top?,
    };
    match top.below(relative.parent().unwrap_or(Path::new("")))? {
        Some(directory) => look(&directory, &name),
        None => Ok(None),
    }
}

/// Whether something is of the wanted kind, and only root or the caller could
/// have written it.
pub fn check(stat: &Stat, wanted: FileType) -> Result<(), Reason> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::Symlink {
        return Err(Reason::Link);
    }
    if kind != wanted {
        return Err(Reason::Kind(describe(kind), describe(wanted)));
    }
    if stat.st_uid != 0 && stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(Reason::Owner(stat.st_uid));
    }
    match stat.st_mode & 0o7777 {
        mode if mode & 0o022 != 0 => Err(Reason::Writable(mode)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn reason(tree: &Path, file: &str) -> Reason {
        match read_trusted(tree, Path::new(file)) {
            Err(TrustError::Untrusted(untrusted)) => untrusted.reason,
            other => panic!("{file}: {other:?}"),
        }
    }

    #[test]
    fn only_what_others_could_not_write_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let mode = |path: &str, mode| std::fs::set_permissions(at(path), PermissionsExt::from_mode(mode)).unwrap();
        for directory in ["good", "open", "foreign"] {
            std::fs::create_dir(at(directory)).unwrap();
            mode(directory, 0o755);
            std::fs::write(at(directory).join("file"), "x").unwrap();
            mode(&format!("{directory}/file"), 0o644);
        }
        assert_eq!(read_trusted(dir.path(), Path::new("good/file")).unwrap(), Some(b"x".to_vec()));
        assert_eq!(read_trusted(dir.path(), Path::new("good/none")).unwrap(), None);
        assert_eq!(read_trusted(dir.path(), Path::new("none/file")).unwrap(), None);

        mode("open", 0o775);
        assert_eq!(reason(dir.path(), "open/file"), Reason::Writable(0o775));
        symlink("good", at("link")).unwrap();
        assert_eq!(reason(dir.path(), "link/file"), Reason::Link);
        symlink("file", at("good/alias")).unwrap();
        assert_eq!(reason(dir.path(), "good/alias"), Reason::Link);
        mode("good/file", 0o646);
        assert_eq!(reason(dir.path(), "good/file"), Reason::Writable(0o646));
        rustix::fs::mknodat(rustix::fs::CWD, at("good/pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert_eq!(reason(dir.path(), "good/pipe"), Reason::Kind("a named pipe", "a regular file"));
        assert_eq!(reason(dir.path(), "good/file/x"), Reason::Kind("a regular file", "a directory"));
        if rustix::process::geteuid().is_root() {
            chown(at("foreign"), Some(4711), None).unwrap();
            assert_eq!(reason(dir.path(), "foreign/file"), Reason::Owner(4711));
            chown(at("foreign"), Some(0), None).unwrap();
            chown(at("foreign/file"), Some(4711), None).unwrap();
            assert_eq!(reason(dir.path(), "foreign/file"), Reason::Owner(4711));
        }
    }

    #[test]
    fn a_directory_is_named_by_its_path_only_if_others_cannot_write_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        std::fs::create_dir(at("own")).unwrap();
        symlink("own", at("link")).unwrap();
        std::fs::set_permissions(at("own"), PermissionsExt::from_mode(0o755)).unwrap();
        assert!(TrustedDir::own(&at("none")).unwrap().is_none());
        assert!(TrustedDir::own(&at("own")).unwrap().is_some() && TrustedDir::own(&at("link")).unwrap().is_some());
        std::fs::set_permissions(at("own"), PermissionsExt::from_mode(0o777)).unwrap();
        for path in ["own", "link"] {
            let Err(TrustError::Untrusted(untrusted)) = TrustedDir::own(&at(path)) else { panic!("{path}") };
            assert!(untrusted.clause().contains("(mode 0777); take that away (`chmod go-w"), "{}", untrusted.clause());
        }
    }

    #[test]
    fn what_is_written_takes_the_place_of_a_link_and_of_an_older_file() {
        let dir = tempfile::tempdir().unwrap();
        let top = TrustedDir::top(dir.path()).unwrap();
        std::fs::write(dir.path().join("kept"), "kept").unwrap();
        symlink("kept", dir.path().join("file")).unwrap();
        for contents in ["first", "second"] {
            top.write("file", contents.as_bytes(), 0o644).unwrap();
            assert_eq!(top.read("file").unwrap(), Some(contents.as_bytes().to_vec()));
        }
        assert_eq!(std::fs::read(dir.path().join("kept")).unwrap(), b"kept");
        assert_eq!(top.names().unwrap(), ["file", "kept"], "nothing else is left");
    }

    #[test]
    fn what_is_removed_is_never_what_a_link_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("kept/deep")).unwrap();
        std::fs::create_dir(dir.path().join("tree")).unwrap();
        symlink("../kept", dir.path().join("tree/link")).unwrap();
        TrustedDir::top(&dir.path().join("tree")).unwrap().remove_all("link").unwrap();
        assert!(dir.path().join("kept/deep").is_dir() && !dir.path().join("tree/link").exists());
    }
}
