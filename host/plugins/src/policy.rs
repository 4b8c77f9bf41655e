//! What this machine's administrator allows plugins: denials for all of them,
//! and digests that were granted to plugins from outside the system's packages.
//!
//! Both live below the configuration directory, `/etc/modsmith`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::pattern::PathPattern;
use super::search::{FoundIn, check_owner};
use crate::error::Error;
use modsmith_facts::Location;

/// What no plugin may do, from `policy.d/*.toml`.
#[derive(Debug, Clone, Default)]
pub struct Denials(Vec<(String, Deny)>);

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(default)]
    deny: Deny,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deny {
    #[serde(default)]
    plugins: Vec<String>,
    #[serde(default)]
    programs: Vec<String>,
    #[serde(default)]
    roots: Vec<PathPattern>,
}

impl Denials {
    /// Reads all policy files. A file that cannot be read is an error, not an
    /// empty policy: otherwise a typing error would lift a denial.
    pub fn read(config: &Path) -> Result<Self, String> {
        let dir = config.join("policy.d");
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(format!("{} cannot be read: {e}", dir.display())),
        };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| file.extension().is_some_and(|e| e == "toml"));
        files.sort();
        let mut out = Self::default();
        for file in files {
            let text = std::fs::read_to_string(&file).map_err(|e| format!("{} cannot be read: {e}", file.display()))?;
            out.0.extend(Self::parse(&file.display().to_string(), &text)?.0);
        }
        Ok(out)
    }

    pub(super) fn parse(file: &str, text: &str) -> Result<Self, String> {
        let policy: PolicyFile =
            toml::from_str(text).map_err(|e| format!("{file} cannot be read: {}", e.message().replace('\n', " ")))?;
        Ok(Self(vec![(file.to_owned(), policy.deny)]))
    }

    /// The file that denies the plugin altogether.
    pub fn denies_plugin(&self, id: &str) -> Option<&str> {
        self.first(|deny| deny.plugins.iter().any(|name| name == id))
    }

    /// The file that denies a program.
    pub fn denies_program(&self, program: &str) -> Option<&str> {
        self.first(|deny| deny.programs.iter().any(|name| name == program))
    }

    /// The file that denies a place.
    pub fn denies_path(&self, location: &Location) -> Option<&str> {
        self.first(|deny| deny.roots.iter().any(|pattern| pattern.covers(location)))
    }

    /// All denied places, each with the file that denies it.
    pub fn roots(&self) -> impl Iterator<Item = (&str, &PathPattern)> {
        self.0.iter().flat_map(|(file, deny)| deny.roots.iter().map(|pattern| (file.as_str(), pattern)))
    }

    /// All denials, each with its file, for a reader.
    pub fn describe(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (file, deny) in &self.0 {
            let roots: Vec<String> = deny.roots.iter().map(ToString::to_string).collect();
            for (what, names) in [("programs", &deny.programs), ("roots", &roots)] {
                if !names.is_empty() {
                    out.push(format!("{what} {} ({file})", names.join(", ")));
                }
            }
        }
        out
    }

    fn first(&self, denies: impl Fn(&Deny) -> bool) -> Option<&str> {
        self.0.iter().find(|(_, deny)| denies(deny)).map(|(file, _)| file.as_str())
    }
}

/// A granted plugin: `grants/ID.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    /// Of the plugin's files, which hold its manifest as well: a plugin that
    /// asks for more is another plugin.
    digest: String,
}

