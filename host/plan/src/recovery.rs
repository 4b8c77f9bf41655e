//! Ending the plan that a killed invocation began.
//!
//! A journal says what to take back below which roots. Where these are, this
//! invocation says: a root counts only if it is the same directory that the
//! invocation itself would work on. Other roots are reported and left as they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType};

use crate::error::{Cause, Error, Result};
use crate::execute::Executor;
use crate::files::Files;
use crate::interrupt::AtWork;
use crate::journal::{Journal, PRIVATE_DIR, PendingPlan};
use crate::undo::{Stash, UndoOp};
use modsmith_facts::{Root, Roots, System, TrustError, Untrusted, check};

/// The beginning of the names of staging directories, in the private directory.
pub const STAGING_PREFIX: &str = "staging-";

impl Executor<'_> {
    /// Ends what a killed invocation began: a committed plan is finished, any
    /// other is undone. The caller holds the tree's lock, so its owner is gone.
    pub fn recover(&self, pending: &PendingPlan) -> Result<()> {
        let _at_work = AtWork::begin();
        let title = if pending.title.is_empty() { "a change" } else { &pending.title };
        if pending.damaged {
            return Err(self.given_up(pending, title, "the journal is damaged, or of another version of this program"));
        }
        let roots = roots(pending, self.system);
        if let Some((root, path)) = self.misses(pending, &roots) {
            let why = format!(
                "it was made with {} as its {root} directory, and this command has another one",
                path.display()
            );
            return Err(self
                .given_up(pending, title, &why)
                .hint("Run a command once with the directory options that the killed command had."));
        }
        let files = Files::new(roots);
        self.trust_stashes(&files, pending, title)?;
        let cannot = |e| Error::journal("recover the change in", &pending.path, e);
        let tree = self.system.roots.get(Root::Tree).unwrap_or(Path::new(""));
        let mut journal = Journal::reopen(tree, pending).map_err(|e| match e {
            TrustError::Io(e) => cannot(e),
            TrustError::Untrusted(why) => self.given_up(pending, title, &why.to_string()),
        })?;
        if pending.committed {
            self.reporter.warning(&format!(
                "An earlier invocation was killed after it had completed: {title}. Its leftovers were removed."
            ));
        } else {
            if !self.undo(pending.steps.iter(), &files, &mut journal) {
                return Err(Error::new(
                    Cause::Recovery,
                    format!("An interrupted change could not be undone completely: {title}."),
                )
                .hint(format!(
                    "Correct the cause of the warnings above and run the command again; the journal is {}.",
                    pending.path.display()
                )));
            }
            self.reporter.warning(&format!(
                "An earlier invocation was killed while it was working on: {title}. Its changes were undone."
            ));
        }
        self.clear_stashes(&files, &pending.id);
        journal.close().map_err(cannot)
    }

    /// A root that steps changed and that this invocation does not have. One
    /// outside of the system's own directories, which the caller had named for a
    /// result, is only reported: nothing there is ever half written.
    fn misses(&self, pending: &PendingPlan, roots: &Roots) -> Option<(Root, PathBuf)> {
        let changed: BTreeSet<Root> = pending.steps.iter().flat_map(|begun| &begun.undo).filter_map(root_of).collect();
        for root in changed.into_iter().filter(|root| roots.get(*root).is_none()) {
            let path = pending.roots.get(&root).cloned().unwrap_or_default();
            if matches!(root, Root::System | Root::Staging | Root::Source | Root::Headers) {
                self.reporter.warning(&format!(
                    "An earlier invocation was killed while it was writing to {}; what it replaced there is in {}.",
                    path.display(),
                    path.join(Stash::name(&pending.id)).display(),
                ));
            } else {
                return Some((root, path));
            }
        }
        None
    }

    /// Files are put back only from stashes that no other user could have written.
    fn trust_stashes(&self, files: &Files, pending: &PendingPlan, title: &str) -> Result<()> {
        for root in Root::ALL.into_iter().filter(|root| !root.is_of_kernel()) {
            let Ok(directory) = files.dir(root) else { continue };
            let name = Stash::name(&pending.id);
            let Ok(stat) = rustix::fs::statat(&*directory, &name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            check(&stat, FileType::Directory).map_err(|reason| {
                let path = files.roots().get(root).unwrap_or(Path::new("")).join(&name);
                let untrusted = Untrusted { path, reason };
                self.given_up(pending, title, &untrusted.to_string()).hint(untrusted.remedy())
            })?;
        }
        Ok(())
    }

    fn given_up(&self, pending: &PendingPlan, title: &str, why: &str) -> Error {
        Error::new(Cause::Recovery, format!("An interrupted change cannot be undone: {title}: {why}."))
            .hint(format!("Its journal is {}; if you delete it, the files stay as they are.", pending.path.display()))
    }
}

/// The roots of a killed plan that this invocation has, too.
fn roots(pending: &PendingPlan, system: &System) -> Roots {
    let mut roots = Roots::default();
    for (root, recorded) in &pending.roots {
        if let Some(own) = own(*root, recorded, system)
            && system.inside(&own) == *recorded
        {
            roots.set(*root, own);
        }
    }
    roots
}

/// The path of a root in this invocation. If the root is one of many, the last part of the recorded path says
/// which one.
fn own(root: Root, recorded: &Path, system: &System) -> Option<PathBuf> {
    let name = recorded.file_name()?.to_str().filter(|name| !name.starts_with('.'));
    let below = |root: Root| Some(system.roots.get(root)?.join(name?));
    match root {
        Root::Modules => below(Root::InstallTree).map(|path| modsmith_facts::inside::real(&path)),
        Root::Source => below(Root::SourceTree),
        Root::Staging => {
            let name = name.filter(|name| name.starts_with(STAGING_PREFIX))?;
            Some(system.roots.get(Root::Tree)?.join(PRIVATE_DIR).join(name))
        }
        // No plan of ours changes anything there that a kill would leave half done.
        Root::System | Root::Headers => None,
        _ => system.roots.get(root).map(Path::to_path_buf),
    }
}

fn root_of(op: &UndoOp) -> Option<Root> {
    match op {
        UndoOp::Restore { location, .. }
        | UndoOp::Remove { location }
        | UndoOp::RemoveDirectory { location }
        | UndoOp::MakeDirectory { location }
        | UndoOp::RenameBack { now: location, .. } => Some(location.root),
        UndoOp::Rerun(_) => None,
    }
}
