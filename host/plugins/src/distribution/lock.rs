//! The sources of installed plugins: `plugins.lock`, beside the plugins.
//!
//! The file decides nothing about rights. It says what `update` asks and what was
//! installed, so that a file that has changed since is noticed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use modsmith_facts::inside;
use modsmith_registry::Digest;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;

/// Beside the installed plugins.
pub const FILE: &str = "plugins.lock";
/// The format that this program writes.
const FORMAT: u32 = 1;

const HEAD: &str = "\
# Written by `modsmith plugin install`, `update` and `remove`: where plugins of this
# directory came from, and what they were. It grants nothing.
";

/// The lock file of one directory of plugins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    format: u32,
    #[serde(default, rename = "plugin")]
    plugins: BTreeMap<String, Locked>,
}

/// The source of an installed plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// The name of its file, beside the lock file.
    pub file: String,
    pub version: String,
    /// A reference with `oci://`, an address, or a path.
    pub source: String,
    /// `sha256:…` of the file.
    pub digest: String,
    /// The digest of the artefact's manifest, if the plugin came from a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// `sha256:…` of the public key that has signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The digest of the file that is being replaced: it is there from before the
    /// file is replaced until after that, so that a killed program leaves a state
    /// that is understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

impl Locked {
    /// Whether a file is what was installed, or what was to be replaced by it.
    pub fn is_of(&self, digest: &str) -> bool {
        self.digest == digest || self.replaces.as_deref() == Some(digest)
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self { format: FORMAT, plugins: BTreeMap::new() }
    }
}

impl Lock {
    /// Reads the lock file of a directory; an empty one where there is none.
    ///
    /// # Errors
    /// `LockUnreadable`: it is not in order, of a newer program, or others may write it.
    pub fn read(directory: &Path) -> Result<Self, Error> {
        let file = directory.join(FILE);
        let wrong = |reason: String| Error::LockUnreadable { file: file.clone(), reason };
        let Some(text) = files::trusted_text(&file).map_err(wrong)? else { return Ok(Self::default()) };
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let syntax = |e: toml::de::Error| wrong(e.message().replace('\n', " "));
        let Head { format } = toml::from_str(&text).map_err(syntax)?;
        if format != FORMAT {
            return Err(wrong(format!("it has the format {format}, which is not known")));
        }
        let lock: Self = toml::from_str(&text).map_err(syntax)?;
        let strange = |(id, locked): &(&String, &Locked)| {
            let names = [format!("{id}.wasm"), format!("{id}.toml")];
            !names.contains(&locked.file) || crate::manifest::check_identity(id, &locked.version).is_err()
        };
        match lock.plugins.iter().find(strange) {
            Some((id, _)) => Err(wrong(format!("its entry `{id}` is not one of a plugin"))),
            None => Ok(lock),
        }
    }

    /// Writes it in one step.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&self, directory: &Path) -> Result<(), Error> {
        let file = directory.join(FILE);
        let text = || toml::to_string(self).map_err(std::io::Error::other);
        let written = text().and_then(|text| replace(&file, |out| out.write_all(format!("{HEAD}{text}").as_bytes())));
        written.map_err(|e| Error::io("write", &file, e))
    }

    pub fn get(&self, id: &str) -> Option<&Locked> {
        self.plugins.get(id)
    }

    pub fn set(&mut self, id: &str, locked: Locked) {
        self.plugins.insert(id.to_owned(), locked);
    }

    pub fn remove(&mut self, id: &str) {
        self.plugins.remove(id);
    }

    /// By id.
    pub fn plugins(&self) -> impl Iterator<Item = (&str, &Locked)> {
        self.plugins.iter().map(|(id, locked)| (id.as_str(), locked))
    }
}

/// The source of a plugin, for its line in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provenance {
    pub source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Whether the file is no longer what was installed.
    pub changed: bool,
}

