//! The grants of the administrator: one file for each plugin, in `grants` below the configuration
//! directory.
//!
//! The digest decides whether a plugin file is the one that was granted. The rights
//! are recorded beside it so that a later file can be compared with them.

use std::io::Read;
use std::path::{Path, PathBuf};

use modsmith_facts::inside::{self, CONFIGURATION_LIMIT};
use modsmith_facts::{TrustError, TrustedDir};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::rights::{Rights, RightsDifference};
use crate::error::Error;
use crate::manifest::bad_manifest::is_id;

/// Below the configuration directory.
const DIRECTORY: &str = "grants";

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
    /// The digest of the plugin's files, which hold its manifest as well.
    pub digest: String,
    /// The path of the file when it was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The version that was granted; for readers.
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
    /// The sentence says why the file counts for nothing: it cannot be read, others can write it or
    /// the directories that it is in, it is a link, or it is no grant that this program knows.
    pub fn read(config: &Path, id: &str) -> Result<Option<Self>, String> {
        if !is_id(id) {
            return Err(Error::BadId { word: id.to_owned() }.to_string().trim_end_matches('.').to_owned());
        }
        let file = record_file(config, id);
        let cannot = |error: TrustError| match error {
            TrustError::Untrusted(untrusted) => untrusted.clause(),
            TrustError::Io(e) => format!("{} cannot be read ({e})", file.display()),
        };
        let Some(text) = text(config, id).map_err(cannot)? else { return Ok(None) };
        let no_grant = |why: String| format!("{} is not a grant ({why})", file.display());
        let syntax = |e: toml::de::Error| no_grant(e.message().replace('\n', " "));
        let text = String::from_utf8(text).map_err(|_| no_grant("it is not UTF-8".to_owned()))?;
        let Head { format } = toml::from_str(&text).map_err(syntax)?;
        if format > FORMAT {
            return Err(format!("{} was written by a newer modsmith (format {format})", file.display()));
        }
        toml::from_str(&text).map(Some).map_err(syntax)
    }

    /// Writes the record of a plugin, in place of an earlier one; returns its file.
    ///
    /// # Errors
    /// `BadId`. `GrantsUntrusted`: others could write to the directory. `Io`: the directory or the
    /// file cannot be written.
    pub fn write(&self, config: &Path, id: &str) -> Result<PathBuf, Error> {
        use std::os::unix::fs::DirBuilderExt;
        check_id(id)?;
        let file = record_file(config, id);
        let cannot = |error: TrustError| cannot("write", &file, error);
        let text = toml::to_string(self).map_err(|e| Error::io("write", &file, std::io::Error::other(e)))?;
        let above = inside::real(config);
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&above);
        made.map_err(|e| Error::io("create", &above, e))?;
        let missing = || TrustError::Io(std::io::ErrorKind::NotFound.into());
        let above = TrustedDir::own(&above).and_then(|above| above.ok_or_else(missing)).map_err(cannot)?;
        let directory = above.make_directory(DIRECTORY, 0o755).map_err(cannot)?;
        directory.write(&format!("{id}.toml"), format!("{HEAD}{text}").as_bytes(), 0o644).map_err(cannot)?;
        Ok(file)
    }

    /// Whether a file of this path was granted, also if it has changed since. Older records do not
    /// say.
    pub(crate) fn is_for(&self, file: &Path) -> bool {
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
    /// The plugin comes from a directory whose plugins need no grant.
    NotNeeded,
    Granted,
    NotGranted {
        /// Another file of this id, which is the granted one.
        #[serde(skip_serializing_if = "Option::is_none")]
        instead: Option<PathBuf>,
    },
    /// The plugin was granted, and its content was another one.
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
    /// The standing of a plugin that needs a grant and has no other file.
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
    pub(crate) fn was_granted(&self) -> bool {
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
    is_id(id) && !matches!(Record::read(config, id), Ok(None))
}

/// Takes a grant back; returns the file that recorded it.
///
/// # Errors
/// `BadId`. `NoGrant`: there is none. `GrantsUntrusted`: others could write to the directory. `Io`:
/// the file cannot be removed.
pub fn revoke(config: &Path, id: &str) -> Result<PathBuf, Error> {
    check_id(id)?;
    let file = record_file(config, id);
    let none = || Error::NoGrant { plugin: id.to_owned(), file: file.clone() };
    let directory = directory(config).map_err(|error| cannot("remove", &file, error))?.ok_or_else(none)?;
    match directory.remove_file(&format!("{id}.toml")) {
        Ok(()) => Ok(file),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(none()),
        Err(e) => Err(Error::io("remove", &file, e)),
    }
}

/// Whether a word can be the id of a plugin: it becomes the name of a file.
///
/// # Errors
/// `BadId`.
pub(crate) fn check_id(word: &str) -> Result<(), Error> {
    if is_id(word) { Ok(()) } else { Err(Error::BadId { word: word.to_owned() }) }
}

/// For readers; the file is opened from its directory.
fn record_file(config: &Path, id: &str) -> PathBuf {
    config.join(DIRECTORY).join(format!("{id}.toml"))
}

/// The directory of grants; `None` where there is none.
fn directory(config: &Path) -> Result<Option<TrustedDir>, TrustError> {
    match TrustedDir::own(&inside::real(config))? {
        Some(above) => above.directory(DIRECTORY),
        None => Ok(None),
    }
}

/// The contents of a grant file.
fn text(config: &Path, id: &str) -> Result<Option<Vec<u8>>, TrustError> {
    let Some(directory) = directory(config)? else { return Ok(None) };
    let Some(file) = directory.open(&format!("{id}.toml"), OFlags::RDONLY, 0)? else { return Ok(None) };
    let mut text = Vec::new();
    file.take(CONFIGURATION_LIMIT + 1).read_to_end(&mut text)?;
    if text.len() as u64 > CONFIGURATION_LIMIT {
        let why = format!("it is larger than {} MiB", CONFIGURATION_LIMIT >> 20);
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, why).into());
    }
    Ok(Some(text))
}

