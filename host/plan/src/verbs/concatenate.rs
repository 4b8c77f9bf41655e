//! Writing a file from pieces.

use std::io::{self, Write};

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Bytes, Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::Location;

/// Pieces, written one after the other into a file that is replaced atomically.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concatenate {
    pub pieces: Vec<Piece>,
    pub to: Location,
    pub mode: u32,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Bytes(Bytes),
    /// The contents that a file has when the step runs.
    File(Location),
}

impl Piece {
    /// The length of bytes that the plan itself has.
    fn content(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.0.len(),
            Self::File(_) => 0,
        }
    }
}

impl Verb for Concatenate {
    fn name(&self) -> &'static str {
        "concatenate"
    }

    fn words(&self) -> Vec<Word<'_>> {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Bytes(bytes) => Word::Contents(bytes),
            Piece::File(location) => location.into(),
        });
        [(&self.to).into(), format!("{:o}", self.mode).into()].into_iter().chain(pieces).collect()
    }

    fn view(&self, files: &Files) -> StepView {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Bytes(bytes) => format!("{bytes:?}"),
            Piece::File(location) => files.shown(location),
        });
        let text = format!("of {}", pieces.collect::<Vec<_>>().join(", "));
        // The size of a file of the system is known only when the step runs.
        let whole = self.pieces.iter().all(|piece| matches!(piece, Piece::Bytes(_)));
        let size = whole.then(|| self.content());
        StepView { path: Some(files.shown(&self.to)), text: Some(text), size, ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("writing {}", files.shown(&self.to)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        let files = self.pieces.iter().filter_map(|piece| match piece {
            Piece::File(location) => Some(Use::Reads(location, Source::Contents)),
            Piece::Bytes(_) => None,
        });
        files.chain([Use::Replaces(&self.to)]).collect()
    }

    fn content(&self) -> usize {
        self.pieces.iter().map(Piece::content).sum()
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_file(&self.to, files, stash)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        files.write_with(&self.to, self.mode, |file| {
            self.pieces.iter().try_for_each(|piece| match piece {
                Piece::Bytes(bytes) => file.write_all(&bytes.0),
                Piece::File(location) => io::copy(&mut files.open(location)?, file).map(drop),
            })
        })?;
        Ok(files.forget_age(&self.to)?)
    }
}
