//! Installs, updates and removes plugins in the directory that is the administrator's.
//!
//! One program at a time does. Each file is complete whenever it has its name, and the
//! lock file knows a plugin before its file is replaced: a program that is killed leaves
//! the old plugin or the new one, and the next one goes on from there.

use std::io::Write;
use std::path::{Path, PathBuf};

use modsmith_facts::LockFile;
use modsmith_facts::inside;
use modsmith_registry::{Client, Digest};

use super::fetch::{Fetched, Fetcher, PluginContent};
use super::lock::{Lock, Locked, TEMPORARY, replace};
use super::origin::Origin;
use super::sources::Sources;
use crate::error::Error;
use crate::files::owner::check_owner;
use crate::grant::record::{Record, Standing, check_id, revoke};
use crate::grant::rights::{Rights, RightsDifference};
use crate::index::Index;
use crate::limits::RoleLimits;
use crate::search::{FoundIn, SearchPath};

/// The lock of a process that changes the directory. Other users cannot open this file, as they can the
/// directory itself.
const LOCK: &str = ".modsmith-lock";

/// Changes the plugins of one search path.
pub struct Installer<'i> {
    search: &'i SearchPath,
    directory: PathBuf,
    fetcher: Fetcher,
}

/// A plugin that has its place now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub id: String,
    pub version: String,
    pub file: PathBuf,
    pub source: String,
    /// The fingerprint of the key that has signed it, where one had to.
    pub signer: Option<String>,
    pub change: Change,
    /// Whether the grant of the file that was there is one for this file now.
    pub keeps_grant: bool,
}

/// The changes that an installation has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    New,
    /// The very same file was there.
    Nothing,
    /// Another file of this version was there.
    From(String),
}

/// The outcome of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// Nothing newer is there.
    Newest {
        version: String,
    },
    Installed(Installed),
    /// The plugin was installed by its digest, which has no newer version.
    Pinned {
        version: String,
    },
}

/// The files of a plugin that were removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    pub file: PathBuf,
    /// The file of its grant, if it had one.
    pub grant: Option<PathBuf>,
}

impl<'i> Installer<'i> {
    /// `root`: the system whose files registries.toml names. `variable`: the caller's
    /// environment, for proxies and credentials.
    ///
    /// # Errors
    /// `SourcesUnreadable`, `LimitsUnreadable`.
    pub fn open(search: &'i SearchPath, root: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let local = search.directories.iter().find(|(_, found_in)| *found_in == FoundIn::Local);
        let directory = local.map_or_else(|| search.config.join("plugins"), |(directory, _)| directory.clone());
        let sources = Sources::read(&search.config, root)?;
        let settings = sources.settings(variable);
        let limit = RoleLimits::read(&search.config)?.loading.component_mib.saturating_mul(1 << 20);
        let fetcher = Fetcher { client: Client::new(settings.clone()), settings, sources, limit };
        Ok(Self { search, directory, fetcher })
    }

    pub(super) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    pub(super) fn search_path(&self) -> &SearchPath {
        self.search
    }

    /// The ids of the plugins that were installed, in order.
    ///
    /// # Errors
    /// `LockUnreadable`.
    pub fn ids(&self) -> Result<Vec<String>, Error> {
        Ok(Lock::read(&self.directory)?.plugins().map(|(id, _)| id.to_owned()).collect())
    }

    /// Installs what a word of the command line names.
    ///
    /// # Errors
    /// `NoSuchSource`, `SourceRefused`, `Registry`: there is no such plugin, or it is not
    /// as it must be. `NotManaged`, `LockMismatch`, `Republished`: its file is not to be
    /// replaced. `Io`.
    pub fn install(&self, word: &str) -> Result<Vec<Installed>, Error> {
        let origin = Origin::parse(word)?;
        let fetched = self.fetcher.all(&origin)?;
        let _held = self.hold()?;
        let mut lock = Lock::read(&self.directory)?;
        fetched.iter().map(|plugin| self.put(plugin, &origin_of(&origin, plugin), &mut lock)).collect()
    }

