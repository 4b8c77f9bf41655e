//! Taking a file that its digest is known of.

use std::io;

use ring::digest::SHA256;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::Location;

/// A file copied as it was when its digest was noted, with the mode 0644; other contents are a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeStored {
    pub from: Location,
    pub to: Location,
    /// `sha256:` and 64 digits.
    pub digest: String,
}

impl Verb for TakeStored {
    fn name(&self) -> &'static str {
        "take-stored"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.from).into(), self.digest.as_str().into(), (&self.to).into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { from: Some(files.shown(&self.from)), path: Some(files.shown(&self.to)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("taking {}", files.shown(&self.from)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Reads(&self.from, Source::Contents), Use::Replaces(&self.to)]
    }

    fn is_hosts_own(&self) -> bool {
        true
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_file(&self.to, files, stash)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        let (contents, _) = files.read(&self.from)?;
        let found = format!("sha256:{}", hex::encode(ring::digest::digest(&SHA256, &contents)));
        if found != self.digest {
            return Err(io::Error::other(format!("its digest is {found}, and not {}", self.digest)).into());
        }
        Ok(files.write(&self.to, &contents, 0o644)?)
    }
}
