//! What the administrator says about places that plugins come from: registries.toml of
//! the configuration directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use modsmith_facts::{inside, resolve_in_root};
use modsmith_registry::{Host, PublicKey, SCHEME, Settings, normal_host};
use serde::Deserialize;

use crate::error::Error;
use crate::files;

/// Below the configuration directory.
pub const FILE: &str = "registries.toml";

/// Registries and the keys of those who sign.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    hosts: BTreeMap<String, Host>,
    /// By the beginning of a reference or address, without `oci://`.
    keys: BTreeMap<String, Vec<PublicKey>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    registry: BTreeMap<String, WrittenRegistry>,
    source: BTreeMap<String, WrittenSource>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenRegistry {
    plain_http: bool,
    certificates: Vec<PathBuf>,
    auth_file: Option<PathBuf>,
    /// In seconds.
    helper_timeout: Option<std::num::NonZeroU16>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSource {
    keys: Vec<PathBuf>,
}

/// The keys of each table, for the nearest one to a mistake.
const TABLES: [(&str, &[&str]); 2] =
    [("registry", &["plain-http", "certificates", "auth-file", "helper-timeout"]), ("source", &["keys"])];

impl Sources {
    /// Reads registries.toml of a configuration directory; nothing is set where there is
    /// none. Paths are those of the system below `root`; relative ones begin at the
    /// configuration directory.
    ///
    /// # Errors
    /// `SourcesUnreadable`: the file, or a file that it names, is not in order. Others
    /// may write to it.
    pub fn read(config: &Path, root: &Path) -> Result<Self, Error> {
        Self::read_file(&config.join(FILE), root)
    }

    /// Reads a file of any name. Relative paths begin at its directory.
    ///
    /// # Errors
    /// As [`Sources::read`].
    pub fn read_file(file: &Path, root: &Path) -> Result<Self, Error> {
        let wrong = |reason: String| Error::SourcesUnreadable { file: file.to_path_buf(), reason };
        let Some(text) = files::trusted_text(file).map_err(wrong)? else { return Ok(Self::default()) };
        check_keys(&text).map_err(wrong)?;
        let written: Written = toml::from_str(&text).map_err(|e| wrong(e.message().replace('\n', " ")))?;
        let directory = file.parent().unwrap_or(Path::new("/"));
        let named = |path: &Path| {
            let resolved = match path.is_absolute() {
                true => resolve_in_root(root, path),
                false => Ok(inside::real(&directory.join(path))),
            };
            // The registry's client opens it by its name.
            let regular = resolved.and_then(|file| files::check_regular(&file).map(|()| file));
            regular.map_err(|e| wrong(format!("{}: {e}", path.display())))
        };
        let mut out = Self::default();
        for (host, registry) in written.registry {
            check_spelling(&host).map_err(wrong)?;
            let certificates = registry.certificates.iter().map(|path| named(path)).collect::<Result<_, _>>()?;
            let auth_file = registry.auth_file.as_deref().map(named).transpose()?;
            let helper_patience = registry.helper_timeout.map(|seconds| Duration::from_secs(seconds.get().into()));
            out.hosts.insert(host, Host { plain_http: registry.plain_http, certificates, auth_file, helper_patience });
        }
        for (source, WrittenSource { keys }) in written.source {
            let prefix = source.strip_prefix(SCHEME).unwrap_or(&source).trim_end_matches('/').to_owned();
            check_spelling(&prefix).map_err(wrong)?;
            if keys.is_empty() {
                return Err(wrong(format!(
                    "`source.\"{source}\"` names no key; leave it out if no signature is wanted"
                )));
            }
            let read = |path: &PathBuf| {
                let path = named(path)?;
                let text =
                    files::trusted_text(&path).and_then(|text| text.ok_or_else(|| "there is no such file".into()));
                let pem = text.map_err(|e: String| wrong(format!("{}: {e}", path.display())))?;
                PublicKey::from_pem(pem.as_bytes())
                    .map_err(|e| wrong(format!("{}: {e}", path.display()).trim_end_matches('.').to_owned()))
            };
            out.keys.insert(prefix, keys.iter().map(read).collect::<Result<_, _>>()?);
        }
        Ok(out)
    }

    /// How registries are spoken to.
    pub fn settings(&self, variable: impl Fn(&str) -> Option<String>) -> Settings {
        Settings { hosts: self.hosts.clone(), ..Settings::of_system(variable) }
    }

    /// The places that registries.toml names, without `oci://`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The keys one of which has to have signed what comes from here: those of the
    /// longest beginning that is named. Empty: no signature is asked for.
    pub fn keys(&self, source: &str) -> &[PublicKey] {
        let source = source.strip_prefix(SCHEME).unwrap_or(source);
        let is_below = |prefix: &str| {
            source.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '@']))
        };
        let longest = self.keys.iter().filter(|(prefix, _)| is_below(prefix)).max_by_key(|(prefix, _)| prefix.len());
        longest.map_or(&[], |(_, keys)| keys.as_slice())
    }
}

