//! Facts about the target system: where its directories are (below `--root`),
//! what its os-release says, which programs it has.

use std::path::{Path, PathBuf};

use crate::{OsRelease, Root, Roots, inside};

/// The system that is worked on: this one, or the one below `--root`.
#[derive(Debug, Clone)]
pub struct System {
    /// `/`, or the directory of `--root`.
    pub root: PathBuf,
    pub os: OsRelease,
    /// The roots that every system has: system, tree, source-tree, install-tree, boot, etc, usr, var, sys,
    /// proc. Callers add the roots of one kernel, source or task.
    pub roots: Roots,
    /// The root directory of this machine's own programs, `/`. They stand in for some that the system below
    /// `root` does not have. A test may set another directory.
    pub here: PathBuf,
}

impl System {
    /// The roots below `root` at their customary places: where links of that
    /// system's lead, but never out of it.
    pub fn new(root: impl Into<PathBuf>, os: OsRelease) -> Self {
        let root = root.into();
        let below = |path: &str| below(&root, Path::new(path));
        let roots = Roots::default()
            .with(Root::System, &root)
            .with(Root::Tree, below("var/lib/dkms"))
            .with(Root::SourceTree, below("usr/src"))
            .with(Root::InstallTree, below("lib/modules"))
            .with(Root::Boot, below("boot"))
            .with(Root::Etc, below("etc"))
            .with(Root::Usr, below("usr"))
            .with(Root::Var, below("var"))
            .with(Root::Sys, below("sys"))
            .with(Root::Proc, below("proc"));
        Self { root, os, roots, here: PathBuf::from("/") }
    }

    /// Where a path of the target system is on this machine; one that begins with
    /// the root's own path counts as said already.
    pub fn outside(&self, path: &Path) -> PathBuf {
        below(&self.root, path.strip_prefix(&self.root).unwrap_or(path))
    }

    /// A path of this machine as the target system sees it.
    pub fn inside(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.root) {
            Ok(relative) => Path::new("/").join(relative),
            Err(_) => path.to_path_buf(),
        }
    }

    /// Whether the running system itself is worked on.
    pub fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Whether what is worked on is not the system that was booted: it is below
    /// `--root`, or the program runs in a chroot. Where that cannot be seen, as by
    /// others than root, it is taken for the booted one.
    pub fn is_chroot(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &str| std::fs::metadata(path).ok().map(|m| (m.dev(), m.ino()));
        !self.is_live() || identity("/proc/1/root/").is_some_and(|booted| Some(booted) != identity("/"))
    }
}

/// A path of the system below `root`, on this machine. The running system's own
/// are taken as they are.
fn below(root: &Path, path: &Path) -> PathBuf {
    match root == Path::new("/") {
        true => root.join(path),
        false => inside::locate_in_root(root, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_below_a_root_is_not_the_booted_one() {
        let dir = tempfile::tempdir().unwrap();
        assert!(System::new(dir.path(), OsRelease::default()).is_chroot());
    }
}
