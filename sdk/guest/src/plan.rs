//! The steps that a plugin asks for.

use crate::bindings::imports::modsmith::plugin::plan::Builder;
pub use crate::bindings::imports::modsmith::plugin::plan::{ArchiveFormat, OnFailure, Signature, SignatureAlgorithm};
use crate::{Command, Compression, Path, Result};

/// A plan under construction, lent for one call.
///
/// Each method adds one step and fails with `denied` when the manifest does not
/// allow the step, with `other` when the plan is too large. Nothing happens
/// until modsmith runs the plan.
#[derive(Debug)]
pub struct Plan<'a> {
    builder: &'a Builder,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(builder: &'a Builder) -> Self {
        Self { builder }
    }

    /// A sentence for the reader of the plan; no effect.
    pub fn note(&mut self, text: impl AsRef<str>) {
        self.builder.note(text.as_ref());
    }

    /// Makes a directory and its missing parents.
    pub fn make_directory(&mut self, at: impl Into<Path>) -> Result<()> {
        self.builder.make_directory(&at.into())
    }

    /// Writes a file atomically, replacing one that is there. `mode` is as in
    /// chmod(2): `0o644`.
    pub fn write_file(&mut self, at: impl Into<Path>, contents: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        self.builder.write_file(&at.into(), contents.as_ref(), mode)
    }

    /// Copies a file or a directory tree.
    pub fn copy(&mut self, from: impl Into<Path>, to: impl Into<Path>) -> Result<()> {
        self.builder.copy(&from.into(), &to.into())
    }

    /// Renames within one root, replacing a file that is there.
    pub fn rename(&mut self, from: impl Into<Path>, to: impl Into<Path>) -> Result<()> {
        self.builder.rename(&from.into(), &to.into())
    }

    /// Makes a symlink with this very target text, replacing a file.
    pub fn symlink(&mut self, at: impl Into<Path>, target: impl AsRef<str>) -> Result<()> {
        self.builder.symlink(&at.into(), target.as_ref())
    }

    /// Removes a file or a directory tree; nothing there is no error.
    pub fn remove(&mut self, at: impl Into<Path>) -> Result<()> {
        self.builder.remove(&at.into())
    }

    /// Copies a file to its own name plus `suffix`, replacing an older copy;
    /// nothing there is no error.
    pub fn back_up(&mut self, at: impl Into<Path>, suffix: impl AsRef<str>) -> Result<()> {
        self.builder.back_up(&at.into(), suffix.as_ref())
    }

    /// Packs a directory tree into an archive. The same files, with the same
    /// modification times, give the same archive.
    pub fn pack(
        &mut self,
        tree: impl Into<Path>,
        to: impl Into<Path>,
        format: ArchiveFormat,
        compress: Option<Compression>,
    ) -> Result<()> {
        self.builder.pack(&tree.into(), &to.into(), format, compress)
    }

    /// Unpacks a tar archive, also a compressed one, below a directory that is
    /// empty or missing. Members and links that leave it are refused.
    pub fn unpack(&mut self, archive: impl Into<Path>, to: impl Into<Path>) -> Result<()> {
        self.builder.unpack(&archive.into(), &to.into())
    }

    /// Appends a signature of a file's contents, made by modsmith with a key that
    /// the plugin cannot read; a failure is reported and the plan goes on.
    pub fn append_signature_or_warn(&mut self, signature: Signature) -> Result<()> {
        self.builder.append_signature(&signature, OnFailure::Warn)
    }

    /// Runs a program; its failure stops the plan and undoes it.
    pub fn run(&mut self, command: Command) -> Result<()> {
        self.builder.run(&command, OnFailure::Abort)
    }

    /// Runs a program; its failure is reported and the plan goes on.
    pub fn run_or_warn(&mut self, command: Command) -> Result<()> {
        self.builder.run(&command, OnFailure::Warn)
    }

    /// Runs a program; its failure is ignored.
    pub fn run_or_ignore(&mut self, command: Command) -> Result<()> {
        self.builder.run(&command, OnFailure::Ignore)
    }

    /// Copies files directly below `from` whose names match a glob into the
    /// directory `to`.
    pub fn collect(&mut self, from: impl Into<Path>, glob: impl AsRef<str>, to: impl Into<Path>) -> Result<()> {
        self.builder.collect(&from.into(), glob.as_ref(), &to.into())
    }
}
