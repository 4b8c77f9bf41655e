//! The directory with the entries.
//!
//! `entries/DIGITS/` has the files of one entry and `entry.json`, which names them with their
//! digests. An entry is made below `new/` and gets its name with a rename, once all of it is on the
//! disk: one that has a name is complete. Files that a killed program left below `new/` are removed
//! by the next program that holds the exclusive lock.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FileType, OFlags};
use serde_json::{Map, Value};

use crate::digest::Identity;
use crate::entry::{Entry, Kept, StoredFile};
use crate::error::{Error, Result, io_error, trust_error};
use crate::inputs::Inputs;
use crate::lock::{self, Shared};
use modsmith_facts::{TrustedDir, check, digest, digest_of};

const ENTRIES: &str = "entries";
const NEW: &str = "new";
const LIST: &str = "entry.json";

/// A store that is there.
#[derive(Debug)]
pub struct Store {
    directory: TrustedDir,
}

/// A product that is to be stored.
#[derive(Debug, Clone)]
pub struct New {
    pub inputs: Inputs,
    /// Further facts about it.
    pub facts: Map<String, Value>,
    /// Contents by plain names.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Why an entry cannot be used, as a clause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// An entry as a list of them has it.
#[derive(Debug)]
pub struct Listed {
    pub identity: Identity,
    /// When it was stored or used last.
    pub used: SystemTime,
    pub entry: Result<Entry, Fault>,
}

/// The result of a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    pub removed: usize,
    /// In bytes, as all sizes.
    pub freed: u64,
    pub left: usize,
    pub size: u64,
}

