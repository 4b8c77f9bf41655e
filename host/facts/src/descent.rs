//! Work on everything below a directory, however deep it is: with a few descriptors, and no
//! path of more than one name.
//!
//! One directory is open at a time. The way back is `..`, which must be the directory that the walk
//! came from: what others rename meanwhile is an error, and leads nowhere.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat, unlinkat};
use rustix::io::Errno;

use crate::Identity;

/// Flags of a directory that is listed; a link cannot stand for it.
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A directory on the way, and what is left to do in it.
struct Level {
    identity: Identity,
    ahead: Vec<CString>,
    /// The entry that the walk has gone into.
    entered: CString,
}

/// Visits everything below an open directory. `enter` is called for each entry, with its directory and
/// its name; it returns the entry opened for listing if the walk is to go into the entry. `leave` is
/// called with the same when the walk has come back from such an entry. No link is followed.
///
/// # Errors
/// The first error, with the path below the directory; an entry that was moved while the walk was
/// in it.
pub fn visit_below(
    top: OwnedFd,
    mut enter: impl FnMut(BorrowedFd<'_>, &CStr) -> io::Result<Option<OwnedFd>>,
    mut leave: impl FnMut(BorrowedFd<'_>, &CStr) -> io::Result<()>,
) -> io::Result<()> {
    let mut way: Vec<Level> = Vec::new();
    let mut here = top;
    let mut ahead = names(&here).map_err(|e| at(&way, None, e))?;
    loop {
        while let Some(name) = ahead.pop() {
            let Some(inner) = enter(here.as_fd(), &name).map_err(|e| at(&way, Some(&name), e))? else { continue };
            let identity = identity(&here).map_err(|e| at(&way, None, e))?;
            way.push(Level { identity, ahead: std::mem::take(&mut ahead), entered: name });
            here = inner;
            ahead = names(&here).map_err(|e| at(&way, None, e))?;
        }
        let Some(above) = way.last() else { return Ok(()) };
        here = parent(&here, above.identity).map_err(|e| at(&way, None, e))?;
        if let Some(Level { ahead: left, entered, .. }) = way.pop() {
            leave(here.as_fd(), &entered).map_err(|e| at(&way, Some(&entered), e))?;
            ahead = left;
        }
    }
}

/// Removes the file or directory of a name in a directory, however deep it is. No link is followed. A name
/// that is missing is no error.
///
/// # Errors
/// What cannot be removed, with its path.
pub fn remove_entry(dir: impl AsFd, name: &OsStr) -> io::Result<()> {
    let (dir, name) = (dir.as_fd(), CString::new(name.as_bytes())?);
    let Some(inner) = unlink_or_open(dir, &name)? else { return Ok(()) };
    visit_below(inner, unlink_or_open, remove_directory)?;
    remove_directory(dir, &name)
}

/// Removes an entry, unless it is a directory: that is opened.
fn unlink_or_open(dir: BorrowedFd<'_>, name: &CStr) -> io::Result<Option<OwnedFd>> {
    match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) if FileType::from_raw_mode(found.st_mode).is_dir() => {}
        Ok(_) => return or_gone(unlinkat(dir, name, AtFlags::empty())).map(|()| None),
        Err(e) => return or_gone(Err(e)).map(|()| None),
    }
    match openat(dir, name, DIRECTORY, Mode::empty()) {
        Ok(inner) => Ok(Some(inner)),
        Err(e) => or_gone(Err(e)).map(|()| None),
    }
}

fn remove_directory(dir: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    or_gone(unlinkat(dir, name, AtFlags::REMOVEDIR))
}

fn or_gone(done: Result<(), Errno>) -> io::Result<()> {
    match done {
        Err(Errno::NOENT) => Ok(()),
        other => Ok(other?),
    }
}

fn names(dir: &OwnedFd) -> io::Result<Vec<CString>> {
    let names = Dir::read_from(dir)?.map(|entry| entry.map(|entry| entry.file_name().to_owned()));
    let names = names.filter(|name| !name.as_ref().is_ok_and(|name| matches!(name.as_bytes(), b"." | b"..")));
    Ok(names.collect::<Result<_, _>>()?)
}

fn parent(dir: &OwnedFd, expected: Identity) -> io::Result<OwnedFd> {
    let parent = openat(dir, c"..", DIRECTORY, Mode::empty())?;
    if identity(&parent)? == expected {
        return Ok(parent);
    }
    Err(io::Error::other("it was moved elsewhere while it was being worked on"))
}

fn identity(dir: &OwnedFd) -> io::Result<Identity> {
    let found = fstat(dir)?;
    Ok((found.st_dev as u64, found.st_ino as u64))
}

