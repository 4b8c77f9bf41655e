//! The grants of the administrator: one file for each plugin, in `grants` below the configuration
//! directory.
//!
//! The digest decides whether a plugin file is the one that was granted. The rights
//! are recorded beside it so that a later file can be compared with them.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::rights::{Rights, RightsDifference};
use crate::error::Error;
use crate::owner::check_owner;

/// The format that this program writes. Files without a number have a digest only.
const FORMAT: u32 = 1;

const HEAD: &str = "\
# Written by `modsmith plugin grant`. The digest is that of the plugin's file, and of
# its base's for a table. The rights are those that were shown and granted; a later
# file is compared with them. A change of them here grants nothing.
";

/// A grant file: `grants/ID.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// A program that does not know the number does not take the file for a grant.
    #[serde(default)]
    format: u32,
    /// Of the plugin's files, which hold its manifest as well.
    pub digest: String,
    /// The file that was granted, where it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The plugin's version then; for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, rename = "right")]
    rights: Rights,
}

/// The part that all formats have.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: u32,
}

impl Record {
    pub fn new(digest: &str, file: &Path, version: &str, rights: Rights) -> Self {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
        Self {
            format: FORMAT,
            digest: digest.to_owned(),
            file: Some(file.to_string_lossy().into_owned()),
            version: Some(version.to_owned()),
            rights,
        }
    }

    /// The record of a plugin; `None` if it has none.
    ///
    /// # Errors
    /// The sentence says why the file counts for nothing: it cannot be read, others
    /// can write it, or it is no grant that this program knows.
    pub fn read(config: &Path, id: &str) -> Result<Option<Self>, String> {
        let file = record_file(config, id);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("{} cannot be read ({e})", file.display())),
        };
        check_owner(&file)?;
        let no_grant = |_| format!("{} is not a grant", file.display());
        let Head { format } = toml::from_str(&text).map_err(no_grant)?;
        if format > FORMAT {
            return Err(format!("{} was written by a newer modsmith (format {format})", file.display()));
        }
        toml::from_str(&text).map(Some).map_err(no_grant)
    }

    /// Writes the record of a plugin, in place of an earlier one; returns its file.
    ///
    /// # Errors
    /// `Io`: the directory or the file cannot be written.
    pub fn write(&self, config: &Path, id: &str) -> Result<PathBuf, Error> {
        use std::os::unix::fs::PermissionsExt;
        let file = record_file(config, id);
        let dir = config.join("grants");
        std::fs::create_dir_all(&dir).map_err(|e| Error::io("create", &dir, e))?;
        let written = || {
            let text = toml::to_string(self).map_err(std::io::Error::other)?;
            let mut temporary = tempfile::NamedTempFile::new_in(&dir)?;
            temporary.write_all(format!("{HEAD}{text}").as_bytes())?;
            temporary.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
            temporary.as_file().sync_all()?;
            temporary.persist(&file).map_err(|e| e.error)
        };
        written().map_err(|e| Error::io("write", &file, e))?;
        Ok(file)
    }

    /// Whether a file of this path was granted, also if it has changed since. Older records do not
    /// say.
    pub fn is_for(&self, file: &Path) -> bool {
        self.file.as_deref().is_some_and(|granted| Path::new(granted) == file)
    }

    /// The difference between the rights that a plugin asks for now and the granted ones. `None`:
    /// older records do not say what was granted.
    pub fn difference(&self, now: &Rights) -> Option<RightsDifference> {
        (self.format > 0).then(|| RightsDifference::between(&self.rights, now))
    }
}

/// How a plugin's file is related to what the administrator granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Standing {
    /// It comes from a directory whose plugins need no grant.
    NotNeeded,
    Granted,
    NotGranted {
        /// Another file of this id, which is the granted one.
        #[serde(skip_serializing_if = "Option::is_none")]
        instead: Option<PathBuf>,
    },
    /// It was granted, with another content.
    Changed {
        /// `None`: the grant does not say which rights it was for.
        difference: Option<RightsDifference>,
    },
    /// The grant cannot be read.
    Unreadable {
        reason: String,
    },
}

