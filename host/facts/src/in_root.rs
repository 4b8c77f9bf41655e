//! Opening what a path of another system names, from a handle of that system's root.
//!
//! Every link is followed as that system would follow it, absolute ones too, and no
//! exchange of names while that is done leads out.
//!
//! Source: openat2(2), `RESOLVE_IN_ROOT`. Kernels before 5.6, and filters of system
//! calls that do not know it, refuse openat2: the same is then done one name at a time.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::beneath::{HANDLE, kind_of};

/// How many links one path may have, as Linux has it (path_resolution(7)).
pub(crate) const LINKS: usize = 40;

/// How often openat2 is asked where names change under it.
const TRIES: u32 = 16;

/// A handle of what a path names, which reads nothing.
///
/// # Errors
/// Those of open(2).
pub(crate) fn handle_in_root(root: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    static REFUSED: AtomicBool = AtomicBool::new(false);
    let root = root.as_fd();
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let inside = path.strip_prefix("/").unwrap_or(path);
    let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
    for _ in 0..TRIES {
        if REFUSED.load(Ordering::Relaxed) {
            break;
        }
        match rustix::io::retry_on_intr(|| rustix::fs::openat2(root, inside, HANDLE, Mode::empty(), resolve)) {
            Err(Errno::NOSYS) => REFUSED.store(true, Ordering::Relaxed),
            Err(Errno::AGAIN) => {}
            // Some filters of system calls say this of all that they do not know.
            Err(Errno::PERM) => break,
            opened => return Ok(opened?),
        }
    }
    one_by_one(root, path)
}

/// Does the work of openat2 with system calls that every kernel has.
fn one_by_one(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    // Those between the root and where the walk is: no name can lead above the root.
    let mut above: Vec<OwnedFd> = Vec::new();
    let mut links = 0;
    let mut todo = reversed(path);
    while let Some(name) = todo.pop() {
        if name == ".." {
            above.pop();
            continue;
        }
        let here = above.last().map_or(root, AsFd::as_fd);
        let entry = rustix::fs::openat(here, &name, HANDLE | OFlags::NOFOLLOW, Mode::empty())?;
        if kind_of(&entry)? != FileType::Symlink {
            above.push(entry);
            continue;
        }
        links += 1;
        if links > LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = rustix::fs::readlinkat(&entry, "", Vec::new())?;
        let target = Path::new(OsStr::from_bytes(target.as_bytes()));
        if target.is_absolute() {
            above.clear();
        }
        todo.extend(reversed(target));
    }
    match above.pop() {
        Some(found) => Ok(found),
        None => Ok(rustix::fs::openat(root, ".", HANDLE, Mode::empty())?),
    }
}

/// The names of a path, the first one last.
pub(crate) fn reversed(path: &Path) -> Vec<OsString> {
    let parts = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::AtomicBool;

    use super::*;

    type Open = fn(BorrowedFd<'_>, &Path) -> io::Result<OwnedFd>;

    const WAYS: [Open; 2] = [|root, path| handle_in_root(root, path), one_by_one];

    #[test]
    fn a_path_is_followed_inside_its_root_with_openat2_and_without() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("root");
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        std::fs::create_dir_all(root.join("data")).unwrap();
        for file in ["usr/lib/x", "data/x"] {
            std::fs::write(root.join(file), "").unwrap();
        }
        for (link, target) in [
            ("lib", "/usr/lib"),
            ("up", "../../../../usr"),
            ("usr/there", "../data"),
            ("loop", "loop"),
            ("chain", "usr/there/../lib"),
            ("end", "usr/there/x"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let top = File::open(&root).unwrap();
        for open in WAYS {
            for (path, inside) in [
                ("/lib/x", "usr/lib/x"),
                ("up/there/x", "data/x"),
                ("../../usr/lib", "usr/lib"),
                ("chain/x", "usr/lib/x"),
                ("end", "data/x"),
                ("usr/../..", ""),
                ("/", ""),
            ] {
                let found = open(top.as_fd(), Path::new(path)).unwrap();
                let real = std::fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd())).unwrap();
                assert_eq!(real, root.join(inside).components().collect::<std::path::PathBuf>(), "{path}");
            }
            for (path, error) in [("loop", Errno::LOOP), ("none/x", Errno::NOENT), ("end/x", Errno::NOTDIR)] {
                let found = open(top.as_fd(), Path::new(path)).unwrap_err();
                assert_eq!(found.raw_os_error(), Some(error.raw_os_error()), "{path}");
            }
        }
    }

    #[test]
    fn no_exchange_of_names_leads_out_of_a_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        for (directory, contents) in [("root/etc/sub", "inside"), ("outside/sub", "outside")] {
            std::fs::create_dir_all(dir.path().join(directory)).unwrap();
            std::fs::write(dir.path().join(directory).join("file"), contents).unwrap();
        }
        symlink(dir.path().join("outside"), root.join("other")).unwrap();
        let top = File::open(&root).unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let flags = rustix::fs::RenameFlags::EXCHANGE;
                    rustix::fs::renameat_with(&top, "etc", &top, "other", flags).unwrap();
                }
            });
            for open in WAYS {
                for _ in 0..5000 {
                    let Ok(found) = open(top.as_fd(), Path::new("etc/sub/../sub/file")) else { continue };
                    let mut contents = String::new();
                    let file = format!("/proc/self/fd/{}", found.as_raw_fd());
                    File::open(file).unwrap().read_to_string(&mut contents).unwrap();
                    assert_eq!(contents, "inside");
                }
            }
            is_over.store(true, Ordering::Relaxed);
        });
    }
}
