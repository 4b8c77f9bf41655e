//! The steps that a plugin asks for.

use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::{Command, Compression, Path, Pieces, Result};

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

    /// Adds a sentence for the reader of the plan. It has no effect.
    pub fn note(&mut self, text: impl AsRef<str>) {
        self.builder.note(text.as_ref());
    }

    /// Says why the following steps are needed: a clause, shown with each of them.
    pub fn reason(&mut self, text: impl AsRef<str>) {
        self.builder.reason(text.as_ref());
    }

    /// Sets the text that is shown while the next step runs.
    pub fn progress(&mut self, text: impl AsRef<str>) {
        self.builder.progress(text.as_ref());
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

    /// As [`Plan::write_file`], unless the file has these contents and this mode.
    pub fn write_if_changed(&mut self, at: impl Into<Path>, contents: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        self.builder.write_if_changed(&at.into(), contents.as_ref(), mode)
    }

    /// Writes a file that consists of pieces, atomically, replacing one that is there. `mode` is
    /// as in chmod(2).
    pub fn concatenate(&mut self, pieces: Pieces, to: impl Into<Path>, mode: u32) -> Result<()> {
        self.builder.concatenate(pieces.planned(), &to.into(), mode)
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

    /// Removes a directory if it is empty, then each empty parent that the plugin may
    /// remove.
    pub fn prune(&mut self, at: impl Into<Path>) -> Result<()> {
        self.builder.prune(&at.into())
    }

    /// Copies a file to its own name plus `suffix`, replacing an older copy;
    /// nothing there is no error.
    pub fn back_up(&mut self, at: impl Into<Path>, suffix: impl AsRef<str>) -> Result<()> {
        self.builder.back_up(&at.into(), suffix.as_ref())
    }

    /// Packs a directory tree into a tar archive. The same files, with the same
    /// modification times, give the same archive.
    pub fn pack(&mut self, tree: impl Into<Path>, to: impl Into<Path>, compress: Option<Compression>) -> Result<()> {
        self.builder.pack(&tree.into(), &to.into(), "tar", compress.map(Compression::name))
    }

    /// Unpacks a tar archive, also a compressed one, below a directory that is
    /// empty or missing. Members and links that leave it are refused.
    pub fn unpack(&mut self, archive: impl Into<Path>, to: impl Into<Path>) -> Result<()> {
        self.builder.unpack(&archive.into(), &to.into())
    }

    /// Appends a module signature, made by modsmith with a key that the plugin cannot
    /// read; a failure is reported and the plan goes on.
    pub fn append_cms_or_warn(
        &mut self,
        file: impl Into<Path>,
        key: impl Into<Path>,
        certificate: impl Into<Path>,
        digest: &str,
    ) -> Result<()> {
        self.builder.append_cms(&file.into(), &key.into(), &certificate.into(), digest, "warn")
    }

    /// Runs a program; its failure stops the plan and undoes it.
    pub fn run(&mut self, command: Command) -> Result<()> {
        self.builder.run(command.planned("abort"))
    }

    /// Runs a program; its failure is reported and the plan goes on.
    pub fn run_or_warn(&mut self, command: Command) -> Result<()> {
        self.builder.run(command.planned("warn"))
    }

    /// Runs a program; its failure is ignored.
    ///
    /// ```no_run
    /// use modsmith_plugin::prelude::*;
    ///
    /// /// Waits for devices that may appear. The plan goes on without them.
    /// fn settle(plan: &mut Plan) -> Result<()> {
    ///     plan.run_or_ignore(cmd!("settle-devices", "--timeout=5"))
    /// }
    /// ```
    pub fn run_or_ignore(&mut self, command: Command) -> Result<()> {
        self.builder.run(command.planned("ignore"))
    }

    /// Copies files directly below `from` whose names match a glob into the
    /// directory `to`.
    pub fn collect(&mut self, from: impl Into<Path>, glob: impl AsRef<str>, to: impl Into<Path>) -> Result<()> {
        self.builder.collect(&from.into(), glob.as_ref(), &to.into())
    }
}