    /// Installs what a plugin's source has now, if it is newer.
    ///
    /// # Errors
    /// As [`Installer::install`]. `BadId`. `AsksForMore`: it is granted, asks for more than that,
    /// and `more_rights` is not given; then nothing has changed.
    pub fn update(&self, id: &str, more_rights: bool) -> Result<Update, Error> {
        check_id(id)?;
        let _held = self.hold()?;
        let mut lock = Lock::read(&self.directory)?;
        let known = lock.get(id).cloned().ok_or_else(|| self.not_managed(id))?;
        let version = known.version.clone();
        let origin = Origin::parse(&known.source)?;
        let (origin, fetched) = match &origin {
            Origin::Registry(reference) if reference.digest.is_some() => return Ok(Update::Pinned { version }),
            Origin::Registry(reference) => {
                let is_version = |tag: &String| semver::Version::parse(tag).is_ok();
                let follows_versions = reference.tag.as_ref().is_none_or(is_version);
                let wanted = match follows_versions {
                    true => self.fetcher.newest(reference, Some(&version))?,
                    false => Some(reference.clone()),
                };
                let Some(wanted) = wanted else { return Ok(Update::Newest { version }) };
                let fetched = vec![self.fetcher.artefact(&wanted)?];
                (if reference.tag.is_some() { Origin::Registry(wanted) } else { origin }, fetched)
            }
            _ => {
                let fetched = self.fetcher.all(&origin)?;
                (origin, fetched)
            }
        };
        let Some(plugin) = fetched.iter().find(|plugin| plugin.id == id) else {
            let reason = format!("the plugin there is not `{id}` any more");
            return Err(Error::SourceRefused { source_word: known.source, reason });
        };
        if plugin.digest.as_str() == known.digest && self.digest_of(&known.file)?.as_ref() == Some(&plugin.digest) {
            return Ok(Update::Newest { version });
        }
        if !more_rights {
            self.refuse_more_rights(plugin, &known)?;
        }
        self.put(plugin, &origin, &mut lock).map(Update::Installed)
    }

    /// Removes a plugin that was installed, and its grant.
    ///
    /// # Errors
    /// `BadId`. `NotManaged`: it was not installed in this way. `GrantsUntrusted`: its grant cannot be
    /// taken back. `Io`.
    pub fn remove(&self, id: &str) -> Result<Removed, Error> {
        check_id(id)?;
        let _held = self.hold()?;
        let mut lock = Lock::read(&self.directory)?;
        let known = lock.get(id).cloned().ok_or_else(|| self.not_managed(id))?;
        // First: what has no file any more is not to come back with its grant.
        let grant = match revoke(&self.search.config, id) {
            Ok(file) => Some(file),
            Err(Error::NoGrant { .. }) => None,
            Err(error) => return Err(error),
        };
        let file = self.directory.join(&known.file);
        match std::fs::remove_file(&file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", &file, e)),
            _ => {}
        }
        lock.remove(id);
        lock.write(&self.directory)?;
        Ok(Removed { file, grant })
    }

