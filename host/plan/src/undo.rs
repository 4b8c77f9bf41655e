//! How the effect of a step is taken back.
//!
//! Before a step changes anything, [`prepare`] says how to take it back; that
//! is written to the journal. What a step replaces or removes is moved aside (a
//! *stash* below the same root), never deleted before the plan is committed.
//! Every operation may be carried out twice: recovery may itself be killed.

use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, FileType};
use serde::{Deserialize, Serialize};

use super::files::{EntryKind, Files, HIDDEN};
use super::rerun::Rerun;
use super::step::{Action, Step, Undo};
use modsmith_facts::{Location, Root, check};

/// One operation of taking back; those of a step run in reverse order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndoOp {
    /// Something was there: it is in the stash, if the step got that far.
    Restore { at: Location, stash: Location },
    /// Nothing was there.
    Remove { at: Location },
    /// A directory that the step made.
    RemoveDirectory { at: Location },
    /// A directory that the step removed because it was empty.
    MakeDirectory { at: Location },
    /// Moved by the step.
    RenameBack { now: Location, before: Location },
    /// A program whose effect follows from the files.
    Rerun(Rerun),
}

/// Names for the stashed things of one journal.
pub struct Stash {
    id: String,
    next: u32,
    roots: Vec<Root>,
}

impl Stash {
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), next: 0, roots: Vec::new() }
    }

    /// Whether nothing was replaced or removed so far.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The stash directory of a root: on the root's own file system, hidden.
    pub fn directory(id: &str, root: Root) -> Location {
        Location::new(root, Self::name(id)).expect("a plain name is a location")
    }

    /// Its name below the root.
    pub fn name(id: &str) -> String {
        format!("{HIDDEN}{id}")
    }

    fn place(&mut self, files: &Files, root: Root) -> io::Result<Location> {
        let directory = Self::directory(&self.id, root);
        if !self.roots.contains(&root) {
            // Others may be able to write to the root: a directory that is there
            // already is not this one.
            let mut private = cap_std::fs::DirBuilder::new();
            cap_std::fs::DirBuilderExt::mode(&mut private, 0o700);
            let handle = files.dir(root)?;
            match handle.create_dir_with(directory.relative(), &private) {
                // Two roots may be the same directory.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && !self.roots.is_empty() => {
                    let stat = rustix::fs::statat(&*handle, directory.relative(), AtFlags::SYMLINK_NOFOLLOW)?;
                    check(&stat, FileType::Directory).map_err(io::Error::other)?;
                }
                made => made?,
            }
            self.roots.push(root);
        }
        self.next += 1;
        Ok(directory.join(self.next.to_string()).expect("a plain name is a location"))
    }
}

/// How to take a step back. Changes nothing but for making the stash directory.
pub fn prepare(step: &Step, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
    if step.undo == Undo::Never {
        return Ok(Vec::new());
    }
    match &step.action {
        Action::Note(_) | Action::Expect { .. } => Ok(Vec::new()),
        Action::MakeDirectory { at } => make_directory(at, files),
        Action::WriteFile { at, .. } | Action::Symlink { at, .. } | Action::Record { at, .. } => {
            replace(at, files, stash)
        }
        Action::Copy { to, .. } | Action::Import { to, .. } => replace(to, files, stash),
        Action::AppendSignature(signature) => replace(&signature.file, files, stash),
        Action::Pack { to, .. } => replace(to, files, stash),
        Action::Rename { from, to } => {
            let mut ops = replace(to, files, stash)?;
            // Whatever stands at `to` after the rename goes back first.
            ops.retain(|op| !matches!(op, UndoOp::Remove { .. }));
            ops.push(UndoOp::RenameBack { now: to.clone(), before: from.clone() });
            Ok(ops)
        }
        Action::Remove { at } => match files.kind(at)? {
            None => Ok(Vec::new()),
            Some(_) => Ok(vec![UndoOp::Restore { at: at.clone(), stash: stash.place(files, at.root)? }]),
        },
        Action::Prune { at, .. } => {
            Ok(prunable(at, files)?.into_iter().map(|at| UndoOp::MakeDirectory { at }).collect())
        }
        Action::BackUp { at, suffix } => match files.kind(at)? {
            None => Ok(Vec::new()),
            Some(_) => {
                let mut ops = replace(&suffixed(at, suffix), files, stash)?;
                // A program is about to write to it, perhaps in place.
                ops.push(UndoOp::Restore { at: at.clone(), stash: stash.place(files, at.root)? });
                Ok(ops)
            }
        },
        Action::Unpack { to, .. } => replace(to, files, stash),
        Action::Collect { from, glob, to } => {
            let mut ops = make_directory(to, files)?;
            for name in matching(files, from, glob)? {
                ops.extend(replace(&to.join(&name).map_err(io::Error::other)?, files, stash)?);
            }
            Ok(ops)
        }
        Action::Run(_) => Ok(match &step.undo {
            Undo::Rerun(rerun) => vec![UndoOp::Rerun(rerun.clone())],
            _ => Vec::new(),
        }),
    }
}

