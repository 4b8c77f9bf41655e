//! From a source to the bytes of plugins that are in good order, in memory.
//!
//! A signature is checked before the bytes that it is for are looked at.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modsmith_facts::inside;
use modsmith_registry::{Client, Digest, PublicKey, Reference, Settings, fetch};
use semver::Version;

use super::artefact::layer_of;
use super::origin::Origin;
use super::sources::Sources;
use crate::error::Error;
use crate::form;
use crate::index::Index;
use crate::manifest::Manifest;
use crate::search::FoundIn;
use crate::table::TableFile;

/// The largest size of a signature beside a file, in bytes.
const LARGEST_SIGNATURE: u64 = 4 << 10;

/// A plugin that has been fetched and checked.
pub(super) struct Fetched {
    pub id: String,
    pub version: String,
    pub bytes: Vec<u8>,
    pub digest: Digest,
    pub content: PluginContent,
    /// The digest of the artefact that the plugin came in.
    pub artefact: Option<Digest>,
    /// The fingerprint of the key that has signed it, where one had to.
    pub signer: Option<String>,
}

/// The two kinds of plugins.
pub(super) enum PluginContent {
    Component(Box<Manifest>),
    Table(Box<TableFile>),
}

impl Fetched {
    /// The name of its file.
    pub fn file_name(&self) -> String {
        match self.content {
            PluginContent::Component(_) => format!("{}.wasm", self.id),
            PluginContent::Table(_) => format!("{}.toml", self.id),
        }
    }

    /// The manifest; for a table, with the requests of the base that it would have where it is
    /// installed. `None`: there is none.
    pub fn manifest(&self, index: &Index) -> Option<Manifest> {
        match &self.content {
            PluginContent::Component(manifest) => Some((**manifest).clone()),
            PluginContent::Table(table) => {
                let base = index.base(&table.base, FoundIn::Local).filter(|base| base.blocked.is_none())?;
                table.over(base.manifest).ok()
            }
        }
    }

    fn new(bytes: Vec<u8>, source: &str) -> Result<Self, Error> {
        let refused = |reason: String| Error::SourceRefused { source_word: source.to_owned(), reason };
        let digest = Digest::of(&bytes);
        let is_text =
            !bytes.starts_with(b"\0asm") && std::str::from_utf8(&bytes).is_ok_and(|text| !text.trim().is_empty());
        let (id, version, content) = if is_text {
            let text = String::from_utf8_lossy(&bytes);
            let table = TableFile::parse(&text).map_err(|e| refused(e.to_string()))?;
            (table.id.clone(), table.version().to_owned(), PluginContent::Table(Box::new(table)))
        } else {
            let manifest = form::manifest(&bytes).map_err(|e| refused(e.to_string()))?;
            form::check_world(&bytes, &manifest).map_err(|e| refused(e.to_string()))?;
            (manifest.id.clone(), manifest.version.clone(), PluginContent::Component(Box::new(manifest)))
        };
        Ok(Self { id, version, bytes, digest, content, artefact: None, signer: None })
    }
}

/// Fetches plugins.
pub(super) struct Fetcher {
    pub client: Client,
    pub settings: Settings,
    pub sources: Sources,
    /// The largest size of a plugin's file, in bytes.
    pub limit: u64,
}

impl Fetcher {
    /// All plugins of a source: several only of a directory.
    pub fn all(&self, origin: &Origin) -> Result<Vec<Fetched>, Error> {
        match origin {
            Origin::Path(path) if path.is_dir() => {
                let files = plugins_in(path)?;
                if files.is_empty() {
                    let reason = "no file there ends with .wasm or .toml".to_owned();
                    return Err(Error::NoSuchSource { source_word: path.display().to_string(), reason });
                }
                files.iter().map(|file| self.file(file)).collect()
            }
            Origin::Path(file) => Ok(vec![self.file(file)?]),
            Origin::Address(address) => Ok(vec![self.address(address)?]),
            Origin::Registry(reference) => {
                let reference = match reference.wanted() {
                    Some(_) => reference.clone(),
                    None => self.newest(reference, None)?.ok_or_else(|| Error::NoSuchSource {
                        source_word: reference.to_string(),
                        reason: "none of its tags is a version, so that one has to be named".to_owned(),
                    })?,
                };
                Ok(vec![self.artefact(&reference)?])
            }
        }
    }

    /// All plugins of a source, each with its own source or error.
    pub fn each(&self, origin: &Origin) -> Vec<(String, Result<Fetched, Error>)> {
        match origin {
            Origin::Path(path) if path.is_dir() => match plugins_in(path) {
                Ok(files) => files.iter().map(|file| (file.display().to_string(), self.file(file))).collect(),
                Err(error) => vec![(path.display().to_string(), Err(error))],
            },
            other => match self.all(other) {
                Ok(fetched) => fetched.into_iter().map(|plugin| (other.to_string(), Ok(plugin))).collect(),
                Err(error) => vec![(other.to_string(), Err(error))],
            },
        }
    }

    fn file(&self, file: &Path) -> Result<Fetched, Error> {
        let source = file.display().to_string();
        match inside::read_within(file, self.limit) {
            Ok(bytes) => Fetched::new(bytes, &source),
            Err(e) if e.kind() == std::io::ErrorKind::InvalidInput => {
                Err(Error::SourceRefused { source_word: source, reason: e.to_string() })
            }
            Err(e) => Err(Error::io("read", file, e)),
        }
    }