impl Store {
    /// The store in a directory of caches; `None` where there is none.
    ///
    /// # Errors
    /// Other users could have written to the store; the store cannot be read.
    pub fn open(caches: &Path, name: &str) -> Result<Option<Self>> {
        let top = match TrustedDir::top(caches) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            top => top.map_err(io_error("open", caches))?,
        };
        believe(&top)?;
        let directory = top.directory(name).map_err(trust_error("open", &caches.join(name)))?;
        Ok(directory.map(|directory| Self { directory }))
    }

    /// The store in a directory of caches. If it is missing, it is made for its owner alone.
    ///
    /// # Errors
    /// The errors of [`Store::open`]; a directory cannot be made.
    pub fn open_or_make(caches: &Path, name: &str) -> Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o755).create(caches).map_err(io_error("make", caches))?;
        let top = TrustedDir::top(caches).map_err(io_error("open", caches))?;
        believe(&top)?;
        let path = caches.join(name);
        let directory = top.make_directory(name, 0o700).map_err(trust_error("make", &path))?;
        for part in [ENTRIES, NEW] {
            directory.make_directory(part, 0o700).map_err(trust_error("make", &path.join(part)))?;
        }
        Ok(Self { directory })
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes the shared lock: no process removes entries while the result lives.
    ///
    /// # Errors
    /// The lock cannot be opened.
    pub fn share(&self) -> Result<Shared> {
        lock::share(&self.directory)
    }

    /// The path of a file of an entry, below the store.
    pub fn place(identity: &Identity, file: &str) -> PathBuf {
        Path::new(ENTRIES).join(identity.digits()).join(file)
    }

    /// The entry of an identity, all of its files compared with their digests.
    ///
    /// # Errors
    /// [`Fault`]: an entry that is damaged, or that others could have written.
    pub fn find(&self, identity: &Identity) -> Result<Option<Entry>, Fault> {
        let Some(directory) = self.entry_directory(identity)? else { return Ok(None) };
        let entry = read_entry(&directory, identity)?;
        check_files(&directory, &entry)?;
        Ok(Some(entry))
    }

    /// Notes that an entry is used: the one that is used last is removed last. A file system that is
    /// read-only has no use of it.
    pub fn note_use(&self, identity: &Identity) {
        if let Ok(Some(directory)) = self.entry_directory(identity) {
            let _ = rustix::fs::futimens(&directory, &NOW);
        }
    }

    /// The contents of a file of an entry.
    ///
    /// # Errors
    /// [`Fault`]: they are not what the entry says.
    pub fn read(&self, entry: &Entry, name: &str) -> Result<Vec<u8>, Fault> {
        let missing = || Fault(format!("its file {name} is missing"));
        let stored = entry.files.get(name).ok_or_else(missing)?;
        let directory = self.entry_directory(&entry.identity())?.ok_or_else(missing)?;
        let contents = directory.read(name).map_err(fault)?.ok_or_else(missing)?;
        if digest(&contents) == stored.digest { Ok(contents) } else { Err(changed(name)) }
    }

    /// Stores files under the identity of their inputs. Waits until all of it is on the disk.
    ///
    /// # Errors
    /// A name that is none, or the store cannot be written to; nothing is left of it then.
    pub fn keep(&self, new: New) -> Result<Kept> {
        let _shared = self.share()?;
        let New { inputs, facts, files } = new;
        if let Some(bad) = files.keys().find(|name| !is_plain(name)) {
            return Err(Error::Unfit(format!("`{bad}` cannot be the name of a stored file")));
        }
        let stored = |contents: &Vec<u8>| StoredFile { size: contents.len() as u64, digest: digest(contents) };
        let list = files.iter().map(|(name, contents)| (name.clone(), stored(contents))).collect();
        let entry = Entry::new(inputs, facts, list);
        let text = entry.to_bytes().map_err(|error| Error::Unfit(format!("it cannot be described: {error}")))?;

        let begun = self.path().join(NEW);
        let begun = tempfile::Builder::new()
            .prefix("entry-")
            .tempdir_in(&begun)
            .map_err(io_error("make a directory in", &begun))?;
        for (name, contents) in &files {
            write(&begun.path().join(name), contents)?;
        }
        write(&begun.path().join(LIST), &text)?;
        sync(begun.path())?;
        self.name(begun, &entry)
    }

    /// Gives a complete entry its name.
    fn name(&self, begun: tempfile::TempDir, entry: &Entry) -> Result<Kept> {
        let entries = self.path().join(ENTRIES);
        let identity = entry.identity();
        let to = entries.join(identity.digits());
        let mut kept = Kept::New;
        if let Err(error) = std::fs::rename(begun.path(), &to) {
            if !matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) {
                return Err(io_error("name", &to)(error));
            }
            // A damaged one is as good as none.
            if let Ok(Some(there)) = self.find(&identity) {
                let unlike = there.files_unlike(entry);
                if unlike.is_empty() {
                    return Ok(Kept::Same);
                }
                kept = Kept::Replaced(unlike);
            }
            let aside = begun.path().with_extension("old");
            std::fs::rename(&to, &aside).map_err(io_error("move aside", &to))?;
            std::fs::rename(begun.path(), &to).map_err(io_error("name", &to))?;
            let _ = std::fs::remove_dir_all(&aside);
        }
        // The directory has been renamed, so it is not deleted.
        let _ = begun.keep();
        sync(&entries)?;
        Ok(kept)
    }

    /// Removes an entry; none there is fine.
    ///
    /// # Errors
    /// The entry cannot be deleted.
    pub fn remove(&self, identity: &Identity) -> Result<()> {
        let path = self.path().join(ENTRIES).join(identity.digits());
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(io_error("remove", &path)),
        }
    }

    /// All entries, in the order of their use, the last one first. Files are not read.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn entries(&self) -> Result<Vec<Listed>> {
        let path = self.path().join(ENTRIES);
        let directory = self.directory.directory(ENTRIES).map_err(trust_error("open", &path))?;
        let names = directory.map(|directory| directory.names()).transpose().map_err(io_error("read", &path))?;
        let mut entries = Vec::new();
        for identity in names.unwrap_or_default().iter().filter_map(|name| Identity::parse(name)) {
            let Some(directory) = self.entry_directory(&identity).ok().flatten() else { continue };
            let used =
                File::from(rustix::io::dup(&directory).map_err(|e| io_error("open", directory.path())(e.into()))?);
            let used = used.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            let entry = read_entry(&directory, &identity);
            entries.push(Listed { identity, used, entry });
        }
        entries.sort_by(|a, b| (b.used, &a.identity).cmp(&(a.used, &b.identity)));
        Ok(entries)
    }

    /// Compares all files of an entry with their digests.
    ///
    /// # Errors
    /// [`Fault`]: what is wrong.
    pub fn verify(&self, identity: &Identity) -> Result<(), Fault> {
        match self.entry_directory(identity)? {
            Some(directory) => check_files(&directory, &read_entry(&directory, identity)?),
            None => Err(Fault("it is missing".to_owned())),
        }
    }

    /// Removes what was not used for the longest time until the rest is no larger than `limit` bytes,
    /// and what killed programs left. `None` where others use the store.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn collect(&self, limit: u64) -> Result<Option<Collected>> {
        let Some(_alone) = lock::try_alone(&self.directory)? else { return Ok(None) };
        self.clear_begun()?;
        let mut done = Collected::default();
        for Listed { identity, entry, .. } in self.entries()? {
            let size = entry.as_ref().map_or(0, Entry::size);
            if entry.is_ok() && done.size.saturating_add(size) <= limit {
                (done.left, done.size) = (done.left + 1, done.size + size);
            } else {
                self.remove(&identity)?;
                (done.removed, done.freed) = (done.removed + 1, done.freed + size);
            }
        }
        Ok(Some(done))
    }

    /// Removes what killed programs left.
    fn clear_begun(&self) -> Result<()> {
        let path = self.path().join(NEW);
        let directory = self.directory.directory(NEW).map_err(trust_error("open", &path))?;
        let names = directory.map(|directory| directory.names()).transpose().map_err(io_error("read", &path))?;
        for name in names.unwrap_or_default() {
            let left = path.join(name);
            std::fs::remove_dir_all(&left).map_err(io_error("remove", &left))?;
        }
        Ok(())
    }

    fn entry_directory(&self, identity: &Identity) -> Result<Option<TrustedDir>, Fault> {
        self.directory.below(&Path::new(ENTRIES).join(identity.digits())).map_err(fault)
    }
}