impl Provenance {
    /// The entry of a file, if the lock file beside it has one.
    pub fn of(file: &Path, id: &str) -> Option<Self> {
        let lock = Lock::read(file.parent()?).ok()?;
        let locked = lock.get(id).filter(|locked| file.file_name().is_some_and(|name| name == locked.file.as_str()))?;
        let digest = Digest::of(&inside::read_file(file).ok()?);
        let (source, signer) = (locked.source.clone(), locked.signer.clone());
        Some(Self { source, signer, changed: !locked.is_of(digest.as_str()) })
    }
}

/// Writes a file under another name and gives it its own when it is complete: a reader sees the old
/// file or the new one. All users may read it.
pub(super) fn replace(
    file: &Path,
    fill: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let directory = file.parent().map_or_else(|| PathBuf::from("/"), Path::to_path_buf);
    let mut temporary = tempfile::Builder::new().prefix(TEMPORARY).suffix(".tmp").tempfile_in(&directory)?;
    fill(temporary.as_file_mut())?;
    temporary.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map_err(|e| e.error)?;
    std::fs::File::open(&directory)?.sync_all()
}

/// How the names of files begin that a killed program leaves behind.
pub(super) const TEMPORARY: &str = ".modsmith-";

#[cfg(test)]
mod tests {
    use super::*;

    fn locked() -> Locked {
        Locked {
            file: "x.wasm".into(),
            version: "1.0.0".into(),
            source: "oci://h.example/x:1.0.0".into(),
            digest: "sha256:1".into(),
            manifest: Some("sha256:2".into()),
            signer: None,
            replaces: None,
        }
    }

    #[test]
    fn a_lock_file_is_read_as_it_was_written_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Lock::read(directory.path()).unwrap(), Lock::default());
        let mut lock = Lock::default();
        lock.set("x", locked());
        lock.write(directory.path()).unwrap();
        lock.write(directory.path()).unwrap();
        assert_eq!(Lock::read(directory.path()).unwrap(), lock);
        let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [FILE]);
        lock.remove("x");
        assert_eq!(lock, Lock::default());
    }

    #[test]
    fn a_file_that_has_changed_since_keeps_its_source() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x.wasm");
        std::fs::write(&file, "abc").unwrap();
        assert_eq!(Provenance::of(&file, "x"), None);
        let mut lock = Lock::default();
        lock.set("x", Locked { digest: Digest::of(b"abc").to_string(), ..locked() });
        lock.write(directory.path()).unwrap();
        let source = "oci://h.example/x:1.0.0".to_owned();
        assert_eq!(Provenance::of(&file, "x"), Some(Provenance { source, signer: None, changed: false }));
        std::fs::write(&file, "abd").unwrap();
        assert!(Provenance::of(&file, "x").unwrap().changed);
        assert_eq!(Provenance::of(&directory.path().join("x.toml"), "x"), None);
    }

    #[test]
    fn a_file_is_known_while_it_is_replaced() {
        let before = Locked { replaces: Some("sha256:0".into()), ..locked() };
        assert!(before.is_of("sha256:0") && before.is_of("sha256:1") && !locked().is_of("sha256:0"));
    }

    #[test]
    fn a_lock_file_that_names_other_files_or_is_of_another_format_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE);
        let mut lock = Lock::default();
        lock.set("x", locked());
        lock.write(directory.path()).unwrap();
        let good = std::fs::read_to_string(&file).unwrap();
        for (from, to, why) in [
            ("x.wasm", "../../x.wasm", "`x` is not one of a plugin"),
            ("[plugin.x]", "[plugin.\"../x\"]", "is not one of a plugin"),
            ("format = 1", "format = 2", "format 2"),
            ("version", "vresion", "vresion"),
        ] {
            std::fs::write(&file, good.replace(from, to)).unwrap();
            let error = Lock::read(directory.path()).unwrap_err().to_string();
            assert!(error.contains(why), "{to}: {error}");
        }
        for (kind, words) in files::tests::INSTEAD {
            files::tests::put(kind, &file);
            let error = Lock::read(directory.path()).unwrap_err().to_string();
            assert!(error.contains(words), "{kind}: {error}");
        }
    }
}
