//! Writing a record of some files.

use std::io;

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::{Location, Stamp};

/// A JSON file that says what is known of some files: `facts`, with the
/// member `files` added, which holds the [`modsmith_facts::Stamp`] of each
/// as it is when the step runs. A file that is not there, or was written
/// only a moment ago, has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub location: Location,
    pub facts: Map<String, Value>,
    pub files: Vec<Location>,
}

impl Verb for Record {
    fn name(&self) -> &'static str {
        "record"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.location).into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { path: Some(files.shown(&self.location)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("writing {}", files.shown(&self.location)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        let read = self.files.iter().map(|location| Use::Reads(location, Source::Contents));
        read.chain([Use::Replaces(&self.location)]).collect()
    }

    fn is_hosts_own(&self) -> bool {
        true
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_file(&self.location, files, stash)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        let stamp = |location: &Location| {
            Some((location.to_string(), serde_json::to_value(Stamp::settled(&files.path(location))?).ok()?))
        };
        let mut record = self.facts.clone();
        record.insert("files".into(), Value::Object(self.files.iter().filter_map(stamp).collect()));
        let mut text = serde_json::to_vec(&record).map_err(io::Error::from)?;
        text.push(b'\n');
        Ok(files.write(&self.location, &text, 0o644)?)
    }
}
