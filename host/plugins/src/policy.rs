//! The rights that this machine's administrator denies to all plugins: `policy.d` below the
//! configuration directory, `/etc/modsmith`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::files;
use super::pattern::PathPattern;
use modsmith_facts::{Location, inside};

/// The rights that no plugin has, from `policy.d/*.toml`.
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
        let entries = match std::fs::read_dir(inside::real(&dir)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(format!("{} cannot be read: {e}", dir.display())),
        };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(dir.join(entry.ok()?.file_name()))).collect();
        files.retain(|file| file.extension().is_some_and(|e| e == "toml"));
        files.sort();
        let mut out = Self::default();
        for file in files {
            let cannot = |why: String| format!("{} cannot be read: {why}", file.display());
            let text = files::text(&file).map_err(|e| cannot(e.to_string()))?;
            let text = text.ok_or_else(|| cannot("it is a link to a file that is not there".to_owned()))?;
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
    pub(crate) fn denies_plugin(&self, id: &str) -> Option<&str> {
        self.first(|deny| deny.plugins.iter().any(|name| name == id))
    }

    /// The file that denies a program.
    pub(crate) fn denies_program(&self, program: &str) -> Option<&str> {
        self.first(|deny| deny.programs.iter().any(|name| name == program))
    }

    /// The file that denies a place.
    pub(crate) fn denies_path(&self, location: &Location) -> Option<&str> {
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

#[cfg(test)]
mod tests {
    use modsmith_facts::Root;

    use super::*;

    #[test]
    fn a_policy_that_cannot_be_read_is_an_error() {
        let config = tempfile::tempdir().unwrap();
        std::fs::create_dir(config.path().join("policy.d")).unwrap();
        std::fs::write(config.path().join("policy.d/a.toml"), "[deny]\nplugin = [\"x\"]\n").unwrap();
        assert!(Denials::read(config.path()).unwrap_err().contains("a.toml"));
    }

    #[test]
    fn a_policy_that_is_no_regular_file_is_reported_and_not_waited_for() {
        let config = tempfile::tempdir().unwrap();
        let file = config.path().join("policy.d/a.toml");
        for (kind, words) in crate::files::tests::INSTEAD {
            crate::files::tests::put(kind, &file);
            let why = Denials::read(config.path()).unwrap_err();
            assert!(why.contains("a.toml cannot be read: it is") && why.contains(words), "{kind}: {why}");
        }
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("none", &file).unwrap();
        assert!(Denials::read(config.path()).unwrap_err().contains("a file that is not there"));
    }

    /// A manifest may not ask for all of them.
    #[test]
    fn all_that_the_kernel_says_can_be_denied() {
        let denials = Denials::parse("/p/site.toml", "[deny]\nroots = [\"sys\", \"proc/*\"]\n").unwrap();
        for (root, relative) in [(Root::Sys, "module/x/version"), (Root::Proc, "modules")] {
            let location = Location::new(root, relative).unwrap();
            assert_eq!(denials.denies_path(&location), Some("/p/site.toml"), "{location:?}");
        }
    }
}
