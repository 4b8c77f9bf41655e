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
    /// The location of the copy: `name` becomes `name<suffix>`.
    ///
    /// # Errors
    /// The clause for the user, where the suffix is empty or has a slash, and where the location is a root.
    fn copy(&self) -> Result<Location, String> {
        let is_plain = !self.suffix.is_empty() && !self.suffix.contains('/');
        let copy = self.location.relative().file_name().filter(|_| is_plain).and_then(|name| {
            let mut name = name.to_owned();
            name.push(&self.suffix);
            Location::new(self.location.root, self.location.relative().with_file_name(name)).ok()
        });
        copy.ok_or_else(|| {
            let location = Path::new(self.location.root.name()).join(self.location.relative());
            format!(
                "back up `{}` with the suffix `{}`: a suffix is the end of a file name",
                location.display(),
                self.suffix
            )
        })
    }

    /// As [`BackUp::copy`], for the code that makes the copy.
    fn checked_copy(&self) -> io::Result<Location> {
        self.copy().map_err(io::Error::other)
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
        match self.copy() {
            Ok(copy) => vec![Use::Replaces(&self.location), Use::Moves { from: &self.location, to: Cow::Owned(copy) }],
            Err(why) => vec![Use::Invalid(why)],
        }
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        let copy = self.checked_copy()?;
        if files.kind(&self.location)?.is_none() {
            return Ok(Vec::new());
        }
        let mut ops = undo::for_replacing(&copy, files, stash)?;
        // A program is about to write to it, perhaps in place.
        ops.push(UndoOp::Restore { location: self.location.clone(), stash: stash.place(files, self.location.root)? });
        Ok(ops)
    }

    fn puts_aside(&self, location: &Location) -> Aside {
        if *location == self.location { Aside::Later } else { Aside::Linked }
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        let copy = self.checked_copy()?;
        if files.kind(&self.location)? == Some(EntryKind::File) {
            files.copy(&self.location, &copy)?;
        }
        Ok(())
    }

    /// The copy is what the file is restored from.
    fn complete_stash(&self, ops: &[UndoOp], files: &Files) -> io::Result<()> {
        let copy = self.checked_copy()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::{Root, Roots};

    #[test]
    fn a_suffix_that_is_no_end_of_a_name_is_refused_with_one_sentence_everywhere() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x"), "").unwrap();
        let files = Files::new(Roots::default().with(Root::Boot, dir.path()));
        for (path, suffix) in [("x", "/y"), ("x", "/../y"), ("x", ""), ("", ".old")] {
            let step = BackUp { location: Location::new(Root::Boot, path).unwrap(), suffix: suffix.to_owned() };
            let Err(why) = step.copy() else { panic!("{path}{suffix}") };
            assert!(why.ends_with("a suffix is the end of a file name"), "{why}");
            assert_eq!(step.uses(), [Use::Invalid(why.clone())]);
            let prepared = step.prepare(&files, &mut Stash::new("id")).map(|_| ());
            assert_eq!(prepared.unwrap_err().to_string(), why);
            assert_eq!(step.complete_stash(&[], &files).unwrap_err().to_string(), why);
        }
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["x"]);
        let step = BackUp { location: Location::new(Root::Boot, "d/x").unwrap(), suffix: ".old".to_owned() };
        assert_eq!(step.copy(), Ok(Location::new(Root::Boot, "d/x.old").unwrap()));
    }
}
