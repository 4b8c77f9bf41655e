//! Programs that work in one directory of the system, and in no other.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{AtFlags, Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::files::Files;
use crate::ownership::{hand_over, take_back};
use modsmith_facts::Location;
use modsmith_sandbox::{Build, Confinement, Leash, Readable, User, View, Wall};

/// How a command is confined to a directory. Paths are those of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walls {
    /// The directory that the command can change. Its home and temporary files are there, too.
    pub directory: Location,
    /// The location at which the command finds that directory.
    pub at: Location,
    /// Further directories that the command can change.
    pub writable: Vec<PathBuf>,
    /// A directory of which it finds a copy that is its own; with a view only.
    pub own: Option<PathBuf>,
    /// Directories that it finds empty, and files and directories in these that it finds all
    /// the same; `None`: it finds what there is.
    pub view: Option<Surroundings>,
    /// The files that the command may read, if modes of files do not decide about that.
    pub readable: Option<Readable>,
    /// The user that root becomes meanwhile. `None`: it stays root, without capabilities.
    pub user: Option<User>,
    pub network: bool,
    /// Walls without which it is not started.
    pub required: Vec<Wall>,
}

/// The directories that are hidden from a program, and the entries in them that are not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    pub hidden: Vec<PathBuf>,
    pub kept: Vec<PathBuf>,
}

/// The home of a confined program, below its directory. It goes when it is left empty.
const HOME: &CStr = c".modsmith";

/// The name of [`Walls::own`] below the program's home.
const OWN: &CStr = c"own";

/// The directory of a program, handed over to the program's user.
pub(crate) struct Enclosure<'w> {
    walls: &'w Walls,
    real: PathBuf,
    /// The path of the directory in the view of the program.
    at: PathBuf,
    root: &'w Path,
}

impl<'w> Enclosure<'w> {
    /// Hands the directory over to a program that runs below `root`.
    ///
    /// # Errors
    /// A directory that is not below the root, or cannot be handed over.
    pub fn open(walls: &'w Walls, files: &Files, root: &'w Path) -> io::Result<Self> {
        let real = files.path(&walls.directory);
        let enclosure = Self { walls, at: inside(root, &files.path(&walls.at))?, real, root };
        enclosure.make_home()?;
        if let Some(user) = walls.user {
            hand_over(&enclosure.real, user)?;
        }
        Ok(enclosure)
    }

    /// A path of this machine as the program sees it; `None` for one that is elsewhere.
    pub fn seen(&self, path: &Path) -> Option<PathBuf> {
        Some(self.at.join(path.strip_prefix(&self.real).ok()?))
    }

    /// Whether the directory is shown at its place without a further mount.
    pub fn has_view(&self) -> bool {
        self.walls.view.is_some()
    }

    fn make_home(&self) -> io::Result<()> {
        let directory = self.directory()?;
        match rustix::fs::mkdirat(&directory, HOME, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        // A link in its place is refused: an earlier program of the build has made it.
        let home = rustix::fs::openat(&directory, HOME, DIRECTORY, Mode::empty())?;
        if let Some(own) = &self.walls.own {
            match rustix::fs::mkdirat(&home, OWN, Mode::from_raw_mode(0o755)) {
                Ok(()) => {
                    // The descriptor is used, because the name could lead elsewhere by now.
                    let copy = rustix::fs::openat(&home, OWN, DIRECTORY, Mode::empty())?;
                    copy_missing(own, &Path::new("/proc/self/fd").join(copy.as_raw_fd().to_string()))?;
                }
                Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn directory(&self) -> io::Result<rustix::fd::OwnedFd> {
        Ok(rustix::fs::open(&self.real, DIRECTORY, Mode::empty())?)
    }

    /// Confines a program that starts in `directory`, as it sees that. To be called after
    /// all other preparations. `open` are numbers of descriptors that stay open.
    ///
    /// # Errors
    /// A path with a NUL byte, or a pipe that cannot be made.
    pub fn lock(&self, process: &mut Command, directory: &Path, open: Vec<RawFd>) -> io::Result<Leash> {
        let walls = self.walls;
        let home = self.at.join(HOME.to_str().unwrap_or_default());
        process.env("HOME", &home).env("TMPDIR", &home);
        let view = walls.view.as_ref().map(|surroundings| self.view(surroundings)).transpose()?;
        let mut writable: Vec<&Path> = vec![&self.real];
        writable.extend(walls.writable.iter().map(PathBuf::as_path));
        let build = Build {
            root: self.root,
            directory,
            writable,
            readable: walls.readable.as_ref(),
            view: view.as_ref(),
            user: walls.user,
            network: walls.network,
            open,
        };
        Confinement::build(&build)?.require(&walls.required).prepare(process)
    }

    /// The mounts in their order: an inner directory comes after an outer one.
    fn view(&self, surroundings: &Surroundings) -> io::Result<View> {
        let mut view = View::new();
        for path in &surroundings.hidden {
            view.hide(&inside(self.root, path)?);
        }
        for path in surroundings.kept.iter().filter_map(|path| inside(self.root, path).ok()) {
            view.keep(&path);
        }
        for path in &self.walls.writable {
            let path = inside(self.root, path)?;
            view.work_in(&path, &path);
        }
        let real = inside(self.root, &self.real)?;
        if let Some(own) = &self.walls.own {
            view.work_in(&own_copy(&real), &inside(self.root, own)?);
        }
        view.work_in(&real, &self.at);
        Ok(view)
    }

    /// Takes the directory back, once nothing of the program is left.
    ///
    /// # Errors
    /// An entry that cannot be taken back.
    pub fn take_back(&self) -> io::Result<()> {
        if self.walls.user.is_some() {
            take_back(&self.real)?;
        }
        // A home that is not empty stays for the next command of the same build.
        let directory = self.directory()?;
        if let Ok(home) = rustix::fs::openat(&directory, HOME, DIRECTORY, Mode::empty()) {
            let _ = rustix::fs::unlinkat(home, OWN, AtFlags::REMOVEDIR);
        }
        let _ = rustix::fs::unlinkat(directory, HOME, AtFlags::REMOVEDIR);
        Ok(())
    }
}

/// Where a program's copy of [`Walls::own`] is, below the directory that it works in.
pub fn own_copy(directory: &Path) -> PathBuf {
    let names = [HOME, OWN].iter().filter_map(|name| name.to_str().ok());
    names.fold(directory.to_path_buf(), |path, name| path.join(name))
}

/// Copies the files and directories of a directory into another one. Names that exist there are
/// left as they are.
///
/// # Errors
/// Those of reading and writing.
pub fn copy_missing(from: &Path, to: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if target.symlink_metadata().is_ok() {
            continue;
        }
        if kind.is_dir() {
            std::fs::create_dir(&target)?;
            copy_missing(&entry.path(), &target)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A path of this machine as a program sees it that has `root` for its root.
fn inside(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let outside = |_| io::Error::other(format!("{} is outside the target system", path.display()));
    path.strip_prefix(root).map(|path| Path::new("/").join(path)).map_err(outside)
}