impl Standing {
    /// Of a plugin that needs a grant and has no other file.
    pub fn of(record: &Result<Option<Record>, String>, digest: &str, rights: &Rights) -> Self {
        match record {
            Err(reason) => Self::Unreadable { reason: reason.clone() },
            Ok(None) => Self::NotGranted { instead: None },
            Ok(Some(record)) if record.digest == digest => Self::Granted,
            Ok(Some(record)) => Self::Changed { difference: record.difference(rights) },
        }
    }

    /// Whether the plugin may be used.
    pub fn admits(&self) -> bool {
        matches!(self, Self::NotNeeded | Self::Granted)
    }

    /// Whether the administrator granted the plugin, so that actions stop without it.
    /// A grant that cannot be read is taken for one.
    pub fn was_granted(&self) -> bool {
        !matches!(self, Self::NotGranted { .. })
    }

    /// In few words, for lists.
    pub fn words(&self) -> &'static str {
        match self {
            Self::NotNeeded => "needs no grant",
            Self::Granted => "granted",
            Self::NotGranted { .. } => "not granted",
            Self::Changed { .. } => "changed since it was granted",
            Self::Unreadable { .. } => "its grant cannot be used",
        }
    }

    /// Why the plugin may not be used, as the end of a sentence; empty if it may.
    pub fn refusal(&self) -> String {
        match self {
            Self::NotNeeded | Self::Granted => String::new(),
            Self::NotGranted { instead: None } => {
                "it is not from the system's packages and has not been granted".to_owned()
            }
            Self::NotGranted { instead: Some(file) } => {
                format!("it has not been granted, the grant is for {}", file.display())
            }
            Self::Changed { difference: Some(difference) } => {
                format!("it has changed since it was granted and {}", difference.sentence())
            }
            Self::Changed { difference: None } => {
                "it is not what was granted (an older grant, which says neither which file nor which rights it was for)"
                    .to_owned()
            }
            Self::Unreadable { reason } => reason.clone(),
        }
    }
}

/// Whether a plugin has a grant file, readable or not.
pub fn exists(config: &Path, id: &str) -> bool {
    record_file(config, id).exists()
}

/// Takes a grant back; returns the file that recorded it.
///
/// # Errors
/// `NoGrant`: there is none. `Io`: the file cannot be removed.
pub fn revoke(config: &Path, id: &str) -> Result<PathBuf, Error> {
    let file = record_file(config, id);
    match std::fs::remove_file(&file) {
        Ok(()) => Ok(file),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(Error::NoGrant { plugin: id.to_owned(), file }),
        Err(e) => Err(Error::io("remove", &file, e)),
    }
}

