//! Writing inside one directory: no link leads what is written out of it, and no file is replaced
//! unasked.
//!
//! The names come from an image or from a case, which other users may have made, and the program may run as root.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use modsmith_facts::{inside, make_directories, open_beneath, open_parent};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// A handle that names the directory and reads nothing.
const HANDLE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The bits of a mode that a written file may have: it runs as nobody else.
const MODES: u32 = 0o777;

/// A directory that is written into. Paths are relative to it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    handle: OwnedFd,
}

impl Folder {
    /// A directory that is there. Its own path may lead through links.
    ///
    /// # Errors
    /// `System` for a directory that cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        Self::with(path, HANDLE)
    }

    /// Makes the directory and those above it. It must not be there.
    ///
    /// # Errors
    /// `System` for a directory that is there or cannot be made.
    pub fn make(path: &Path) -> Result<Self> {
        let above = path.parent().filter(|above| !above.as_os_str().is_empty());
        let made = above.map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::create_dir(path));
        made.map_err(|e| Error::io("make the directory", path, e))?;
        Self::with(path, HANDLE | OFlags::NOFOLLOW)
    }

    fn with(path: &Path, flags: OFlags) -> Result<Self> {
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| Error::io("open", path, e.into()))?;
        Ok(Self { path: path.to_path_buf(), handle })
    }

    /// The place that a path of the system in this directory names: every link on the way is followed
    /// as that system would follow it.
    pub fn locate(&self, path: impl AsRef<Path>) -> PathBuf {
        let found = inside::locate_in_root(&self.path, path.as_ref());
        found.strip_prefix(&self.path).map_or(found.clone(), Path::to_path_buf)
    }

    /// Of what has the name. A link at the end is not followed.
    ///
    /// # Errors
    /// A link on the way, and those of open(2).
    pub fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW;
        File::from(open_beneath(&self.handle, path, flags, Mode::empty())?).metadata()
    }

    /// Makes a directory and its missing parents. One that is there is no error.
    ///
    /// # Errors
    /// A link or a file on the way, and those of mkdir(2).
    pub fn directory(&self, path: &Path) -> io::Result<()> {
        make_directories(&self.handle, path)
    }

    /// Makes a file and the directories above it.
    ///
    /// # Errors
    /// `AlreadyExists` for a name that is taken; a link on the way; those of open(2) and write(2).
    pub fn create(&self, path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
        self.directory(path.parent().unwrap_or(Path::new("")))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mut file = File::from(open_beneath(&self.handle, path, flags, Mode::from_raw_mode(0o600))?);
        file.write_all(contents)?;
        // The mode does not depend on the umask.
        Ok(rustix::fs::fchmod(&file, Mode::from_raw_mode(mode & MODES))?)
    }

    /// Makes a link and the directories above it. Its target need not be inside.
    ///
    /// # Errors
    /// Those of [`Folder::create`].
    pub fn link(&self, path: &Path, target: &Path) -> io::Result<()> {
        self.directory(path.parent().unwrap_or(Path::new("")))?;
        let (above, name) = open_parent(&self.handle, path)?;
        Ok(rustix::fs::symlinkat(target, &above, name)?)
    }

    /// Writes a file in the place of the file or link that has the name.
    ///
    /// # Errors
    /// Those of [`Folder::create`].
    pub fn replace(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        self.remove(name)?;
        self.create(Path::new(name), contents, 0o644)
    }

    /// Removes a file or link. One that is missing is no error.
    ///
    /// # Errors
    /// Those of unlink(2).
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.handle, OsStr::new(name), AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Gives a file that is there other contents.
    ///
    /// # Errors
    /// A link on the way or in its place; those of open(2) and write(2).
    pub fn overwrite(&self, path: &Path, contents: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::TRUNC | OFlags::NONBLOCK;
        File::from(open_beneath(&self.handle, path, flags, Mode::empty())?).write_all(contents)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A folder with a link to a directory beside it.
    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("outside")).unwrap();
        std::fs::write(dir.path().join("outside/file"), "precious").unwrap();
        let folder = Folder::make(&dir.path().join("a/in")).unwrap();
        symlink(dir.path().join("outside"), dir.path().join("a/in/out")).unwrap();
        symlink(dir.path().join("outside/file"), dir.path().join("a/in/link")).unwrap();
        (dir, folder)
    }

    #[test]
    fn nothing_is_written_behind_a_link_or_above() {
        let (dir, folder) = folder();
        for path in ["out/file", "out/new", "link", "../new", "a/../../new", "/new"] {
            let path = Path::new(path);
            assert!(folder.create(path, b"x", 0o644).is_err(), "{}", path.display());
            assert!(folder.link(path, Path::new("x")).is_err(), "{}", path.display());
            assert!(folder.overwrite(path, b"x").is_err(), "{}", path.display());
        }
        for path in ["out/new", "link", "../new"] {
            assert!(folder.directory(Path::new(path)).is_err(), "{path}");
        }
        assert_eq!(std::fs::read_to_string(dir.path().join("outside/file")).unwrap(), "precious");
        assert_eq!(std::fs::read_dir(dir.path().join("outside")).unwrap().count(), 1);
        assert!(!dir.path().join("a/new").exists() && !Path::new("/new").exists());
    }

    #[test]
    fn a_file_is_new_and_runs_as_nobody_else() {
        let (dir, folder) = folder();
        folder.create(Path::new("x/file"), b"text", 0o6755).unwrap();
        let mode = dir.path().join("a/in/x/file").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o755);
        let again = folder.create(Path::new("x/file"), b"other", 0o644).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert!(Folder::make(&dir.path().join("a/in")).is_err());
    }

    #[test]
    fn a_link_is_replaced_itself() {
        let (dir, folder) = folder();
        folder.replace("link", b"new").unwrap();
        assert!(dir.path().join("a/in/link").symlink_metadata().unwrap().is_file());
        assert_eq!(std::fs::read_to_string(dir.path().join("outside/file")).unwrap(), "precious");
        folder.remove("missing").unwrap();
    }

    #[test]
    fn a_path_of_the_system_inside_is_located_inside() {
        let (_dir, folder) = folder();
        folder.link(Path::new("etc/x"), Path::new("../usr/x")).unwrap();
        assert_eq!(folder.locate("/etc/x/file"), Path::new("usr/x/file"));
        assert!(!folder.locate("/out/file").is_absolute());
    }
}