/// `name` becomes `name<suffix>`.
pub fn suffixed(at: &Location, suffix: &str) -> Location {
    let mut name = at.relative().as_os_str().to_owned();
    name.push(suffix.replace('/', "_"));
    Location::new(at.root, Path::new(&name)).expect("a suffix without slashes keeps a location one")
}

/// Names directly below a directory that match a glob.
pub fn matching(files: &Files, from: &Location, glob: &str) -> io::Result<Vec<String>> {
    let matcher =
        globset::GlobBuilder::new(glob).literal_separator(true).build().map_err(io::Error::other)?.compile_matcher();
    Ok(files.entries(from)?.into_iter().filter(|name| matcher.is_match(name)).collect())
}

/// The directories from `at` upwards, not the root's own, that hold nothing
/// but each other; innermost first.
pub fn prunable(at: &Location, files: &Files) -> io::Result<Vec<Location>> {
    let mut out: Vec<Location> = Vec::new();
    let mut next = Some(at.clone());
    while let Some(here) = next {
        if here.relative().as_os_str().is_empty() {
            break;
        }
        match files.kind(&here)? {
            Some(EntryKind::Directory) => {}
            None => {
                next = here.parent();
                continue;
            }
            Some(_) => break,
        }
        let below = out.last().and_then(|l: &Location| Some(l.relative().file_name()?.to_string_lossy().into_owned()));
        if files.entries(&here)?.iter().any(|name| Some(name) != below.as_ref()) {
            break;
        }
        next = here.parent();
        out.push(here);
    }
    Ok(out)
}

fn make_directory(at: &Location, files: &Files) -> io::Result<Vec<UndoOp>> {
    Ok(files.missing_directories(at)?.into_iter().map(|at| UndoOp::RemoveDirectory { at }).collect())
}

/// For a step that makes or replaces `at`.
fn replace(at: &Location, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
    Ok(vec![match files.kind(at)? {
        None => UndoOp::Remove { at: at.clone() },
        Some(_) => UndoOp::Restore { at: at.clone(), stash: stash.place(files, at.root)? },
    }])
}

/// Moves what a step is about to replace or remove into the stash. A file that
/// is about to be replaced keeps its name until the new one takes it.
pub fn stash_away(action: &Action, ops: &[UndoOp], files: &Files) -> io::Result<()> {
    for op in ops {
        let UndoOp::Restore { at, stash } = op else { continue };
        if is_backed_up(action, at) {
            continue;
        }
        let directory = files.kind(at)? == Some(EntryKind::Directory);
        let merged = matches!(action, Action::Copy { .. } | Action::Import { .. } | Action::Unpack { .. }) && directory;
        if merged {
            files.rename(at, stash)?;
            files.copy(stash, at)?;
        } else if directory {
            files.rename(at, stash)?;
        } else if matches!(action, Action::Remove { .. }) {
            move_file(at, stash, files)?;
        } else if files.hard_link(at, stash).is_err() {
            // File systems without hard links: a copy serves as well.
            files.copy(at, stash)?;
        }
    }
    Ok(())
}

/// Renames; a file below a directory that is mounted apart from its root is
/// copied.
fn move_file(from: &Location, to: &Location, files: &Files) -> io::Result<()> {
    match files.rename(from, to) {
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices && files.kind(from)? != Some(EntryKind::Directory) => {
            files.copy(from, to)?;
            files.remove(from)
        }
        moved => moved,
    }
}

/// After a step: the copy that a back-up made is what its file is restored from.
pub fn keep_backup(action: &Action, ops: &[UndoOp], files: &Files) -> io::Result<()> {
    let Action::BackUp { at: original, suffix } = action else { return Ok(()) };
    let copy = suffixed(original, suffix);
    for op in ops {
        if let UndoOp::Restore { at, stash } = op
            && at == original
            && files.kind(&copy)?.is_some()
            && files.hard_link(&copy, stash).is_err()
        {
            files.copy(&copy, stash)?;
        }
    }
    Ok(())
}

fn is_backed_up(action: &Action, file: &Location) -> bool {
    matches!(action, Action::BackUp { at, .. } if at == file)
}

/// Takes a step back. `rerun` runs a program again.
pub fn undo(ops: &[UndoOp], files: &Files, rerun: &mut dyn FnMut(&Rerun)) -> io::Result<()> {
    for op in ops.iter().rev() {
        match op {
            UndoOp::Restore { at, stash } => {
                if files.kind(stash)?.is_some() {
                    if files.kind(at)? == Some(EntryKind::Directory) {
                        files.remove(at)?;
                    }
                    if let Some(parent) = at.parent() {
                        files.make_directory(&parent)?;
                    }
                    move_file(stash, at, files)?;
                    // rename(2) does nothing where both names are the same file.
                    files.remove(stash)?;
                }
            }
            UndoOp::Remove { at } => files.remove(at)?,
            UndoOp::RemoveDirectory { at } => {
                files.remove_if_empty(at)?;
            }
            UndoOp::MakeDirectory { at } => files.make_directory(at)?,
            UndoOp::RenameBack { now, before } => {
                if files.kind(before)?.is_none() && files.kind(now)?.is_some() {
                    files.rename(now, before)?;
                }
            }
            UndoOp::Rerun(what) => rerun(what),
        }
    }
    Ok(())
}
