//! The `system` interface: read-only facts about the target.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use cap_std::fs::MetadataExt;
use rustix::fs::FileType;
use wasmtime::component::Resource;

use super::CallState;
use crate::bindings::modsmith::plugin::system::{Entry, EntryKind, Host, HostDir, HostFile};
use crate::bindings::modsmith::plugin::types::{self, Error};
use crate::grant::named::locate;
use crate::grant::program;
use crate::imports::observed::Observation;
use crate::manifest::Probe;
use crate::probe::Probing;
use modsmith_facts::compression::decompress_within;
use modsmith_facts::{Last, Location, Root, path_text};

/// The date of what is made where SOURCE_DATE_EPOCH does not say another one: the
/// beginning of the year 2000. Neither the clock nor a file's age counts: the
/// same input has to give the same bytes.
const SOURCE_DATE: u64 = 946_684_800;

/// The most that one call reads of an open file, in bytes.
const LARGEST_PIECE: u32 = 1 << 20;

/// Files that a plugin can have open at once: far fewer than a process can.
const MOST_OPEN: usize = 64;

/// The cost of a look at one name, in bytes read.
const ENTRY: u64 = 256;

/// A root that was opened by a plugin.
pub struct Dir(Root);

/// A file that a plugin reads piece by piece.
pub struct OpenFile {
    location: Location,
    file: File,
    size: u64,
}

impl Host for CallState {
    fn os_release(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        let value = self.system.os.get(&key).map(str::to_owned);
        self.observe(|| Observation::OsRelease(key));
        Ok(value)
    }

    fn distro_ids(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.system.os.distro_ids())
    }

    fn has_program(&mut self, name: String) -> wasmtime::Result<Result<bool, Error>> {
        if !program::granted(&name, &self.grant, &self.settings, &self.system, &self.roots) {
            return Ok(Err(Error::denied(format!(
                "plugin `{}` may not ask for the program `{name}`: no `[[run]]` entry of its manifest names it",
                self.plugin
            ))));
        }
        Ok(Ok(self.program(&name).is_some()))
    }

    fn probe(&mut self, name: String) -> wasmtime::Result<Result<String, Error>> {
        let probe = match self.askable(&name, &[]) {
            Ok(probe) => probe,
            Err(error) => return Ok(Err(error)),
        };
        let output = self.probes.output(probe, &self.system, self.probing);
        if let Ok(output) = &output {
            self.observe(|| Observation::Probe { name, output: output.clone() });
        }
        Ok(output.map_err(Error::other))
    }

    fn absolute(&mut self, location: types::Path) -> wasmtime::Result<Result<String, Error>> {
        Ok(self.location(&location).map(|location| {
            let path = self.roots.path(&location).unwrap_or_default();
            path_text(&self.system.inside(&path)).into_owned()
        }))
    }

    fn locate(&mut self, absolute: String) -> wasmtime::Result<Option<types::Path>> {
        let found = locate(&absolute, &self.system, &self.roots);
        let found = found.filter(|location| location.root != Root::System || self.grant.names(location));
        Ok(found.as_ref().map(types::Path::from))
    }

    fn source_date(&mut self) -> wasmtime::Result<u64> {
        let given = std::env::var("SOURCE_DATE_EPOCH").ok();
        Ok(given.as_deref().and_then(modsmith_facts::source_date).unwrap_or(SOURCE_DATE))
    }

    fn open_dir(&mut self, root: String) -> wasmtime::Result<Result<Resource<Dir>, Error>> {
        let named = root == Root::System.name() && self.grant.knows_root(Root::System);
        let root = match self.root(&root) {
            Ok(root) => root,
            Err(_) if named => Root::System,
            Err(error) => return Ok(Err(error)),
        };
        if !self.grant.knows_root(root) {
            return Ok(Err(Error::denied(format!(
                "plugin `{}` may not read the root `{root}`: its manifest does not name it under `[read] roots`; \
                 ask its author to add it",
                self.plugin
            ))));
        }
        Ok(Ok(self.push(Dir(root))?))
    }
}