const NOW: rustix::fs::Timestamps = {
    let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW as _ };
    rustix::fs::Timestamps { last_access: now, last_modification: now }
};

fn believe(directory: &TrustedDir) -> Result<()> {
    let path = directory.path();
    let stat = rustix::fs::fstat(directory).map_err(|error| io_error("open", path)(error.into()))?;
    let untrusted = |reason| Error::Untrusted(modsmith_facts::Untrusted { path: path.to_path_buf(), reason });
    check(&stat, FileType::Directory).map_err(untrusted)
}

fn fault(error: impl ToString) -> Fault {
    Fault(error.to_string())
}

fn changed(name: &str) -> Fault {
    Fault(format!("its file {name} was changed"))
}

fn read_entry(directory: &TrustedDir, identity: &Identity) -> Result<Entry, Fault> {
    let list = directory.read(LIST).map_err(fault)?.ok_or_else(|| Fault("its list is missing".to_owned()))?;
    Entry::from_bytes(&list, identity).map_err(Fault)
}

fn check_files(directory: &TrustedDir, entry: &Entry) -> Result<(), Fault> {
    for (name, stored) in &entry.files {
        let opened = directory.open(name, OFlags::RDONLY, 0).map_err(fault)?;
        let file = opened.ok_or_else(|| Fault(format!("its file {name} is missing")))?;
        if digest_of(file).map_err(fault)? != stored.digest {
            return Err(changed(name));
        }
    }
    Ok(())
}

/// A name of a file in an entry, which has no other use there.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\0']) && !name.starts_with('.') && name != LIST
}

fn write(path: &Path, contents: &[u8]) -> Result<()> {
    let write = || {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(contents)?;
        file.sync_all()
    };
    write().map_err(io_error("write", path))
}

fn sync(directory: &Path) -> Result<()> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io_error("write", directory))
}

#[cfg(test)]
mod tests;
