//! Copying the files of a directory that match.

use std::ffi::OsString;
use std::io;

use crate::failure::Failure;
use crate::files::{EntryKind, Files};
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::Location;

/// Files directly below `from` that match the glob, copied into `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collect {
    pub from: Location,
    pub glob: String,
    pub to: Location,
}

impl Collect {
    /// Names directly below the directory that match.
    fn names(&self, files: &Files) -> io::Result<Vec<OsString>> {
        let glob = globset::GlobBuilder::new(&self.glob).literal_separator(true).build().map_err(io::Error::other)?;
        let matcher = glob.compile_matcher();
        Ok(files.entries(&self.from)?.into_iter().filter(|name| matcher.is_match(name)).collect())
    }
}

impl Verb for Collect {
    fn name(&self) -> &'static str {
        "collect"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.from).into(), self.glob.as_str().into(), (&self.to).into()]
    }

    fn view(&self, files: &Files) -> StepView {
        let from = format!("{}/{}", files.shown(&self.from), self.glob);
        StepView { from: Some(from), path: Some(files.shown(&self.to)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("copying to {}", files.shown(&self.to)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![
            Use::Reads(&self.from, Source::Contents),
            Use::Makes(&self.to),
            Use::ReplacesEach { from: &self.from, glob: &self.glob, to: &self.to },
        ]
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        let mut ops = undo::for_directory(&self.to, files)?;
        for name in self.names(files)? {
            let place = |location: &Location| location.join(&name).map_err(io::Error::other);
            let to = place(&self.to)?;
            ops.extend(match files.kind(&place(&self.from)?)? {
                Some(EntryKind::Directory) => undo::for_replacing(&to, files, stash)?,
                _ => undo::for_file(&to, files, stash)?,
            });
        }
        Ok(ops)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        files.make_directory(&self.to)?;
        for name in self.names(files)? {
            let place = |location: &Location| location.join(&name).map_err(io::Error::other);
            files.copy(&place(&self.from)?, &place(&self.to)?)?;
        }
        Ok(())
    }
}