/// The error with the path that it is about; that of the top itself is left as it is.
fn at(way: &[Level], name: Option<&CStr>, error: io::Error) -> io::Error {
    const LONGEST: usize = 160;
    let names = way.iter().map(|level| level.entered.as_c_str()).chain(name);
    let names: Vec<_> = names.map(CStr::to_string_lossy).collect();
    if names.is_empty() {
        return error;
    }
    let mut path = names.join("/");
    if path.chars().count() > LONGEST {
        let start: String = path.chars().take(LONGEST / 2).collect();
        path = format!("{start}… ({} directories deep)", way.len());
    }
    io::Error::new(error.kind(), format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use crate::beneath::open_parent;

    const LEVELS: usize = 3000;

    fn open(path: &Path) -> OwnedFd {
        File::open(path).unwrap().into()
    }

    fn remove_below(directory: OwnedFd, path: &Path) -> io::Result<()> {
        let (parent, name) = open_parent(&directory, path)?;
        remove_entry(&parent, name)
    }

    /// In memory, where there is such a place: to make deep trees on a disk takes seconds.
    fn scratch() -> tempfile::TempDir {
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
    }

    /// A directory in a directory, and so on, with a file in the last one.
    fn deep(top: &Path) {
        let mut here = open(top);
        for _ in 0..LEVELS {
            rustix::fs::mkdirat(&here, "d", Mode::from_raw_mode(0o755)).unwrap();
            here = openat(&here, "d", DIRECTORY, Mode::empty()).unwrap();
        }
        openat(&here, "file", OFlags::CREATE | OFlags::WRONLY, Mode::from_raw_mode(0o644)).unwrap();
    }

    /// The descriptors of this process, which other tests open and close.
    fn descriptors() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    #[test]
    fn a_tree_of_any_depth_is_walked_and_removed_with_a_few_descriptors() {
        let dir = scratch();
        let top = dir.path().join("top");
        std::fs::create_dir(&top).unwrap();
        deep(&top);
        let (before, mut most, mut seen, mut left) = (descriptors(), 0, 0, 0);
        let enter = |dir: BorrowedFd<'_>, name: &CStr| {
            seen += 1;
            most = most.max(descriptors());
            let found = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let is_directory = FileType::from_raw_mode(found.st_mode).is_dir();
            Ok(is_directory.then(|| openat(dir, name, DIRECTORY, Mode::empty())).transpose()?)
        };
        visit_below(open(&top), enter, |_, _| {
            left += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!((seen, left), (LEVELS + 1, LEVELS));
        assert!(most < before + 200, "{most} descriptors, and {before} before");
        remove_below(open(dir.path()), Path::new("top")).unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn nothing_behind_a_link_is_removed() {
        let dir = scratch();
        let path = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(path("top/a/b")).unwrap();
        std::fs::create_dir(path("other")).unwrap();
        std::fs::write(path("other/file"), "").unwrap();
        symlink("../other", path("top/link")).unwrap();
        symlink("other", path("way")).unwrap();
        assert!(remove_below(open(dir.path()), Path::new("way/file")).is_err());
        remove_below(open(dir.path()), Path::new("way")).unwrap();
        remove_below(open(dir.path()), Path::new("top")).unwrap();
        remove_below(open(dir.path()), Path::new("top")).unwrap();
        assert!(path("other/file").exists() && !path("top").exists() && path("way").symlink_metadata().is_err());
    }

    #[test]
    fn an_error_names_the_path_and_not_all_of_a_long_one() {
        let dir = scratch();
        std::fs::create_dir(dir.path().join("top")).unwrap();
        deep(&dir.path().join("top"));
        let enter = |dir: BorrowedFd<'_>, name: &CStr| match name.to_bytes() {
            b"file" => Err(io::ErrorKind::PermissionDenied.into()),
            _ => Ok(Some(openat(dir, name, DIRECTORY, Mode::empty())?)),
        };
        let error = visit_below(open(dir.path()), enter, |_, _| Ok(())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let text = error.to_string();
        assert!(text.starts_with("top/d/d/d/") && text.contains("(3001 directories deep): "), "{text}");
        assert!(text.len() < 300, "{text}");
        remove_below(open(dir.path()), Path::new("top")).unwrap();
    }

    #[test]
    fn a_directory_that_is_moved_away_meanwhile_ends_the_walk() {
        let dir = scratch();
        std::fs::create_dir_all(dir.path().join("top/a/b")).unwrap();
        std::fs::create_dir(dir.path().join("elsewhere")).unwrap();
        let (from, to) = (dir.path().join("top/a"), dir.path().join("elsewhere/a"));
        let enter = |dir: BorrowedFd<'_>, name: &CStr| {
            if name == c"b" {
                std::fs::rename(&from, &to)?;
            }
            Ok(Some(openat(dir, name, DIRECTORY, Mode::empty())?))
        };
        let error = visit_below(open(&dir.path().join("top")), enter, |_, _| Ok(())).unwrap_err();
        assert!(error.to_string().contains("a: it was moved elsewhere"), "{error}");
    }
}
