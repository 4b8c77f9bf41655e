//! Backing up a file beside itself.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use crate::failure::Failure;
use crate::files::{EntryKind, Files};
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Aside, Verb, Word};
use crate::view::StepView;
use modsmith_facts::Location;

/// A copy beside the file, named with a suffix; nothing there is fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackUp {
    pub location: Location,
    pub suffix: String,
}

impl BackUp {
    /// `name` becomes `name<suffix>`.
    fn copy(&self) -> Location {
        let mut name = self.location.relative().as_os_str().to_owned();
        name.push(self.suffix.replace('/', "_"));
        Location::new(self.location.root, Path::new(&name)).expect("a suffix without slashes keeps a location one")
    }

    /// The copy for a suffix that is not checked yet. `None` for a suffix that would leave the
    /// directory, and for the root itself.
    fn plain_copy(&self) -> Option<Location> {
        let name = self.location.relative().file_name()?.to_str()?;
        if self.suffix.is_empty() || self.suffix.contains('/') {
            return None;
        }
        Location::new(self.location.root, self.location.relative().with_file_name(format!("{name}{}", self.suffix)))
            .ok()
    }
}

impl Verb for BackUp {
    fn name(&self) -> &'static str {
        "back-up"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.location).into(), self.suffix.as_str().into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { path: Some(files.shown(&self.location)), text: Some(self.suffix.clone()), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("backing up {}", files.shown(&self.location)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        match self.plain_copy() {
            Some(copy) => {
                vec![Use::Replaces(&self.location), Use::Moves { from: &self.location, to: Cow::Owned(copy) }]
            }
            None => {
                let location = Path::new(self.location.root.name()).join(self.location.relative());
                vec![Use::Invalid(format!(
                    "back up `{}` with the suffix `{}`: a suffix is the end of a file name",
                    location.display(),
                    self.suffix
                ))]
            }
        }
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        if files.kind(&self.location)?.is_none() {
            return Ok(Vec::new());
        }
        let mut ops = undo::for_replacing(&self.copy(), files, stash)?;
        // A program is about to write to it, perhaps in place.
        ops.push(UndoOp::Restore { location: self.location.clone(), stash: stash.place(files, self.location.root)? });
        Ok(ops)
    }

    fn puts_aside(&self, location: &Location) -> Aside {
        if *location == self.location { Aside::Later } else { Aside::Linked }
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        if files.kind(&self.location)? == Some(EntryKind::File) {
            files.copy(&self.location, &self.copy())?;
        }
        Ok(())
    }

    /// The copy is what the file is restored from.
    fn complete_stash(&self, ops: &[UndoOp], files: &Files) -> io::Result<()> {
        let copy = self.copy();
        for op in ops {
            if let UndoOp::Restore { location, stash } = op
                && *location == self.location
                && files.kind(&copy)?.is_some()
                && files.hard_link(&copy, stash).is_err()
            {
                files.copy(&copy, stash)?;
            }
        }
        Ok(())
    }
}
