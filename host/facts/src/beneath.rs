//! File operations below a directory that no link leads out of.
//!
//! Source: openat2(2), `RESOLVE_BENEATH`, `RESOLVE_NO_SYMLINKS`. Kernels before
//! 5.6, and filters of system calls that do not know it, refuse openat2: the
//! same is then done one name at a time.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Flags of a handle that names something and reads nothing.
pub(crate) const HANDLE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// Whether a name in a directory still leads to an open file or directory. A link is not followed.
pub(crate) fn is_named(directory: impl AsFd, open: impl AsFd, name: &str) -> bool {
    let (open, named) = (rustix::fs::fstat(open), rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW));
    matches!((open, named), (Ok(open), Ok(named)) if (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino))
}

/// Opens a path below a directory. A link on the way, or at its end, is `ELOOP`
/// (but `PATH` with `NOFOLLOW` opens a link at the end itself); a path that is
/// absolute or climbs is `EXDEV`.
pub fn open_beneath(dir: impl AsFd, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    static REFUSED: AtomicBool = AtomicBool::new(false);
    let dir = dir.as_fd();
    let flags = flags | OFlags::CLOEXEC;
    if !REFUSED.load(Ordering::Relaxed) {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::io::retry_on_intr(|| rustix::fs::openat2(dir, path_or_dot(path), flags, mode, resolve)) {
            Err(Errno::NOSYS) => REFUSED.store(true, Ordering::Relaxed),
            // Some filters of system calls say this of all that they do not know.
            Err(Errno::PERM | Errno::AGAIN) => {}
            opened => return Ok(opened?),
        }
    }
    open_name_by_name(dir, path, flags, mode)
}

/// Does the work of openat2 with system calls that every kernel has.
fn open_name_by_name(dir: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let mut here: Option<OwnedFd> = None;
    let mut names = path.components().filter(|part| *part != Component::CurDir).peekable();
    while let Some(part) = names.next() {
        let Component::Normal(name) = part else { return Err(Errno::XDEV.into()) };
        let from = here.as_ref().map_or(dir, AsFd::as_fd);
        if names.peek().is_none() {
            return open_entry(from, name, flags, mode);
        }
        here = Some(open_directory(from, name)?);
    }
    let from = here.as_ref().map_or(dir, AsFd::as_fd);
    Ok(rustix::fs::openat(from, ".", flags, mode)?)
}

/// Opens a directory in a directory; a link is `ELOOP`.
fn open_directory(dir: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    match rustix::fs::openat(dir, name, HANDLE | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
        Err(Errno::NOTDIR) if is_link(dir, name) => Err(Errno::LOOP.into()),
        opened => Ok(opened?),
    }
}

fn open_entry(dir: BorrowedFd<'_>, name: &OsStr, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let wants_link = flags.contains(OFlags::PATH | OFlags::NOFOLLOW) && !flags.contains(OFlags::DIRECTORY);
    match rustix::fs::openat(dir, name, flags | OFlags::NOFOLLOW, mode) {
        Err(Errno::NOTDIR) if is_link(dir, name) => Err(Errno::LOOP.into()),
        Ok(opened) if !wants_link && flags.contains(OFlags::PATH) && kind_of(&opened)? == FileType::Symlink => {
            Err(Errno::LOOP.into())
        }
        opened => Ok(opened?),
    }
}

fn is_link(dir: BorrowedFd<'_>, name: &OsStr) -> bool {
    let found = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW);
    found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink)
}

pub(super) fn kind_of(handle: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(handle)?.st_mode))
}

/// A handle of the directory that a name is in; `name` must have one.
pub fn open_parent(dir: impl AsFd, path: &Path) -> io::Result<(OwnedFd, &OsStr)> {
    let name = path.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "a path without a name"))?;
    let parent = path.parent().unwrap_or(Path::new(""));
    Ok((open_beneath(dir, parent, HANDLE | OFlags::DIRECTORY, Mode::empty())?, name))
}

/// Makes a directory and its missing parents, mode 0755 less the umask. A link
/// on the way, or in its place, is `ELOOP`.
pub fn make_directories(dir: impl AsFd, path: &Path) -> io::Result<()> {
    let mut here: Option<OwnedFd> = None;
    for part in path.components() {
        let name = match part {
            Component::Normal(name) => name,
            Component::CurDir => continue,
            _ => return Err(Errno::XDEV.into()),
        };
        let from = here.as_ref().map_or(dir.as_fd(), AsFd::as_fd);
        match rustix::fs::mkdirat(from, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(e.into()),
        }
        let below = open_directory(from, name)?;
        here = Some(below);
    }
    Ok(())
}

/// Whether an error says that there was a link where none may be.
pub fn is_link_error(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

fn path_or_dot(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    type Open = fn(BorrowedFd<'_>, &Path, OFlags, Mode) -> io::Result<OwnedFd>;

    /// Both ways to open give the same answers.
    #[test]
    fn links_are_refused_on_the_way_and_at_the_end_with_openat2_and_without() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(path("a/b")).unwrap();
        std::fs::write(path("a/b/file"), "x").unwrap();
        symlink("b", path("a/link")).unwrap();
        symlink("file", path("a/b/link")).unwrap();
        let top = std::fs::File::open(dir.path()).unwrap();
        let ways: [Open; 2] = [|dir, path, flags, mode| open_beneath(dir, path, flags, mode), open_name_by_name];
        for open in ways {
            let error = |name: &str, flags| {
                let opened = open(top.as_fd(), Path::new(name), flags | OFlags::CLOEXEC, Mode::empty());
                opened.err().and_then(|e| e.raw_os_error()).unwrap_or(0)
            };
            let (read, link) = (OFlags::RDONLY, Errno::LOOP.raw_os_error());
            assert_eq!(error("a/b/file", read), 0);
            assert_eq!(error("", read | OFlags::DIRECTORY), 0);
            assert_eq!(error("a/link/file", read), link);
            assert_eq!(error("a/b/link", read), link);
            assert_eq!(error("a/b/link", OFlags::PATH), link);
            assert_eq!(error("a/b/link", OFlags::PATH | OFlags::NOFOLLOW), 0);
            assert_eq!(error("a/link", OFlags::PATH | OFlags::DIRECTORY), link);
            assert_eq!(error("a/none/x", read), Errno::NOENT.raw_os_error());
            assert_eq!(error("a/b/file/x", read), Errno::NOTDIR.raw_os_error());
            assert_eq!(error("../x", read), Errno::XDEV.raw_os_error());
            assert_eq!(error("/etc", read), Errno::XDEV.raw_os_error());
        }
    }

    #[test]
    fn directories_are_made_but_not_behind_links() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("real")).unwrap();
        symlink("real", dir.path().join("link")).unwrap();
        let top = std::fs::File::open(dir.path()).unwrap();
        make_directories(&top, Path::new("real/x/y")).unwrap();
        make_directories(&top, Path::new("real/x/y")).unwrap();
        assert!(dir.path().join("real/x/y").is_dir());
        for path in ["link", "link/z"] {
            assert!(is_link_error(&make_directories(&top, Path::new(path)).unwrap_err()), "{path}");
        }
        assert!(!dir.path().join("real/z").exists());
    }
}
