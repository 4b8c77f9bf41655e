//! The file system as a confined program sees it: everything is read-only, some directories are
//! empty, some files of these are back in their places, and its working directory can be written
//! to.
//!
//! The parent prepares paths; [`Prepared::enter`] makes system calls only, between fork
//! and exec, in a mount namespace of its own.
//!
//! Source: mount_namespaces(7), open_tree(2), mount_setattr(2), chroot(2).

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change, move_mount, open_tree,
};

use crate::mounts::Mounts;

/// The file system as a program sees it. All paths are as the program sees them.
#[derive(Debug, Clone, Default)]
pub struct View {
    hidden: Vec<PathBuf>,
    temporary: Vec<PathBuf>,
    kept: Vec<Kept>,
}

/// A directory or file that is in its place although something above it is hidden.
#[derive(Debug, Clone)]
struct Kept {
    from: PathBuf,
    at: PathBuf,
    writable: bool,
}

/// The devices that a program may use, by their names below `/dev`.
pub(crate) const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// The links below `/dev`, with their targets.
const DEVICE_LINKS: [(&CStr, &CStr); 4] = [
    (c"/proc/self/fd", c"/dev/fd"),
    (c"/proc/self/fd/0", c"/dev/stdin"),
    (c"/proc/self/fd/1", c"/dev/stdout"),
    (c"/proc/self/fd/2", c"/dev/stderr"),
];

/// For temporary files of all programs of a confinement together.
const TEMPORARY_SIZE: &CStr = c"mode=1777,size=512m";

/// For directories, and files that mounts cover.
const HIDDEN_SIZE: &CStr = c"mode=755,size=1m";

impl View {
    /// The system without the temporary files, terminals and devices of others.
    pub fn new() -> Self {
        let mut view = Self::default();
        for directory in ["/tmp", "/var/tmp", "/dev/shm"] {
            view.temporary.push(directory.into());
        }
        view.hidden.push("/dev".into());
        for device in DEVICES {
            let path = Path::new("/dev").join(device);
            view.kept.push(Kept { from: path.clone(), at: path, writable: true });
        }
        view
    }

    /// The program finds this directory empty.
    pub fn hide(&mut self, directory: &Path) {
        self.hidden.push(directory.into());
    }

    /// The program finds this file or directory in its place, also below a hidden directory.
    pub fn keep(&mut self, path: &Path) {
        self.kept.push(Kept { from: path.into(), at: path.into(), writable: false });
    }

    /// The program finds the directory `from` at `at`, and can change it.
    pub fn work_in(&mut self, from: &Path, at: &Path) {
        self.kept.push(Kept { from: from.into(), at: at.into(), writable: true });
    }

    /// Directories that are the program's alone, and end with it.
    pub(crate) fn temporary(&self) -> Vec<CString> {
        self.temporary.iter().filter_map(|path| text(path)).collect()
    }

    /// `None` for a path with a NUL byte.
    pub(crate) fn prepare(&self) -> Option<Prepared> {
        let mut covers = Vec::new();
        let hidden = self.hidden.iter().map(|path| (path, HIDDEN_SIZE));
        for (path, options) in hidden.chain(self.temporary.iter().map(|path| (path, TEMPORARY_SIZE))) {
            covers.push(Cover {
                at: text(path)?,
                options,
                makes: path.starts_with("/dev") && path != Path::new("/dev"),
            });
        }
        // Outer directories come first.
        covers.sort_by_key(|cover| cover.at.as_bytes().len());
        let is_covered = |path: &Path| {
            self.hidden.iter().chain(&self.temporary).any(|cover| path.starts_with(cover) && path != cover)
        };
        let mut binds = Vec::new();
        for kept in &self.kept {
            if kept.from == kept.at && !kept.writable && !is_covered(&kept.at) {
                continue;
            }
            binds.push(Bind::new(kept, is_covered(&kept.at))?);
        }
        Some(Prepared { covers, binds, mounts: Mounts::all() })
    }
}

/// A file system in the place of a directory.
struct Cover {
    at: CString,
    options: &'static CStr,
    /// Whether the directory has to be made, because a mount covers the directory above.
    makes: bool,
}

/// A mount that is put in its place after what is above it was covered.
struct Bind {
    from: CString,
    at: CString,
    /// To be made, outermost first, the place itself included; empty where it exists.
    directories: Vec<CString>,
    is_directory: bool,
    writable: bool,
    tree: Option<OwnedFd>,
}

impl Bind {
    fn new(kept: &Kept, makes: bool) -> Option<Self> {
        let is_device = kept.at.parent() == Some(Path::new("/dev"));
        let mut directories = Vec::new();
        if makes && !is_device {
            let mut above: Vec<&Path> = kept.at.ancestors().filter(|path| path.parent().is_some()).collect();
            above.reverse();
            directories = above.into_iter().map(text).collect::<Option<_>>()?;
        }
        let (from, at) = (text(&kept.from)?, text(&kept.at)?);
        Some(Self { from, at, directories, is_directory: !is_device, writable: kept.writable, tree: None })
    }

