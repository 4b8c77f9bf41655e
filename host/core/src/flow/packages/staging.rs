//! Staging directories: private to one call, for the contents of an archive.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};
use crate::flow::Invocation;
use crate::tree::Tree;
use modsmith_facts::{Location, Root, Roots};
use modsmith_plan::{PRIVATE_DIR, STAGING_PREFIX as PREFIX};

/// Gone when it is dropped.
pub struct Staging {
    path: PathBuf,
    /// Where it is outside the tree.
    scratch: Option<tempfile::TempDir>,
}

impl Staging {
    /// A directory that a plan has yet to make. It is in the tree, so that what
    /// was built can be renamed to its place; that of a dry run is not.
    pub fn new(run: &Invocation<'_>) -> Result<Self> {
        let in_tree = || Ok(Self { path: private_directory(&run.env.tree), scratch: None });
        run.runner.after_success(in_tree).unwrap_or_else(Self::elsewhere)
    }

    /// A directory that has nothing to do with the tree.
    pub fn elsewhere() -> Result<Self> {
        Self::below(&tempfile::env::temp_dir())
    }

    /// The same in a directory.
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
        // What cannot be deleted now is, by the next invocation.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A name in the tree for a directory of this invocation alone. What is there
/// when the invocation is killed is deleted by the next one.
fn private_directory(tree: &Tree) -> PathBuf {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let name = format!("{PREFIX}{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    tree.path().join(PRIVATE_DIR).join(name)
}