fn record_file(config: &Path, id: &str) -> PathBuf {
    config.join("grants").join(format!("{id}.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    fn rights(text: &str) -> Rights {
        let head = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n";
        Rights::of(&Manifest::parse(&format!("{head}{text}")).unwrap())
    }

    const ALL: &str = "[read]\nroots = [\"etc\"]\n[write]\nroots = [\"boot\"]\nlink-targets = [\"/x\"]\n\
        settings = [\"s\"]\n[sign]\nkeys = [\"tree/k\"]\nsettings = [\"s\"]\n\
        [[run]]\nprogram = \"tool\"\narguments = [\"-x\", \"*\"]\npaths = [\"usr/lib/tool\"]\nsetting = \"s\"\n\
        environment = [\"A\"]\npass = [\"B\"]\nor_here = true\n[[run]]\nprogram = \"other\"\n\
        [[probe]]\nname = \"p\"\nprogram = \"tool\"\narguments = [\"\\n\\\"\"]\n\
        [settings]\ns = { type = \"string\", default = \"\", environment = \"PIN\" }\n";

    fn standing(config: &Path, digest: &str, now: &str) -> Standing {
        Standing::of(&Record::read(config, "x"), digest, &rights(now))
    }

    fn grant(config: &Path, digest: &str, text: &str) -> PathBuf {
        Record::new(digest, Path::new("/p/x.wasm"), "1.0.0", rights(text)).write(config, "x").unwrap()
    }

    #[test]
    fn every_kind_of_right_is_read_as_it_was_written() {
        let config = tempfile::tempdir().unwrap();
        let file = grant(config.path(), "sha256:1", ALL);
        let record = Record::read(config.path(), "x").unwrap().unwrap();
        assert_eq!(record, Record::new("sha256:1", Path::new("/p/x.wasm"), "1.0.0", rights(ALL)));
        assert!(record.is_for(Path::new("/p/x.wasm")) && !record.is_for(Path::new("/p/x.toml")));
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.starts_with("# Written by") && text.contains("\nformat = 1\n"), "{text}");
        assert!(text.contains("[[right]]\nreads = \"etc\"\n"), "{text}");
    }

    #[test]
    fn a_grant_is_for_its_digest_until_it_is_revoked() {
        let config = tempfile::tempdir().unwrap();
        assert_eq!(standing(config.path(), "sha256:1", ""), Standing::NotGranted { instead: None });
        grant(config.path(), "sha256:1", "");
        assert_eq!(standing(config.path(), "sha256:1", ""), Standing::Granted);
        let refusal = |now: &str| standing(config.path(), "sha256:2", now).refusal();
        assert_eq!(refusal(""), "it has changed since it was granted and asks for the same");
        let more = "it has changed since it was granted and asks for more: reads etc";
        assert_eq!(refusal("[read]\nroots = [\"etc\"]\n"), more);
        revoke(config.path(), "x").unwrap();
        assert_eq!(standing(config.path(), "sha256:1", ""), Standing::NotGranted { instead: None });
        assert_eq!(revoke(config.path(), "x").unwrap_err().kind(), crate::error::Kind::Usage);
    }

    #[test]
    fn a_file_with_a_digest_alone_is_a_grant_of_unknown_rights() {
        let config = tempfile::tempdir().unwrap();
        std::fs::create_dir(config.path().join("grants")).unwrap();
        std::fs::write(config.path().join("grants/x.toml"), "digest = \"sha256:1\"\n").unwrap();
        assert_eq!(standing(config.path(), "sha256:1", ALL), Standing::Granted);
        let changed = standing(config.path(), "sha256:2", ALL);
        assert_eq!(changed, Standing::Changed { difference: None });
        assert!(changed.refusal().contains("neither which file nor which rights"));
    }

    #[test]
    fn a_file_of_a_later_format_or_with_other_keys_is_no_grant() {
        let config = tempfile::tempdir().unwrap();
        std::fs::create_dir(config.path().join("grants")).unwrap();
        for (text, why) in [
            ("format = 2\ndigest = \"sha256:1\"\nsignature = \"x\"\n", "newer modsmith (format 2)"),
            ("format = 1\ndigest = \"sha256:1\"\nuntil = \"x\"\n", "is not a grant"),
            ("format = 1\ndigest = \"sha256:1\"\n[[right]]\nflies = \"x\"\n", "is not a grant"),
            ("", "is not a grant"),
        ] {
            std::fs::write(config.path().join("grants/x.toml"), text).unwrap();
            let standing = standing(config.path(), "sha256:1", "");
            assert!(standing.refusal().contains(why), "{text}: {standing:?}");
            assert!(!standing.admits() && standing.was_granted());
        }
    }

    #[test]
    fn a_grant_that_others_can_write_counts_for_nothing() {
        use std::os::unix::fs::PermissionsExt;
        let config = tempfile::tempdir().unwrap();
        let file = grant(config.path(), "sha256:1", "");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(!standing(config.path(), "sha256:1", "").admits());
    }
}