    /// Takes hold of it before anything covers it. One that does not exist is left out.
    fn take(&mut self) -> Result<(), Errno> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        match open_tree(CWD, self.from.as_c_str(), flags) {
            Ok(tree) => self.tree = Some(tree),
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(other) => return Err(other),
        }
        Ok(())
    }

    fn put(&mut self) -> Result<(), Errno> {
        let Some(tree) = self.tree.take() else { return Ok(()) };
        for directory in &self.directories {
            make_directory(directory)?;
        }
        if !self.is_directory {
            let flags = OFlags::CREATE | OFlags::RDONLY | OFlags::CLOEXEC;
            rustix::fs::open(self.at.as_c_str(), flags, Mode::from_raw_mode(0o644))?;
        }
        move_mount(&tree, c"", CWD, self.at.as_c_str(), MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
    }
}

/// A [`View`] as system calls need it.
pub(crate) struct Prepared {
    covers: Vec<Cover>,
    binds: Vec<Bind>,
    /// The way for kernels that cannot make all mounts read-only at once.
    mounts: Option<Mounts>,
}

impl Prepared {
    /// Shows this process the view, below `root` if one is given, which becomes its root. To be called in a
    /// mount namespace of its own; after an error the namespace is in between.
    pub fn enter(&mut self, root: Option<&CStr>) -> Result<(), Errno> {
        own_root(root)?;
        for bind in self.binds.iter_mut().filter(|bind| bind.writable) {
            bind.take()?;
        }
        match set_attributes(libc::AT_FDCWD, c"/", libc::MOUNT_ATTR_RDONLY, 0) {
            Err(Errno::NOSYS) => self.mounts.as_ref().ok_or(Errno::NOSYS)?.make_read_only()?,
            other => other?,
        }
        for bind in self.binds.iter_mut().filter(|bind| !bind.writable) {
            bind.take()?;
        }
        let mask = rustix::process::umask(Mode::empty());
        let done = self.cover();
        rustix::process::umask(mask);
        done
    }

    fn cover(&mut self) -> Result<(), Errno> {
        for cover in &self.covers {
            if cover.makes {
                make_directory(&cover.at)?;
            }
            match mount(c"none", cover.at.as_c_str(), c"tmpfs", MountFlags::NOSUID | MountFlags::NODEV, cover.options) {
                Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(other) => return Err(other),
            }
        }
        for (to, link) in DEVICE_LINKS {
            rustix::fs::symlink(to, link)?;
        }
        self.binds.iter_mut().try_for_each(Bind::put)
    }
}

/// Has a root that is a mount of this namespace alone.
fn own_root(root: Option<&CStr>) -> Result<(), Errno> {
    let clone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let place = match mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC) {
        Ok(()) => match root {
            None => return Ok(()),
            Some(root) => root,
        },
        // Inside a chroot `/` is no mount, and what is mounted there would reach the system
        // outside. `/proc` is a mount: behind it there is room for one of our own.
        Err(Errno::INVAL) if root.is_none() => {
            let tree = open_tree(CWD, c"/", clone)?;
            set_attributes(tree.as_raw_fd(), c"", 0, libc::MS_PRIVATE)?;
            mount_change(c"/proc", MountPropagationFlags::PRIVATE)?;
            mount(c"none", c"/proc", c"tmpfs", MountFlags::NOSUID | MountFlags::NODEV, HIDDEN_SIZE)?;
            make_directory(c"/proc/root")?;
            move_mount(&tree, c"", CWD, c"/proc/root", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
            return change_root(c"/proc/root");
        }
        Err(other) => return Err(other),
    };
    let tree = open_tree(CWD, place, clone)?;
    move_mount(&tree, c"", CWD, place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    change_root(place)
}

fn change_root(to: &CStr) -> Result<(), Errno> {
    rustix::process::chdir(to)?;
    rustix::process::chroot(c".")
}

fn make_directory(path: &CStr) -> Result<(), Errno> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)) {
        Err(Errno::EXIST) => Ok(()),
        // In a directory that is not covered, where it exists.
        Err(Errno::ROFS) if rustix::fs::stat(path).is_ok() => Ok(()),
        other => other,
    }
}

/// Sets attributes, and if not 0 the propagation, of a mount and of all below it. An empty path is the
/// mount of the descriptor itself.
fn set_attributes(directory: i32, path: &CStr, set: u64, propagation: u64) -> Result<(), Errno> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation, userns_fd: 0 };
    let flags = libc::AT_RECURSIVE | if path.is_empty() { libc::AT_EMPTY_PATH } else { 0 };
    // SAFETY: the path and the attributes live as long as the call, which reads them.
    let status = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            directory,
            path.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if status == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(crate::errno())) }
}

fn text(path: &Path) -> Option<CString> {
    CString::new(path.as_os_str().as_bytes()).ok()
}
