//! The mounts of a confined program: a `/proc` with its own processes only, a way to the source
//! that it reads, and, if there is no Landlock, nothing that can be written to.
//!
//! The parent prepares paths; the functions that mount make system calls only.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change, move_mount, open_tree,
};

/// Keeps what is mounted from now on from the namespace that this one came from.
pub(super) fn make_private() -> Result<(), Errno> {
    mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
}

/// Mounts a `/proc` that shows this PID namespace.
pub(super) fn fresh_proc() -> Result<(), Errno> {
    mount(c"proc", c"/proc", c"proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)
}

/// A way to a directory that lies in one which others may not enter, such as a home:
/// in its place is an empty one with nothing but that directory.
pub(super) struct Way {
    cover: CString,
    /// To be made below it, outermost first; the last one is the directory.
    directories: Vec<CString>,
}

impl Way {
    /// `None` if all users find the way already. `to` is a canonical path.
    pub fn new(to: &Path) -> Option<Self> {
        let mut above: Vec<&Path> = to.ancestors().skip(1).collect();
        above.reverse();
        let closed =
            |directory: &&Path| directory.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o001 == 0);
        let cover = above.into_iter().find(closed).filter(|cover| cover.parent().is_some())?;
        let mut path = cover.to_path_buf();
        let mut directories = Vec::new();
        for name in to.strip_prefix(cover).ok()?.components() {
            path.push(name);
            directories.push(CString::new(path.as_os_str().as_bytes()).ok()?);
        }
        Some(Self { cover: CString::new(cover.as_os_str().as_bytes()).ok()?, directories })
    }

    /// Opens the way in this mount namespace. An error leaves it closed.
    pub fn open(&self) -> Result<(), Errno> {
        let directory: &CStr = self.directories.last().ok_or(Errno::INVAL)?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let source = open_tree(CWD, directory, flags)?;
        let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount(c"none", self.cover.as_c_str(), c"tmpfs", quiet, c"mode=755,size=64k")?;
        let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        let made = self
            .directories
            .iter()
            .try_for_each(|directory| rustix::fs::mkdir(directory.as_c_str(), rustix::fs::Mode::from_raw_mode(0o755)));
        rustix::process::umask(mask);
        made?;
        move_mount(&source, c"", CWD, directory, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
    }
}

/// All mounts, to be made read-only.
pub(super) struct Mounts(Vec<(CString, MountFlags)>);

impl Mounts {
    /// Those of this process. `None` where they cannot be listed: without a `/proc`, or in a
    /// directory that is no mount (chroot).
    pub fn all() -> Option<Self> {
        let table = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
        let mounts: Vec<_> = table.lines().filter_map(mount_point).collect();
        mounts.iter().any(|(path, _)| path.as_c_str() == c"/").then_some(Self(mounts))
    }

    /// Makes them so in this mount namespace.
    pub fn make_read_only(&self) -> Result<(), Errno> {
        for (path, flags) in &self.0 {
            let flags = *flags | MountFlags::RDONLY;
            match rustix::mount::mount_remount(path.as_c_str(), MountFlags::BIND | flags, c"") {
                // Covered by another mount, or of a file system that is gone.
                Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}

/// A line of `mountinfo`: where it is, and the options that have to stay.
///
/// Source: proc_pid_mountinfo(5).
fn mount_point(line: &str) -> Option<(CString, MountFlags)> {
    let mut fields = line.split(' ').skip(4);
    let (path, options) = (fields.next()?, fields.next()?);
    let flags = options.split(',').map(|option| match option {
        "nosuid" => MountFlags::NOSUID,
        "nodev" => MountFlags::NODEV,
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "nodiratime" => MountFlags::NODIRATIME,
        "relatime" => MountFlags::RELATIME,
        _ => MountFlags::empty(),
    });
    Some((CString::new(unescape(path)).ok()?, flags.collect()))
}

/// Blank, tab, line end and backslash are written as three octal digits.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &after[3..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// The way to a file's directory, if one has to be opened.
pub(super) fn way_to(directory: &Path) -> Option<Way> {
    Way::new(&directory.canonicalize().unwrap_or_else(|_| PathBuf::from(directory)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_begins_at_the_outermost_directory_that_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("home/src/x")).unwrap();
        let set = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        set(dir.path(), 0o755);
        assert!(Way::new(&dir.path().join("home/src/x")).is_none());
        set(&dir.path().join("home"), 0o700);
        let way = Way::new(&dir.path().join("home/src/x")).unwrap();
        let path = |path: &str| CString::new(dir.path().join(path).into_os_string().into_encoded_bytes()).unwrap();
        assert_eq!(way.cover, path("home"));
        assert_eq!(way.directories, [path("home/src"), path("home/src/x")]);
    }

    #[test]
    fn mount_points_keep_their_options_and_blanks() {
        let line = r"36 35 98:0 /mnt1 /mnt\0402 rw,nosuid,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let (path, flags) = mount_point(line).unwrap();
        assert_eq!((path.as_c_str(), flags), (c"/mnt 2", MountFlags::NOSUID | MountFlags::NOATIME));
    }
}
