//! Signing a file with a key that only the host reads.

use std::io;

use crate::cms::{self, Digest, Unsigned};
use crate::command::OnFailure;
use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::Location;

/// A signature in the form that the kernel reads, to be appended to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendCms {
    /// Signed as it is when the step runs.
    pub file: Location,
    /// A private key in PEM form, unencrypted.
    pub key: Location,
    /// The key's X.509 certificate, DER or PEM.
    pub certificate: Location,
    pub digest: Digest,
    pub failure: OnFailure,
}

impl Verb for AppendCms {
    fn name(&self) -> &'static str {
        "append-cms"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.file).into(), (&self.key).into(), (&self.certificate).into(), self.digest.name().into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView {
            path: Some(files.shown(&self.file)),
            text: Some(format!("{} with {}", self.digest.name(), files.shown(&self.key))),
            failure: Some(self.failure),
            ..StepView::default()
        }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("signing {}", files.shown(&self.file)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![
            Use::Replaces(&self.file),
            Use::Reads(&self.key, Source::Key),
            Use::Reads(&self.certificate, Source::Contents),
            Use::Reads(&self.file, Source::Contents),
        ]
    }

    fn on_failure(&self) -> OnFailure {
        self.failure
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_file(&self.file, files, stash)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        let unusable = |what: &str, location: &Location, why: &str| {
            Failure::Key(format!("the {what} {} cannot be used: {why}", files.path(location).display()))
        };
        let key = files.read_key(&self.key).map_err(|e| unusable("key", &self.key, &e.to_string()))?;
        let certificate = files.read(&self.certificate);
        let (certificate, _) = certificate.map_err(|e| unusable("certificate", &self.certificate, &e.to_string()))?;
        let (mut contents, mode) = files.read(&self.file)?;
        let signature = cms::signature(&contents, &key, &certificate, self.digest).map_err(|why| match why {
            Unsigned::Key(why) => unusable("key", &self.key, &why),
            Unsigned::Certificate(why) => unusable("certificate", &self.certificate, &why),
        })?;
        contents.extend_from_slice(&signature);
        Ok(files.write(&self.file, &contents, mode)?)
    }
}