    fn address(&self, address: &str) -> Result<Fetched, Error> {
        let keys = self.sources.keys(address);
        let signature = match keys {
            [] => None,
            _ => {
                let mut text = Vec::new();
                let at = format!("{address}.sig");
                match fetch(&self.settings, &at, LARGEST_SIGNATURE, &mut text) {
                    Err(error) if error.is_not_found() => {
                        return Err(modsmith_registry::Error::Unsigned { what: address.to_owned() }.into());
                    }
                    fetched => drop(fetched?),
                }
                Some(text)
            }
        };
        let mut bytes = Vec::new();
        fetch(&self.settings, address, self.limit, &mut bytes)?;
        let signer =
            match signature {
                Some(text) => Some(signer_of(&text, &bytes, keys).ok_or_else(|| {
                    modsmith_registry::Error::OtherSigner { what: address.to_owned(), keys: keys.len() }
                })?),
                None => None,
            };
        Ok(Fetched { signer: signer.map(PublicKey::fingerprint), ..Fetched::new(bytes, address)? })
    }

    /// The plugin of a reference with a tag or a digest.
    pub fn artefact(&self, reference: &Reference) -> Result<Fetched, Error> {
        let source = reference.to_string();
        let refused = |reason: String| Error::SourceRefused { source_word: source.clone(), reason };
        let raw = self.client.manifest(reference)?;
        let repository = &reference.repository;
        let keys = self.sources.keys(&source);
        let signer = match keys {
            [] => None,
            _ => Some(self.client.verify(repository, &raw.digest, keys)?.fingerprint()),
        };
        let manifest = raw.manifest().map_err(refused)?;
        let layer = layer_of(&manifest).map_err(refused)?;
        let bytes = self.client.small_blob(repository, layer, self.limit)?;
        let fetched = Fetched::new(bytes, &source)?;
        let tag = reference.tag.as_deref().filter(|tag| Version::parse(tag).is_ok());
        if let Some(tag) = tag.filter(|tag| *tag != fetched.version) {
            return Err(refused(format!("its tag is {tag}, and the plugin in it has the version {}", fetched.version)));
        }
        Ok(Fetched { artefact: Some(raw.digest), signer, ..fetched })
    }

    /// The highest version of a repository, if it is higher than `than`. Versions before
    /// a release count only for those who have one.
    pub fn newest(&self, reference: &Reference, than: Option<&str>) -> Result<Option<Reference>, Error> {
        let tags = self.client.tags(&reference.repository)?;
        let Some(tag) = newest_of(&tags, than) else { return Ok(None) };
        Ok(Some(reference.repository.tagged(tag)?))
    }
}

fn newest_of<'t>(tags: &'t [String], than: Option<&str>) -> Option<&'t str> {
    let than = than.and_then(|version| Version::parse(version).ok());
    let with_previews = than.as_ref().is_some_and(|version| !version.pre.is_empty());
    let versions = tags.iter().filter_map(|tag| Some((Version::parse(tag).ok()?, tag.as_str())));
    let allowed = versions.filter(|(version, _)| version.pre.is_empty() || with_previews);
    let (version, tag) = allowed.max_by(|(a, _), (b, _)| a.cmp(b))?;
    than.is_none_or(|than| version > than).then_some(tag)
}

/// The key of a signature as `cosign sign-blob` writes it: base64.
fn signer_of<'k>(text: &[u8], bytes: &[u8], keys: &'k [PublicKey]) -> Option<&'k PublicKey> {
    let signature = STANDARD.decode(text.trim_ascii()).ok()?;
    keys.iter().find(|key| key.has_signed(bytes, &signature))
}

fn plugins_in(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(directory).map_err(|e| Error::io("read", directory, e))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wasm" || extension == "toml"));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_the_highest_version_and_no_preview() {
        let tags = ["1.2.0", "1.10.0", "latest", "2.0.0-rc.1", "sha256-00.sig", "v9.0.0"].map(str::to_owned);
        assert_eq!(newest_of(&tags, None), Some("1.10.0"));
        assert_eq!(newest_of(&tags, Some("1.10.0")), None);
        assert_eq!(newest_of(&tags, Some("1.9.0")), Some("1.10.0"));
        assert_eq!(newest_of(&tags, Some("2.0.0-beta")), Some("2.0.0-rc.1"));
        assert_eq!(newest_of(&tags[2..3], None), None);
    }

    #[test]
    fn what_is_neither_a_component_nor_a_table_is_refused() {
        for bytes in [b"".as_slice(), b"\0asm\x01\0\0\0", b"id = 1", b"\xff\xfe"] {
            let Err(Error::SourceRefused { source_word, .. }) = Fetched::new(bytes.to_vec(), "src") else {
                panic!("{bytes:?} is taken");
            };
            assert_eq!(source_word, "src");
        }
        let table = "id = \"own\"\nversion = \"1.0.0\"\nbase = \"table\"\n";
        let fetched = Fetched::new(table.as_bytes().to_vec(), "src").unwrap();
        assert_eq!((fetched.file_name().as_str(), fetched.version.as_str()), ("own.toml", "1.0.0"));
    }
}
