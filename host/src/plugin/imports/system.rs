//! The `system` interface: read-only facts about the target.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use wasmtime::component::Resource;

use super::State;
use crate::plugin::bindings::modsmith::plugin::system::{Entry, EntryKind, Host, HostDir};
use crate::plugin::bindings::modsmith::plugin::types::Error;
use crate::plugin::program;
use crate::system::{Location, Root, resolve_in_root};

/// Longest file that a plugin can read.
const LONGEST: u64 = 16 << 20;

/// A root that was opened by a plugin.
pub struct Dir(Root);

impl Host for State {
    fn os_release(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.system.os.get(&key).map(str::to_owned))
    }

    fn distro_ids(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.system.os.distro_ids())
    }

    fn has_program(&mut self, name: String) -> wasmtime::Result<bool> {
        Ok(program::find(&name, &self.grant, &self.settings, &self.system, &self.roots).is_some())
    }

    fn probe(&mut self, name: String) -> wasmtime::Result<Result<String, Error>> {
        let probe = match self.grant.probe(&name) {
            Ok(probe) => probe,
            Err(refusal) => return Ok(Err(Error::Denied(refusal))),
        };
        Ok(self.probes.output(probe, &self.system).map_err(Error::Other))
    }

    fn open_dir(&mut self, root: String) -> wasmtime::Result<Result<Resource<Dir>, Error>> {
        let root = match self.root(&root) {
            Ok(root) => root,
            Err(error) => return Ok(Err(error)),
        };
        if !self.grant.knows_root(root) {
            return Ok(Err(Error::Denied(format!(
                "plugin `{}` may not read the root `{root}`: its manifest does not name it under `[read] roots`; \
                 ask its author to add it",
                self.plugin
            ))));
        }
        Ok(Ok(self.push(Dir(root))?))
    }
}

impl HostDir for State {
    fn read(&mut self, this: Resource<Dir>, relative: String) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.granted(root, &relative).and_then(|at| self.read_file(&at)))
    }

    fn kind(&mut self, this: Resource<Dir>, relative: String) -> wasmtime::Result<Result<Option<EntryKind>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.granted(root, &relative).and_then(|at| self.entry_kind(&at)))
    }

    fn entries(&mut self, this: Resource<Dir>, relative: String) -> wasmtime::Result<Result<Vec<Entry>, Error>> {
        let root = self.table.get(&this)?.0;
        Ok(self.list(root, &relative))
    }

    fn drop(&mut self, this: Resource<Dir>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl State {
    fn granted(&self, root: Root, relative: &str) -> Result<Location, Error> {
        let at = self.below(root, relative)?;
        self.grant.may_read(&at).map_err(Error::Denied)?;
        Ok(at)
    }

    fn below(&self, root: Root, relative: &str) -> Result<Location, Error> {
        Location::new(root, relative).map_err(|e| Error::Denied(format!("plugin `{}`: {e}", self.plugin)))
    }

    fn read_file(&self, at: &Location) -> Result<Option<Vec<u8>>, Error> {
        let failed = |e: std::io::Error| Error::Other(format!("{at} cannot be read: {e}"));
        let Some(path) = self.resolve(at).map_err(failed)? else { return Ok(None) };
        // Without waiting: a FIFO must not stop the host.
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = std::fs::OpenOptions::new().read(true).custom_flags(nonblocking).open(&path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::Other(format!("{at} is not a file")));
        }
        let mut contents = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut contents).map_err(failed)?;
        if contents.len() as u64 > LONGEST {
            return Err(Error::Other(format!("{at} is larger than {LONGEST} bytes")));
        }
        Ok(Some(contents))
    }

    /// The kind of the name itself: its parent is resolved, it is not.
    fn entry_kind(&self, at: &Location) -> Result<Option<EntryKind>, Error> {
        let failed = |e: std::io::Error| Error::Other(format!("{at} cannot be looked up: {e}"));
        let path = match (at.parent(), at.relative().file_name()) {
            (Some(parent), Some(name)) => self.resolve(&parent).map_err(failed)?.map(|dir| dir.join(name)),
            _ => self.resolve(at).map_err(failed)?,
        };
        let Some(path) = path else { return Ok(None) };
        match path.symlink_metadata() {
            Ok(metadata) => Ok(Some(kind_of(metadata.file_type()))),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(failed(e)),
        }
    }

    /// Entries that are granted, or that lead to one that is.
    fn list(&self, root: Root, relative: &str) -> Result<Vec<Entry>, Error> {
        let dir = self.below(root, relative)?;
        if !self.grant.may_look_through(&dir) {
            self.grant.may_read(&dir).map_err(Error::Denied)?;
        }
        let failed = |e: std::io::Error| Error::Other(format!("{dir} cannot be listed: {e}"));
        let Some(path) = self.resolve(&dir).map_err(failed)? else { return Ok(Vec::new()) };
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // Names that are not UTF-8 cannot be passed to a plugin.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let visible =
                dir.join(&name).is_ok_and(|at| self.grant.may_read(&at).is_ok() || self.grant.may_look_through(&at));
            if visible {
                entries.push(Entry { name, kind: kind_of(entry.file_type().map_err(failed)?) });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// The real path of a location, symlinks followed as the target would;
    /// `None` when nothing is there.
    fn resolve(&self, at: &Location) -> std::io::Result<Option<PathBuf>> {
        let Some(path) = self.roots.path(at) else { return Ok(None) };
        let resolved = match path.strip_prefix(&self.system.root) {
            Ok(relative) => resolve_in_root(&self.system.root, &Path::new("/").join(relative)),
            // A tree that was put outside the target's root by name: confined
            // to itself.
            Err(_) => {
                let base = self.roots.get(at.root).unwrap_or(Path::new("/"));
                resolve_in_root(base, at.relative())
            }
        };
        match resolved {
            Ok(path) => Ok(Some(path)),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn kind_of(kind: std::fs::FileType) -> EntryKind {
    if kind.is_file() {
        EntryKind::File
    } else if kind.is_dir() {
        EntryKind::Directory
    } else if kind.is_symlink() {
        EntryKind::Symlink
    } else {
        EntryKind::Other
    }
}
