//! How the effect of a step is taken back.
//!
//! Before a step changes anything, its verb says how to take it back; that
//! is written to the journal. What a step replaces or removes is moved aside (a
//! *stash* below the same root), never deleted before the plan is committed.
//! Every operation may be carried out twice: recovery may itself be killed.

use std::io;

use rustix::fs::{AtFlags, FileType};
use serde::{Deserialize, Serialize};

use crate::files::{EntryKind, Files, HIDDEN};
use crate::rerun::Rerun;
use modsmith_facts::{Location, Root, check};

/// An operation that takes a part of a step back. The operations of a step run in reverse order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndoOp {
    /// Something was there: it is in the stash, if the step got that far.
    Restore { location: Location, stash: Location },
    /// Nothing was there.
    Remove { location: Location },
    /// A directory that the step made.
    RemoveDirectory { location: Location },
    /// A directory that the step removed because it was empty.
    MakeDirectory { location: Location },
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

    pub fn place(&mut self, files: &Files, root: Root) -> io::Result<Location> {
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

/// The operations for a step that makes a directory and its missing parents.
pub fn for_directory(location: &Location, files: &Files) -> io::Result<Vec<UndoOp>> {
    Ok(files.missing_directories(location)?.into_iter().map(|location| UndoOp::RemoveDirectory { location }).collect())
}

/// The operations for a step that makes or replaces `location`.
pub fn for_replacing(location: &Location, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
    Ok(vec![match files.kind(location)? {
        None => UndoOp::Remove { location: location.clone() },
        Some(_) => UndoOp::Restore { location: location.clone(), stash: stash.place(files, location.root)? },
    }])
}

/// The operations for a step that makes or replaces one file: what stands in its place
/// is a file or a link, or the step fails. A directory would go with all that is in it.
pub fn for_file(location: &Location, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
    let what = match files.kind(location)? {
        None | Some(EntryKind::File | EntryKind::Link) => return for_replacing(location, files, stash),
        Some(EntryKind::Directory) => "a directory",
        Some(EntryKind::Other) => "neither a file nor a link",
    };
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("{} is {what}, which no file replaces", files.shown(location)),
    ))
}

/// Renames; a file below a directory that is mounted apart from its root is
/// copied.
pub fn move_file(from: &Location, to: &Location, files: &Files) -> io::Result<()> {
    match files.rename(from, to) {
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices && files.kind(from)? != Some(EntryKind::Directory) => {
            files.copy(from, to)?;
            files.remove(from)
        }
        moved => moved,
    }
}

/// Takes a step back. `rerun` runs a program again.
pub fn undo(ops: &[UndoOp], files: &Files, rerun: &mut dyn FnMut(&Rerun)) -> io::Result<()> {
    for op in ops.iter().rev() {
        match op {
            UndoOp::Restore { location, stash } => {
                if files.kind(stash)?.is_some() {
                    if files.kind(location)? == Some(EntryKind::Directory) {
                        files.remove(location)?;
                    }
                    if let Some(parent) = location.parent() {
                        files.make_directory(&parent)?;
                    }
                    move_file(stash, location, files)?;
                    // rename(2) does nothing where both names are the same file.
                    files.remove(stash)?;
                }
            }
            UndoOp::Remove { location } => files.remove(location)?,
            UndoOp::RemoveDirectory { location } => {
                files.remove_if_empty(location)?;
            }
            UndoOp::MakeDirectory { location } => files.make_directory(location)?,
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
