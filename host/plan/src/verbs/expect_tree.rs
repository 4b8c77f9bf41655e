//! Checking that a directory is what was looked at before.

use std::io;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::{Listing, Location};

/// A directory must have this digest now, as [`Listing::digest`] computes it; changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectTree {
    pub location: Location,
    /// `sha256:` and 64 digits.
    pub digest: String,
}

impl Verb for ExpectTree {
    fn name(&self) -> &'static str {
        "expect-tree"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![Word::from(&self.location)]
    }

    fn view(&self, files: &Files) -> StepView {
        let text = format!("{}  {}", files.shown(&self.location), self.digest);
        StepView { text: Some(text), ..StepView::default() }
    }

    fn doing(&self, _: &Files) -> Option<String> {
        None
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Reads(&self.location, Source::Entry)]
    }

    fn is_hosts_own(&self) -> bool {
        true
    }

    fn prepare(&self, _: &Files, _: &mut Stash) -> io::Result<Vec<UndoOp>> {
        Ok(Vec::new())
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        let path = files.path(&self.location);
        let found = Listing::of(&path)?.digest()?;
        if found == self.digest {
            return Ok(());
        }
        Err(Failure::Refused(format!("{} has the digest {found}, not {}", files.shown(&self.location), self.digest)))
    }
}
