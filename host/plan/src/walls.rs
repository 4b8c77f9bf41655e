//! Programs that work in one directory of the system, and in no other.

use std::ffi::CStr;
use std::io;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use serde::{Deserialize, Serialize};

use crate::files::Files;
use crate::ownership::{hand_over, take_back};
use modsmith_facts::Location;
use modsmith_sandbox::{Build, Confinement, Leash, Readable, User, View, Wall};

/// How a command is confined to a directory. Paths are those of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walls {
    /// What it can change. Its home and temporary files are in there, too.
    pub directory: Location,
    /// Where it finds that directory.
    pub at: Location,
    /// Further directories that it can change.
    pub writable: Vec<PathBuf>,
    /// Directories that it finds empty, and files and directories in these that it finds all
    /// the same; `None`: it finds what there is.
    pub view: Option<Surroundings>,
    /// What it may read, where modes of files do not decide about that.
    pub readable: Option<Readable>,
    /// Whom root becomes meanwhile; `None`: it stays root, without capabilities.
    pub user: Option<User>,
    pub network: bool,
    /// Walls without which it is not started.
    pub required: Vec<Wall>,
}

/// What is hidden from a program, and what is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    pub hidden: Vec<PathBuf>,
    pub kept: Vec<PathBuf>,
}

/// The home of a confined program, below its directory. It goes when it is left empty.
const HOME: &CStr = c".modsmith";

/// The directory of a program, handed over to the program's user.
pub(crate) struct Enclosure<'w> {
    walls: &'w Walls,
    real: PathBuf,
    /// As the program sees it.
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
        // An earlier program's, which is a link now, is nobody's home.
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let home = rustix::fs::openat(&directory, HOME, flags, Mode::empty())?;
        if let Some(user) = self.walls.user {
            let (uid, gid) = (Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)));
            rustix::fs::chownat(&home, c"", uid, gid, AtFlags::EMPTY_PATH)?;
        }
        Ok(())
    }

    fn directory(&self) -> io::Result<rustix::fd::OwnedFd> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&self.real, flags, Mode::empty())?)
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

    /// In the order of mounting: what is within comes after what is around it.
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
        view.work_in(&inside(self.root, &self.real)?, &self.at);
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
        // One that is not empty stays for the next command of the same build.
        let _ = rustix::fs::unlinkat(self.directory()?, HOME, AtFlags::REMOVEDIR);
        Ok(())
    }
}

/// A path of this machine as a program sees it that has `root` for its root.
fn inside(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let outside = |_| io::Error::other(format!("{} is outside the target system", path.display()));
    path.strip_prefix(root).map(|path| Path::new("/").join(path)).map_err(outside)
}