/// Whether a plugin from this place may be used at all. Those of the system's
/// packages, and those that only the invoking user's own files are at stake for,
/// need no grant; others need the administrator's, for these very files.
pub fn admits(
    config: &Path,
    found_in: FoundIn,
    id: &str,
    digest: impl FnOnce() -> std::io::Result<String>,
) -> Result<(), String> {
    if !found_in.needs_grant() {
        return Ok(());
    }
    let file = pin_file(config, id);
    let refused = |why: &str| {
        Err(format!(
            "{why}: run `modsmith plugin inspect {id}` to see what it asks for, then `modsmith plugin grant {id}`"
        ))
    };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return refused("it is not from the system's packages and has not been granted");
        }
        Err(e) => return refused(&format!("{} cannot be read ({e})", file.display())),
    };
    if let Err(why) = check_owner(&file) {
        return refused(&why);
    }
    let Ok(pin) = toml::from_str::<Pin>(&text) else {
        return refused(&format!("{} is not a grant", file.display()));
    };
    match digest() {
        Ok(digest) if digest == pin.digest => Ok(()),
        Ok(_) => refused("it has changed since it was granted"),
        Err(e) => refused(&format!("its digest cannot be computed ({e})")),
    }
}

/// Whether a plugin from this place counts for this machine, whatever has become
/// of its file since.
pub fn is_wanted(config: &Path, found_in: FoundIn, id: &str) -> bool {
    !found_in.needs_grant() || pin_file(config, id).exists()
}

/// Records that a plugin with this digest may be used; returns the file.
pub fn grant(config: &Path, id: &str, digest: &str) -> Result<PathBuf, Error> {
    use std::os::unix::fs::PermissionsExt;
    let file = pin_file(config, id);
    let dir = config.join("grants");
    std::fs::create_dir_all(&dir).map_err(|e| Error::io("create", &dir, e))?;
    let text = toml::to_string(&Pin { digest: digest.to_owned() }).expect("a table of one string is TOML");
    let written = || {
        let mut temporary = tempfile::NamedTempFile::new_in(&dir)?;
        std::io::Write::write_all(&mut temporary, text.as_bytes())?;
        temporary.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        temporary.as_file().sync_all()?;
        temporary.persist(&file).map_err(|e| e.error)
    };
    written().map_err(|e| Error::io("write", &file, e))?;
    Ok(file)
}

/// Takes a grant back. One that does not exist is an error that says so.
pub fn revoke(config: &Path, id: &str) -> Result<PathBuf, Error> {
    let file = pin_file(config, id);
    match std::fs::remove_file(&file) {
        Ok(()) => Ok(file),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(Error::NoGrant { plugin: id.to_owned(), file }),
        Err(e) => Err(Error::io("remove", &file, e)),
    }
}

fn pin_file(config: &Path, id: &str) -> PathBuf {
    config.join("grants").join(format!("{id}.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(config: &Path, digest: &str) -> Result<(), String> {
        admits(config, FoundIn::Local, "x", || Ok(digest.to_owned()))
    }

    #[test]
    fn an_ungranted_plugin_is_refused_with_the_command_that_grants_it() {
        let config = tempfile::tempdir().unwrap();
        assert!(admit(config.path(), "sha256:1").unwrap_err().contains("modsmith plugin grant x"));
    }

    #[test]
    fn a_grant_holds_for_its_digest_until_it_is_revoked() {
        let config = tempfile::tempdir().unwrap();
        grant(config.path(), "x", "sha256:1").unwrap();
        assert_eq!(admit(config.path(), "sha256:1"), Ok(()));
        assert!(admit(config.path(), "sha256:2").unwrap_err().contains("changed since it was granted"));
        revoke(config.path(), "x").unwrap();
        assert!(admit(config.path(), "sha256:1").is_err());
        assert_eq!(revoke(config.path(), "x").unwrap_err().kind(), crate::error::Kind::Usage);
    }

    #[test]
    fn a_grant_that_others_can_write_counts_for_nothing() {
        use std::os::unix::fs::PermissionsExt;
        let config = tempfile::tempdir().unwrap();
        let file = grant(config.path(), "x", "sha256:1").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(admit(config.path(), "sha256:1").is_err());
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_an_error() {
        let config = tempfile::tempdir().unwrap();
        std::fs::create_dir(config.path().join("policy.d")).unwrap();
        std::fs::write(config.path().join("policy.d/a.toml"), "[deny]\nplugin = [\"x\"]\n").unwrap();
        assert!(Denials::read(config.path()).unwrap_err().contains("a.toml"));
    }
}