    /// Gives a plugin its place.
    fn put(&self, plugin: &Fetched, origin: &Origin, lock: &mut Lock) -> Result<Installed, Error> {
        let name = plugin.file_name();
        let file = self.directory.join(&name);
        let known = lock.get(&plugin.id).cloned();
        let there = self.digest_of(known.as_ref().map_or(&name, |known| &known.file))?;
        if let Some(there) = &there {
            self.check_there(plugin, origin, known.as_ref(), there)?;
        }
        let source = origin.to_string();
        let kept = known.as_ref().and_then(|known| self.kept_rights(plugin, known));
        let change = match &known {
            _ if there.as_ref() == Some(&plugin.digest) => Change::Nothing,
            Some(known) if there.is_some() => Change::From(known.version.clone()),
            _ => Change::New,
        };
        let locked = Locked {
            file: name,
            version: plugin.version.clone(),
            source: source.clone(),
            digest: plugin.digest.to_string(),
            manifest: plugin.artefact.as_ref().map(Digest::to_string),
            signer: plugin.signer.clone(),
            replaces: there.as_ref().filter(|there| **there != plugin.digest).map(Digest::to_string),
        };
        lock.set(&plugin.id, locked.clone());
        lock.write(&self.directory)?;
        if change != Change::Nothing {
            replace(&file, |out| out.write_all(&plugin.bytes)).map_err(|e| Error::io("write", &file, e))?;
        }
        if let Some(old) = known.filter(|known| known.file != locked.file) {
            let old = self.directory.join(old.file);
            std::fs::remove_file(&old).or_else(|e| match e.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(Error::io("remove", &old, e)),
            })?;
        }
        if locked.replaces.is_some() {
            lock.set(&plugin.id, Locked { replaces: None, ..locked });
            lock.write(&self.directory)?;
        }
        let (id, version, signer) = (plugin.id.clone(), plugin.version.clone(), plugin.signer.clone());
        let keeps_grant = kept.is_some();
        if let Some(rights) = kept {
            Record::new(plugin.digest.as_str(), &file, &version, rights).write(&self.search.config, &id)?;
        }
        Ok(Installed { id, version, file, source, signer, change, keeps_grant })
    }

    /// The rights that a newer file is granted without a question. It asks for no more than the
    /// granted file that it replaces, and the same key has signed both. The signature of a table
    /// does not cover its base.
    fn kept_rights(&self, plugin: &Fetched, known: &Locked) -> Option<Rights> {
        let PluginContent::Component(manifest) = &plugin.content else { return None };
        let index = Index::read(self.search);
        let granted = index.get(&plugin.id).filter(|entry| entry.standing == Standing::Granted)?;
        let replaces_it = granted.component == self.directory.join(&known.file);
        let is_same_signer = plugin.signer.is_some() && plugin.signer == known.signer;
        let rights = Rights::of(manifest);
        let record = Record::read(&self.search.config, &plugin.id).ok()??;
        let asks_for_no_more = record.difference(&rights)?.adds_nothing();
        (replaces_it && is_same_signer && asks_for_no_more).then_some(rights)
    }

    /// Whether the file that is there may be replaced.
    fn check_there(
        &self,
        plugin: &Fetched,
        origin: &Origin,
        known: Option<&Locked>,
        there: &Digest,
    ) -> Result<(), Error> {
        let Some(known) = known else {
            return match *there == plugin.digest {
                true => Ok(()),
                false => Err(self.not_managed(&plugin.id)),
            };
        };
        let file = self.directory.join(&known.file);
        if !known.is_of(there.as_str()) {
            return Err(Error::LockMismatch { plugin: plugin.id.clone(), file, source_word: known.source.clone() });
        }
        // Authors try things out in files; what others fetch does not change.
        let is_fetched = !matches!(origin, Origin::Path(_));
        let is_same = known.version == plugin.version && known.source == origin.to_string();
        if is_fetched && is_same && known.digest != plugin.digest.as_str() && known.replaces.is_none() {
            return Err(Error::Republished {
                plugin: plugin.id.clone(),
                version: plugin.version.clone(),
                source_word: known.source.clone(),
            });
        }
        Ok(())
    }

    /// Stops where a granted plugin would ask for more.
    fn refuse_more_rights(&self, plugin: &Fetched, known: &Locked) -> Result<(), Error> {
        let index = Index::read(self.search);
        // A grant that cannot be read is none that could be compared.
        let (Ok(Some(record)), Some(manifest)) =
            (Record::read(&self.search.config, &plugin.id), plugin.manifest(&index))
        else {
            return Ok(());
        };
        let now = Rights::of(&manifest);
        let installed = || {
            let entry = index.get(&plugin.id).map(|entry| &entry.manifest);
            let before = entry.or_else(|| index.refused(&plugin.id).map(|refused| &refused.manifest))?;
            Some(RightsDifference::between(&Rights::of(before), &now))
        };
        match record.difference(&now).or_else(installed) {
            Some(difference) if !difference.adds_nothing() => Err(Error::AsksForMore {
                plugin: plugin.id.clone(),
                version: plugin.version.clone(),
                installed: known.version.clone(),
                rights: difference.added.iter().map(|right| format!("+ {right}")).collect(),
            }),
            _ => Ok(()),
        }
    }

    fn not_managed(&self, id: &str) -> Error {
        let names = [format!("{id}.wasm"), format!("{id}.toml")];
        let file = names.iter().map(|name| self.directory.join(name)).find(|file| file.exists());
        Error::NotManaged { plugin: id.to_owned(), file }
    }

    fn digest_of(&self, name: &str) -> Result<Option<Digest>, Error> {
        let file = self.directory.join(name);
        match inside::read_within(&file, self.fetcher.limit) {
            Ok(bytes) => Ok(Some(Digest::of(&bytes))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("read", &file, e)),
        }
    }

    /// Makes the directory, keeps other programs from changing it as long as what is
    /// returned lives, and removes what a killed one has left.
    fn hold(&self) -> Result<LockFile, Error> {
        use std::os::unix::fs::DirBuilderExt;
        let directory = &self.directory;
        let cannot = |e: std::io::Error| Error::io("use", directory, e);
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(directory).map_err(cannot)?;
        check_owner(directory).map_err(|reason| Error::LockUnreadable { file: directory.clone(), reason })?;
        let handle = std::fs::File::open(directory).map_err(cannot)?;
        let lock = LockFile::acquire(&handle, LOCK).map_err(cannot)?;
        for entry in std::fs::read_dir(directory).map_err(cannot)?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(TEMPORARY) && name.ends_with(".tmp") {
                // A file that cannot be removed does no harm.
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(lock)
    }
}

/// The source of one plugin: of a directory, it is the plugin's own file.
fn origin_of(origin: &Origin, plugin: &Fetched) -> Origin {
    match origin {
        Origin::Path(path) if path.is_dir() => Origin::Path(path.join(plugin.file_name())),
        other => other.clone(),
    }
}
