//! The one directory that a confined program can write to.

use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::system::{NOBODY, Watch, bind, can_bind, confine_to};

/// What the program calls it, where it can be shown under another name.
const SEEN_AS: &str = "/tmp";

/// A directory that is handed over to a program.
pub struct Workroom {
    real: PathBuf,
    /// As the program sees it: `None` for its real path.
    seen_as: Option<&'static Path>,
}

impl Workroom {
    /// Lets a program work in a directory of this machine, below the root that
    /// the program runs in. Its `/tmp`, home and place for temporary files are
    /// that directory: nobody else's files are in its way, it needs no access to
    /// what is above, and what it writes down does not depend on where it ran.
    ///
    /// # Errors
    /// A directory that cannot be handed over.
    pub fn open(directory: PathBuf, root: &Path) -> io::Result<Self> {
        if rustix::process::geteuid().is_root() {
            for entry in walkdir::WalkDir::new(&directory) {
                let entry = entry.map_err(io::Error::from)?;
                let metadata = entry.metadata().map_err(io::Error::from)?;
                // A file of several names may be somebody else's, linked by a
                // program that ran here before.
                if metadata.is_dir() || metadata.nlink() == 1 {
                    lchown(entry.path(), Some(NOBODY), Some(NOBODY))?;
                }
            }
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

    /// To be called before other preparations: shows the directory.
    pub fn show(&self, process: &mut Command, root: &Path) -> io::Result<()> {
        let place = self.seen_as.unwrap_or(&self.real);
        process.env("HOME", place).env("TMPDIR", place);
        match self.seen_as {
            Some(at) => bind(process, &self.real, &root.join(at.strip_prefix("/").unwrap_or(at))),
            None => Ok(()),
        }
    }

    /// To be called after all other preparations: takes away everything else.
    pub fn lock(&self, process: &mut Command) -> io::Result<Watch> {
        confine_to(process, &self.real)
    }
}
