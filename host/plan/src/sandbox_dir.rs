//! The one directory that a confined program can write to.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ownership::{hand_over, take_back};
use modsmith_sandbox::{Confinement, Leash, User, bind, can_become_nobody, can_bind};

/// The path under which the program sees the directory, if it can be bound there.
const SEEN_AS: &str = "/tmp";

/// A directory that is handed over to a program.
pub struct SandboxDir {
    real: PathBuf,
    /// As the program sees it: `None` for its real path.
    seen_as: Option<&'static Path>,
}

impl SandboxDir {
    /// Lets a program work in a directory of this machine, below the root that the program runs in.
    /// Its `/tmp`, home and place for temporary files are that directory: files of other programs
    /// are not in its way, it needs no access to the directories above, and paths in its output do
    /// not depend on the place where it ran.
    ///
    /// # Errors
    /// A directory that cannot be handed over.
    pub fn open(directory: PathBuf, root: &Path) -> io::Result<Self> {
        if can_become_nobody() {
            hand_over(&directory, User::NOBODY)?;
        }
        let shown = root.join(SEEN_AS.trim_start_matches('/'));
        let seen_as = (shown.is_dir() && can_bind()).then_some(Path::new(SEEN_AS));
        Ok(Self { real: directory, seen_as })
    }

    /// A path as the program sees it; `None` for one that is elsewhere.
    pub fn seen(&self, path: &Path) -> Option<PathBuf> {
        let below = path.strip_prefix(&self.real).ok()?;
        Some(self.seen_as.unwrap_or(&self.real).join(below))
    }

    /// Shows the directory to the program. It must be called before other preparations.
    pub fn show(&self, process: &mut Command, root: &Path) -> io::Result<()> {
        let place = self.seen_as.unwrap_or(&self.real);
        process.env("HOME", place).env("TMPDIR", place);
        match self.seen_as {
            Some(location) => bind(process, &self.real, &root.join(location.strip_prefix("/").unwrap_or(location))),
            None => Ok(()),
        }
    }

    /// Takes everything else away from the program. It must be called after all other preparations.
    pub fn lock(&self, process: &mut Command) -> io::Result<Leash> {
        Confinement::writer(&self.real).prepare(process)
    }

    /// Takes the directory back, once nothing of the program is left.
    ///
    /// # Errors
    /// A file that cannot be taken back.
    pub fn take_back(&self) -> io::Result<()> {
        if can_become_nobody() { take_back(&self.real) } else { Ok(()) }
    }
}