impl HostDir for CallState {
    fn read(&mut self, this: Resource<Dir>, relative: String) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.granted(root, &relative).and_then(|location| self.contents_of(&location)))
    }

    fn open(
        &mut self,
        this: Resource<Dir>,
        relative: String,
    ) -> wasmtime::Result<Result<Option<Resource<OpenFile>>, Error>> {
        let root = self.table.get(&this)?.0;
        let opened = self.granted(root, &relative).and_then(|location| {
            self.may_go_on_reading()?;
            if self.open_files == MOST_OPEN {
                let refusal =
                    format!("{location} cannot be opened: {MOST_OPEN} files are open already; close one first");
                return Err(Error::other(refusal));
            }
            let Some((file, size)) = self.open_file(&location)? else { return Ok(None) };
            self.observe_at(&location, |at| Observation::Contents {
                file: at,
                bytes: beginning(&file, self.longest()),
            });
            Ok(Some(OpenFile { location, file, size }))
        });
        Ok(match opened {
            Ok(Some(file)) => {
                self.open_files += 1;
                Ok(Some(self.push(file)?))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn read_unpacked(
        &mut self,
        this: Resource<Dir>,
        relative: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.granted(root, &relative).and_then(|location| {
            self.may_go_on_reading()?;
            let Some(contents) = self.read_file(&location)? else { return Ok(None) };
            let failed = |e: std::io::Error| Error::other(format!("{location} cannot be unpacked: {e}"));
            let contents = decompress_within(contents, self.longest()).map_err(failed)?;
            self.read += contents.len() as u64;
            Ok(Some(contents))
        }))
    }

    fn mode(&mut self, this: Resource<Dir>, relative: String) -> wasmtime::Result<Result<Option<u32>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.granted(root, &relative).and_then(|location| self.mode_of(&location)))
    }

    fn link_target(
        &mut self,
        this: Resource<Dir>,
        relative: String,
    ) -> wasmtime::Result<Result<Option<String>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.granted(root, &relative).and_then(|location| {
            self.may_go_on_reading()?;
            let found = self.reach.readable(&location, Last::Keep)?;
            if found.kind() != Some(FileType::Symlink) {
                return Ok(None);
            }
            let Some(handle) = &found.handle else { return Ok(None) };
            self.observe_at(&location, Observation::Entry);
            let target = rustix::fs::readlinkat(handle, "", Vec::new())
                .map_err(|e| Error::other(format!("{location} cannot be looked up: {e}")))?;
            let target = OsString::from_vec(target.into_bytes());
            Ok(Some(path_text(Path::new(&target)).into_owned()))
        }))
    }

    fn kind(&mut self, this: Resource<Dir>, relative: String) -> wasmtime::Result<Result<Option<EntryKind>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.below(root, &relative).and_then(|location| {
            self.may_go_on_reading()?;
            let found = self.reach.visible(&location)?;
            if found.kind().is_some() {
                self.observe_at(&location, Observation::Entry);
            }
            Ok(found.kind().map(kind_of))
        }))
    }

    fn entries(&mut self, this: Resource<Dir>, relative: String) -> wasmtime::Result<Result<Vec<Entry>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.may_go_on_reading().and_then(|()| {
            let entries = self.list(root, &relative)?;
            self.read += entries.len() as u64 * ENTRY;
            Ok(entries)
        }))
    }

    fn drop(&mut self, this: Resource<Dir>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostFile for CallState {
    fn size(&mut self, this: Resource<OpenFile>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&this)?.size)
    }

    fn read(&mut self, this: Resource<OpenFile>, most: u32) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        if let Err(error) = self.may_go_on_reading() {
            return Ok(Err(error));
        }
        let OpenFile { location, file, .. } = self.table.get_mut(&this)?;
        let mut piece = Vec::new();
        let read = file.take(u64::from(most.min(LARGEST_PIECE))).read_to_end(&mut piece);
        let read = read.map_err(|e| Error::other(format!("{location} cannot be read: {e}")));
        self.read += piece.len() as u64;
        Ok(read.map(|_| piece))
    }

    fn drop(&mut self, this: Resource<OpenFile>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        self.open_files -= 1;
        Ok(())
    }
}

impl CallState {
    /// A probe that the plugin has, and that may be run for it now, about these files.
    pub(super) fn askable(&self, name: &str, files: &[String]) -> Result<&Probe, Error> {
        let probe = self.grant.probe(name).map_err(Error::denied)?;
        self.reach.may_probe(probe, files).map_err(Error::denied)?;
        if self.probing == Probing::Never {
            return Err(Error::other(format!(
                "`{}` was not asked: in a dry run, and where nothing is changed, no program is run for a plugin \
                 that is neither installed for all users nor granted",
                probe.program
            )));
        }
        Ok(probe)
    }

    fn may_go_on_reading(&mut self) -> Result<(), Error> {
        self.read += ENTRY;
        if self.read > (self.limits.read_mib as u64).saturating_mul(1 << 20) {
            let limit = self.limits.no_reads();
            return Err(Error::other(self.exceed(limit).to_string()));
        }
        Ok(())
    }

