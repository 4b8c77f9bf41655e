//! How a step begins: before it changes anything, the way back is known and what it
//! replaces is out of the way.

use std::io;

use crate::files::{EntryKind, Files};
use crate::step::{Step, Undo};
use crate::undo::{Stash, UndoOp, move_file};
use crate::verb::{Aside, Verb};

/// The operations that take a step back. Nothing is changed, except that the stash directory is made.
pub fn prepare(step: &Step, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
    if step.undo == Undo::Never {
        return Ok(Vec::new());
    }
    let mut ops = step.action.verb().prepare(files, stash)?;
    if let Undo::Rerun(rerun) = &step.undo {
        ops.push(UndoOp::Rerun(rerun.clone()));
    }
    Ok(ops)
}

/// Moves what a step is about to replace or remove into the stash.
pub fn put_aside(verb: &dyn Verb, ops: &[UndoOp], files: &Files) -> io::Result<()> {
    for op in ops {
        let UndoOp::Restore { location, stash } = op else { continue };
        let how = verb.puts_aside(location);
        if how == Aside::Later {
            continue;
        }
        if files.kind(location)? == Some(EntryKind::Directory) {
            files.rename(location, stash)?;
            if how == Aside::Merged {
                files.copy(stash, location)?;
            }
        } else if how == Aside::Moved {
            move_file(location, stash, files)?;
        } else if files.hard_link(location, stash).is_err() {
            // File systems without hard links: a copy serves as well.
            files.copy(location, stash)?;
        }
    }
    Ok(())
}
