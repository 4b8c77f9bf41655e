//! Files that packages of the system own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::flow::Invocation;
use modsmith_facts::{Location, Roots};
use modsmith_plugins::FileOwners;

/// Files that a package owns, each with the package's name.
#[derive(Debug, Default)]
pub struct Owners(BTreeMap<PathBuf, String>);

impl Owners {
    /// Asks the plugins about files of the target, as this machine sees them. Without any file,
    /// nothing is asked.
    ///
    /// # Errors
    /// A plugin serves the system and cannot find out who owns a file.
    pub fn of(run: &Invocation<'_>, files: &[PathBuf]) -> Result<Self> {
        let system = &run.env.system;
        let named: Vec<(String, &PathBuf)> =
            files.iter().filter_map(|file| Some((system.inside(file).to_str()?.to_owned(), file))).collect();
        if named.is_empty() {
            return Ok(Self::default());
        }
        let names: Vec<String> = named.iter().map(|(name, _)| name.clone()).collect();
        let owners = FileOwners(&run.env.plugins).of(&names)?;
        let owned = named.into_iter().filter_map(|(name, file)| Some((file.clone(), owners.get(&name)?.clone())));
        Ok(Self(owned.collect()))
    }

    /// Whether a package owns the file.
    pub fn has(&self, file: &Path) -> bool {
        self.0.contains_key(file)
    }

    /// Whether a package owns the file at a location.
    pub fn has_at(&self, roots: &Roots, location: &Location) -> bool {
        roots.path(location).is_some_and(|path| self.has(&path))
    }

    /// The files that a package owns, as a clause; `None` if there are none.
    pub fn owned_clause(&self, files: &[PathBuf]) -> Option<String> {
        let owned = files.iter().filter_map(|file| Some((file, self.0.get(file)?)));
        let clauses: Vec<String> =
            owned.map(|(file, package)| format!("{} belongs to the package {package}", file.display())).collect();
        (!clauses.is_empty()).then(|| clauses.join(", "))
    }
}