    /// Contents of a granted file; `None` where there is none.
    pub(super) fn contents_of(&mut self, location: &Location) -> Result<Option<Vec<u8>>, Error> {
        self.may_go_on_reading()?;
        let contents = self.read_file(location)?;
        self.read += contents.as_ref().map_or(0, |contents| contents.len() as u64);
        Ok(contents)
    }

    /// Permission bits of a granted file; `None` where there is none.
    pub(super) fn mode_of(&mut self, location: &Location) -> Result<Option<u32>, Error> {
        self.may_go_on_reading()?;
        let found = self.reach.readable(location, Last::Follow)?;
        let mode = found.handle.map(|handle| Ok(rustix::fs::fstat(&handle)?.st_mode & 0o777));
        let mode = mode.transpose();
        if let Ok(Some(mode)) = mode {
            self.observe_at(location, |file| Observation::Mode { file, mode });
        }
        mode.map_err(|e: std::io::Error| Error::other(format!("{location} cannot be looked up: {e}")))
    }

    /// Longest file that the plugin can read, in bytes.
    fn longest(&self) -> u64 {
        (self.limits.file_mib as u64).saturating_mul(1 << 20)
    }

    pub(super) fn granted(&self, root: Root, relative: &str) -> Result<Location, Error> {
        let location = self.below(root, relative)?;
        self.grant.may_read(&location).map_err(Error::denied)?;
        Ok(location)
    }

    fn below(&self, root: Root, relative: &str) -> Result<Location, Error> {
        Location::of_text(root, relative).map_err(|e| Error::denied(format!("plugin `{}`: {e}", self.plugin)))
    }

    /// A granted file and its size; `None` where there is none.
    fn open_file(&self, location: &Location) -> Result<Option<(File, u64)>, Error> {
        let failed = |e: std::io::Error| Error::other(format!("{location} cannot be read: {e}"));
        let found = self.reach.readable(location, Last::Follow)?;
        if found.handle.is_none() {
            return Ok(None);
        }
        if found.kind() != Some(FileType::RegularFile) {
            return Err(Error::other(format!("{location} is not a file")));
        }
        let Some(file) = found.open().map_err(failed)? else { return Ok(None) };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::other(format!("{location} is not a file")));
        }
        Ok(Some((file, metadata.len())))
    }

    fn read_file(&mut self, location: &Location) -> Result<Option<Vec<u8>>, Error> {
        let failed = |e: std::io::Error| Error::other(format!("{location} cannot be read: {e}"));
        let Some((file, _)) = self.open_file(location)? else { return Ok(None) };
        let mut contents = Vec::new();
        let longest = self.longest();
        file.take(longest.saturating_add(1)).read_to_end(&mut contents).map_err(failed)?;
        if contents.len() as u64 > longest {
            let limit = self.limits.too_large();
            return Err(Error::other(format!("{location} is too large: {}", self.exceed(limit))));
        }
        self.observe_at(location, |file| Observation::Contents { file, bytes: contents.clone() });
        Ok(Some(contents))
    }

    /// Entries that are granted, or that lead to one that is.
    fn list(&self, root: Root, relative: &str) -> Result<Vec<Entry>, Error> {
        let dir = self.below(root, relative)?;
        let found = self.reach.listable(&dir)?;
        let failed = |e: std::io::Error| Error::other(format!("{dir} cannot be listed: {e}"));
        let mut entries = Vec::new();
        let Some(directory) = found.list().map_err(failed)? else { return Ok(entries) };
        self.observe_at(&dir, Observation::Entry);
        for entry in directory.entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if self.reach.sees(&found, &dir, &name) {
                let kind = entry.metadata().map_err(failed)?;
                if let Ok(location) = dir.join(&name) {
                    self.observe_at(&location, Observation::Entry);
                }
                let name = path_text(Path::new(&name)).into_owned();
                entries.push(Entry { name, kind: kind_of(FileType::from_raw_mode(kind.mode())) });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

/// The first bytes of an open file, for the observer; no more than a plugin may read at once.
fn beginning(file: &File, longest: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 1 << 16];
    while (bytes.len() as u64) < longest {
        match file.read_at(&mut chunk, bytes.len() as u64) {
            Ok(length) if length > 0 => bytes.extend_from_slice(&chunk[..length]),
            _ => break,
        }
    }
    bytes
}

fn kind_of(kind: FileType) -> EntryKind {
    match kind {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink,
        _ => EntryKind::Other,
    }
}

#[cfg(test)]
mod tests;