fn cannot(doing: &'static str, file: &Path, error: TrustError) -> Error {
    match error {
        TrustError::Untrusted(untrusted) => Error::GrantsUntrusted { untrusted: Box::new(untrusted) },
        TrustError::Io(e) => Error::io(doing, file, e),
    }
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
        settings = [\"w\"]\n[sign]\nkeys = [\"tree/k\"]\nsettings = [\"w\"]\n\
        [[run]]\nprogram = \"tool\"\narguments = [\"-x\", \"*\"]\npaths = [\"usr/lib/tool\"]\nsetting = \"s\"\n\
        environment = [\"A\"]\npass = [\"B\"]\nor_here = true\n[[run]]\nprogram = \"other\"\n\
        [[probe]]\nname = \"p\"\nprogram = \"tool\"\narguments = [\"\\n\\\"\"]\n\
        [settings]\ns = { type = \"string\", default = \"\", environment = \"PIN\" }\nw = { type = \"string\", default = \"\" }\n";

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
            ("format = 1\ndigest = \"sha256:1\"\nuntil = \"x\"\n", "is not a grant (unknown field `until`"),
            (
                "format = 1\ndigest = \"sha256:1\"\n[[right]]\nflies = \"x\"\n",
                "is not a grant (unknown variant `flies`",
            ),
            ("format = 1\n", "is not a grant (missing field `digest`)"),
            ("format = 1\ndigest\n", "is not a grant (key with no value"),
        ] {
            std::fs::write(config.path().join("grants/x.toml"), text).unwrap();
            let standing = standing(config.path(), "sha256:1", "");
            assert!(standing.refusal().contains(why), "{text}: {standing:?}");
            assert!(!standing.admits() && standing.was_granted());
        }
    }

    #[test]
    fn a_grant_that_others_can_write_or_replace_counts_for_nothing() {
        use std::os::unix::fs::PermissionsExt;
        for (path, mode) in [("grants/x.toml", 0o666), ("grants", 0o777), ("", 0o770)] {
            let config = tempfile::tempdir().unwrap();
            grant(config.path(), "sha256:1", "");
            std::fs::set_permissions(config.path().join(path), PermissionsExt::from_mode(mode)).unwrap();
            let standing = standing(config.path(), "sha256:1", "");
            assert!(!standing.admits() && standing.was_granted() && exists(config.path(), "x"), "{path}");
            assert!(standing.refusal().contains("`chmod go-w "), "{path}: {standing:?}");
            if path != "grants/x.toml" {
                let error = revoke(config.path(), "x").unwrap_err();
                assert_eq!(error.id(), crate::error::Id::Grants, "{path}: {error}");
            }
        }
    }

    #[test]
    fn a_grant_that_is_no_regular_file_counts_for_nothing_and_is_not_waited_for() {
        use crate::files::tests::{INSTEAD, put};
        for (kind, _) in INSTEAD {
            let config = tempfile::tempdir().unwrap();
            let file = grant(config.path(), "sha256:1", "");
            put(kind, &file);
            let standing = standing(config.path(), "sha256:1", "");
            assert!(matches!(standing, Standing::Unreadable { .. }) && exists(config.path(), "x"), "{kind}");
        }
        // A link is none, wherever it leads, and neither is a directory behind one.
        let (config, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = grant(other.path(), "sha256:1", "");
        std::fs::create_dir(config.path().join("grants")).unwrap();
        std::os::unix::fs::symlink(&file, config.path().join("grants/x.toml")).unwrap();
        assert!(standing(config.path(), "sha256:1", "").refusal().contains("it is a symbolic link"));
        grant(config.path(), "sha256:2", "");
        assert_eq!(standing(other.path(), "sha256:1", ""), Standing::Granted, "the link was not followed");
        std::fs::remove_dir_all(config.path().join("grants")).unwrap();
        std::os::unix::fs::symlink(other.path().join("grants"), config.path().join("grants")).unwrap();
        assert!(standing(config.path(), "sha256:1", "").refusal().contains("it is a symbolic link"));
        assert!(revoke(config.path(), "x").is_err() && file.exists());
    }

    #[test]
    fn what_is_no_id_names_no_file() {
        let config = tempfile::tempdir().unwrap();
        grant(config.path(), "sha256:1", "");
        let site = config.path().join("policy.d/site.toml");
        std::fs::create_dir(site.parent().unwrap()).unwrap();
        std::fs::write(&site, "").unwrap();
        for word in ["", "../policy.d/site", "/etc/x", "x/../x", "X", ".", "x.toml", "x y", "1"] {
            let error = revoke(config.path(), word).unwrap_err();
            assert_eq!((error.kind(), error.id()), (crate::error::Kind::Usage, crate::error::Id::BadId), "{word}");
            assert!(!exists(config.path(), word) && Record::read(config.path(), word).is_err(), "{word}");
            let record = Record::new("sha256:1", Path::new("/p/x.wasm"), "1.0.0", Default::default());
            assert!(record.write(config.path(), word).is_err(), "{word}");
        }
        assert!(site.exists() && exists(config.path(), "x"));
    }
}