/// The host of a source is compared with those of references and addresses, which have one spelling.
fn check_spelling(source: &str) -> Result<(), String> {
    let rest = source.split_once("://").map_or(source, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    match normal_host(host) {
        Some(normal) if normal != host => Err(format!("`{source}`: write its host as `{normal}`")),
        _ => Ok(()),
    }
}

/// A key that there is not, with the nearest that there is.
fn check_keys(text: &str) -> Result<(), String> {
    let table: toml::Table = toml::from_str(text).map_err(|e| e.message().replace('\n', " "))?;
    for (name, value) in &table {
        let names = TABLES.map(|(name, _)| name);
        let Some((_, keys)) = TABLES.iter().find(|(known, _)| known == name) else {
            return Err(unknown(name, name, &names));
        };
        for (host, entry) in value.as_table().into_iter().flatten() {
            for key in entry.as_table().into_iter().flatten().map(|(key, _)| key) {
                if !keys.contains(&key.as_str()) {
                    return Err(unknown(&format!("{name}.\"{host}\".{key}"), key, keys));
                }
            }
        }
    }
    Ok(())
}

fn unknown(path: &str, key: &str, known: &[&str]) -> String {
    let near = known.iter().min_by_key(|known| strsim::damerau_levenshtein(key, known));
    format!("there is no key `{path}`; the nearest one is `{}`", near.copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = include_str!("testdata/key.pub");

    fn read(text: &str) -> (tempfile::TempDir, Result<Sources, Error>) {
        let config = tempfile::tempdir().unwrap();
        std::fs::write(config.path().join("a.pub"), KEY).unwrap();
        std::fs::write(config.path().join(FILE), text).unwrap();
        let read = Sources::read(config.path(), Path::new("/"));
        (config, read)
    }

    #[test]
    fn the_longest_beginning_decides_which_keys_count() {
        let text = "[source.\"h.example\"]\nkeys = [\"a.pub\"]\n[source.\"oci://h.example/team/\"]\nkeys = [\"a.pub\", \"a.pub\"]\n\
            [source.\"https://w.example/plugins\"]\nkeys = [\"a.pub\"]\n";
        let (_config, sources) = read(text);
        let sources = sources.unwrap();
        let count = |source: &str| sources.keys(source).len();
        assert_eq!(
            (count("oci://h.example/team/x:1"), count("h.example/team@sha256:0"), count("h.example/teams/x")),
            (2, 2, 1)
        );
        assert_eq!((count("https://w.example/plugins/x.wasm"), count("https://w.example/plugins2/x.wasm")), (1, 0));
        assert_eq!((count("h.example.evil/team/x"), count("other.example/h.example/x")), (0, 0));
    }

    #[test]
    fn registries_are_as_they_are_written() {
        let (config, sources) = read(
            "[registry.\"h.example:5000\"]\nplain-http = true\ncertificates = [\"a.pub\"]\nauth-file = \"auth.json\"\n\
             helper-timeout = 5\n",
        );
        let settings = sources.unwrap().settings(|_| None);
        let host = settings.host("h.example:5000");
        assert!(host.plain_http);
        assert_eq!(host.certificates, [config.path().join("a.pub")]);
        assert_eq!(host.auth_file, Some(config.path().join("auth.json")));
        assert_eq!(settings.helper_patience_of("h.example:5000"), Duration::from_secs(5));
        assert_eq!(settings.helper_patience_of("h.example"), Duration::from_secs(30));
    }

    #[test]
    fn a_mistake_is_an_error_that_names_the_nearest_key() {
        for (text, why) in [
            ("[registry.\"h\"]\nplain-htp = true\n", "`registry.\"h\".plain-htp`; the nearest one is `plain-http`"),
            ("[sources.\"h\"]\n", "`sources`; the nearest one is `source`"),
            ("[source.\"h\"]\nkey = []\n", "`source.\"h\".key`; the nearest one is `keys`"),
            ("[source.\"h\"]\nkeys = []\n", "names no key"),
            ("[source.\"h\"]\nkeys = [\"none.pub\"]\n", "none.pub"),
            ("[source.\"h\"]\nkeys = [\"registries.toml\"]\n", "PEM"),
            ("[registry.\"h\"]\nplain-http = 1\n", "invalid type"),
            ("[registry.\"h\"]\nhelper-timeout = 0\n", "nonzero"),
            ("[source.\"localhost:05401/team\"]\nkeys = [\"a.pub\"]\n", "write its host as `localhost:5401`"),
            ("[source.\"https://H.example/x\"]\nkeys = [\"a.pub\"]\n", "write its host as `h.example`"),
            ("[registry.\"h.example:443\"]\nplain-http = true\n", "write its host as `h.example`"),
            ("[registry", "registries.toml"),
        ] {
            let (_config, sources) = read(text);
            let error = sources.unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(Sources::read(Path::new("/nosuch"), Path::new("/")).unwrap().keys("x").is_empty());
    }

    #[test]
    fn what_is_no_regular_file_is_reported_and_not_waited_for() {
        for (kind, words) in files::tests::INSTEAD {
            let (config, _) = read("");
            files::tests::put(kind, &config.path().join(FILE));
            let error = Sources::read(config.path(), Path::new("/")).unwrap_err().to_string();
            assert!(error.contains("registries.toml") && error.contains(words), "{kind}: {error}");
        }
        let (config, _) = read("");
        files::tests::put("pipe", &config.path().join("pipe"));
        for text in [
            "[source.\"h\"]\nkeys = [\"pipe\"]\n",
            "[registry.\"h\"]\nauth-file = \"pipe\"\n",
            "[registry.\"h\"]\ncertificates = [\"pipe\"]\n",
        ] {
            std::fs::write(config.path().join(FILE), text).unwrap();
            let error = Sources::read(config.path(), Path::new("/")).unwrap_err().to_string();
            assert!(error.contains("pipe: it is a named pipe"), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_that_others_can_write_decides_nothing() {
        use std::os::unix::fs::PermissionsExt;
        let (config, _) = read("");
        std::fs::set_permissions(config.path().join(FILE), std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(Sources::read(config.path(), Path::new("/")).unwrap_err().to_string().contains("writable by others"));
    }
}
