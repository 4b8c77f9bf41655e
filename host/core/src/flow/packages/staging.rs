//! Staging directories: private to one call, for the contents of an archive.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::flow::Invocation;
use modsmith_facts::{Location, Root, Roots};
use modsmith_plan::STAGING_PREFIX as PREFIX;

/// A staging directory, deleted with this value.
pub struct Staging {
    path: PathBuf,
    /// The directory that it is in, if that is outside the tree.
    scratch: Option<tempfile::TempDir>,
}

impl Staging {
    /// A directory that a plan has yet to make. It is in the tree, so that built modules can be
    /// renamed to their place; that of a dry run is not.
    pub fn new(run: &Invocation<'_>) -> Result<Self> {
        match run.runner.staging_path() {
            Some(path) => Ok(Self { path, scratch: None }),
            None => Self::elsewhere(),
        }
    }

    /// A directory that has nothing to do with the tree.
    pub fn elsewhere() -> Result<Self> {
        Self::below(&tempfile::env::temp_dir())
    }

    /// A staging directory in another one.
    pub fn below(directory: &Path) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix(PREFIX).tempdir_in(directory);
        let scratch = scratch.map_err(|e| Error::io("make a temporary directory in", directory, e))?;
        Ok(Self { path: scratch.path().join(PREFIX), scratch: Some(scratch) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The roots of a plan that works in it. Outside the tree, the tree is an
    /// empty one, which gets the journal.
    pub fn roots(&self, mut roots: Roots) -> Roots {
        roots.set(Root::Staging, &self.path);
        if let Some(scratch) = &self.scratch {
            roots.set(Root::Tree, scratch.path());
        }
        roots
    }

    /// The directory itself, as a location.
    pub fn top() -> Location {
        Location::new(Root::Staging, "").expect("the root itself")
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // A directory that cannot be deleted now is deleted by the next invocation.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
