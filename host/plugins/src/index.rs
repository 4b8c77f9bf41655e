//! Which plugins there are, and which of them serve this system: read from
//! manifests only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files;
use super::form;
use super::grant::Grant;
use super::grant::record::{self, Standing};
use super::limits::{LARGEST_MANIFEST, LoadingLimits, RoleLimits};
use super::manifest::{Manifest, MatchRank, Role};
use super::policy::Denials;
use super::problem::Problem;
use super::search::{FoundIn, SearchPath};
use super::table::{Table, TableFile};
use crate::files::owner::check_owner;
use modsmith_facts::inside;

mod admission;
mod base;
pub(crate) mod order;

use base::Blocked;
use order::order_of;

/// A plugin that was found and may be used.
#[derive(Debug)]
pub struct IndexedPlugin {
    /// The manifest; for a table, that of its base with the table's own id, version and match.
    pub manifest: Manifest,
    pub component: PathBuf,
    pub table: Option<Table>,
    pub found_in: FoundIn,
    pub grant: Arc<Grant>,
    pub standing: Standing,
}

impl IndexedPlugin {
    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    /// The file that makes the plugin what it is: the table, or the component.
    pub fn file(&self) -> &Path {
        self.table.as_ref().map_or(&self.component, |table| &table.file)
    }

    /// The values of a table, as settings; none for a component.
    pub fn policy(&self) -> BTreeMap<String, String> {
        self.table.as_ref().map(|table| table.policy.clone()).unwrap_or_default()
    }
}

/// The plugins of a search path.
#[derive(Debug, Default)]
pub struct Index {
    entries: Vec<IndexedPlugin>,
    problems: Vec<Problem>,
    refused: Vec<Refused>,
    unusable: Vec<Unusable>,
    /// All components in good order, admitted or not: bases for tables.
    components: Vec<Candidate>,
    config: PathBuf,
}

/// A plugin that this machine wants to be used and that has changed, or cannot be
/// read. No other plugin decides in its place: an action that needs its decision
/// stops.
#[derive(Debug)]
pub struct Unusable {
    pub id: String,
    pub file: PathBuf,
    pub found_in: FoundIn,
    /// As its file has it now. `None`: it cannot be read, so that the plugin may
    /// be responsible for anything.
    pub manifest: Option<Manifest>,
    /// The problem and its remedy, without the file's name.
    pub message: String,
}

/// A plugin in good order that this machine does not let be used.
#[derive(Debug)]
pub struct Refused {
    pub manifest: Manifest,
    pub component: PathBuf,
    pub table: Option<Table>,
    pub found_in: FoundIn,
    /// The missing condition and the remedy.
    pub message: String,
    pub standing: Standing,
    /// Whether `plugin grant ID` is about this file: there may be several of one id.
    pub chosen: bool,
}

impl Refused {
    /// The file that makes the plugin what it is: the table, or the component.
    pub fn file(&self) -> &Path {
        self.table.as_ref().map_or(&self.component, |table| &table.file)
    }
}

/// A file before it is admitted.
#[derive(Debug, Clone)]
struct Candidate {
    manifest: Manifest,
    component: PathBuf,
    table: Option<Table>,
    found_in: FoundIn,
    /// The reason why a table may not be used with its base.
    blocked: Option<Blocked>,
}

impl Candidate {
    fn file(&self) -> &Path {
        self.table.as_ref().map_or(&self.component, |table| &table.file)
    }
}

impl Index {
    /// Reads all manifests. A file that is refused becomes a problem and hides
    /// no other.
    pub fn read(search: &SearchPath) -> Self {
        let mut index = Self { config: search.config.clone(), ..Self::default() };
        // A file of limits that cannot be read ends every call, with its error.
        let limits = RoleLimits::read(&search.config).unwrap_or_default().loading;
        let mut components: Vec<Candidate> = Vec::new();
        let mut tables: Vec<(PathBuf, FoundIn)> = Vec::new();
        for (dir, found_in) in &search.directories {
            index.read_directory(dir, *found_in, &limits, &mut components, &mut tables);
        }
        index.components.clone_from(&components);
        let mut candidates = index.pair_tables(tables);
        // Within one directory, and in an earlier one, a component wins over a
        // table of the same id.
        components.append(&mut candidates);
        let rank = |found_in: &Path| search.directories.iter().position(|(dir, _)| found_in.starts_with(dir));
        components.sort_by_key(|c| rank(c.file()));

        match Denials::read(&search.config) {
            Ok(denials) => {
                index.unusable.retain(|unusable| denials.denies_plugin(&unusable.id).is_none());
                for candidates in admission::by_id(components) {
                    admission::admit(&mut index, candidates, &denials);
                }
            }
            Err(why) => {
                let message = format!("the policy of this machine is unknown: {why}");
                for Candidate { manifest, component, table, found_in, .. } in components {
                    let plugin = Some(manifest.id.clone());
                    index.problems.push(Problem { plugin, file: component.clone(), message: message.clone() });
                    let file = table.map_or(component, |table| table.file);
                    index.is_missed(&manifest.id.clone(), file, found_in, Some(manifest), &message);
                }
            }
        }
        index
    }

    pub fn entries(&self) -> &[IndexedPlugin] {
        &self.entries
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub fn get(&self, id: &str) -> Option<&IndexedPlugin> {
        self.entries.iter().find(|entry| entry.id() == id)
    }

    /// A plugin that would be used if this machine let it be: of several files of one
    /// id, the one that a grant would be for.
    pub fn refused(&self, id: &str) -> Option<&Refused> {
        let mut refused = self.refused.iter().filter(|refused| refused.manifest.id == id);
        let first = refused.clone().next();
        refused.find(|refused| refused.chosen).or(first)
    }

    /// Plugins that would be used if their files were what they have to be.
    pub fn unusable(&self) -> &[Unusable] {
        &self.unusable
    }

    /// Notes a plugin that cannot be used, if this machine wants it to be.
    fn is_missed(&mut self, id: &str, file: PathBuf, found_in: FoundIn, manifest: Option<Manifest>, message: &str) {
        if !found_in.needs_grant() || record::exists(&self.config, id) {
            self.miss(id, file, found_in, manifest, message);
        }
    }

    fn miss(&mut self, id: &str, file: PathBuf, found_in: FoundIn, manifest: Option<Manifest>, message: &str) {
        self.unusable.push(Unusable { id: id.to_owned(), file, found_in, manifest, message: message.to_owned() });
    }

    /// Files of a plugin that this machine wants to be used and that cannot be read.
    fn unreadable(&self, id: &str) -> Vec<PathBuf> {
        self.unusable.iter().filter(|unusable| unusable.id == id).map(|unusable| unusable.file.clone()).collect()
    }

    /// Refuses a file that cannot be read: its name is that of its plugin.
    fn cannot_read(&mut self, file: PathBuf, found_in: FoundIn, message: String) {
        if let Some(id) = file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned) {
            self.is_missed(&id, file.clone(), found_in, None, &message);
        }
        self.problems.push(Problem { file, plugin: None, message });
    }

    pub(crate) fn all_refused(&self) -> impl Iterator<Item = &Refused> {
        self.refused.iter()
    }

    fn read_directory(
        &mut self,
        dir: &Path,
        found_in: FoundIn,
        limits: &LoadingLimits,
        components: &mut Vec<Candidate>,
        tables: &mut Vec<(PathBuf, FoundIn)>,
    ) {
        let Ok(entries) = std::fs::read_dir(inside::real(dir)) else { return };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(dir.join(entry.ok()?.file_name()))).collect();
        files.sort();
        if let Err(message) = check_owner(&inside::real(dir)) {
            let is_plugin = |file: &PathBuf| file.extension().is_some_and(|e| e == "wasm" || e == "toml");
            for file in files.into_iter().filter(is_plugin) {
                let Some(id) = file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned) else { continue };
                self.is_missed(&id, file, found_in, None, &message);
            }
            self.problems.push(Problem { file: dir.to_path_buf(), plugin: None, message });
            return;
        }
        for file in files {
            match file.extension().and_then(|e| e.to_str()) {
                Some("wasm") => match read_component(&file, limits) {
                    Ok(manifest) => {
                        components.push(Candidate { manifest, component: file, table: None, found_in, blocked: None });
                    }
                    Err(message) => self.cannot_read(file, found_in, message),
                },
                Some("toml") => tables.push((file, found_in)),
                _ => {}
            }
        }
    }

    fn pair_tables(&mut self, tables: Vec<(PathBuf, FoundIn)>) -> Vec<Candidate> {
        let mut out = Vec::new();
        for (file, found_in) in tables {
            match self.read_table(&file, found_in) {
                Ok(candidate) => out.push(candidate),
                Err(message) => self.cannot_read(file, found_in, message),
            }
        }
        out
    }

    fn read_table(&self, file: &Path, found_in: FoundIn) -> Result<Candidate, String> {
        let table = table_file(file)?;
        check_file_name(file, &table.id)?;
        let base = self.base(&table.base, found_in).ok_or_else(|| {
            format!("its base plugin `{}` is not installed or not usable; install {0}.wasm", table.base)
        })?;
        let manifest = table.over(base.manifest)?;
        let policy = table.policy();
        let (component, blocked) = (base.component.to_path_buf(), base.blocked);
        let table = Table { file: file.to_path_buf(), base: table.base, policy };
        Ok(Candidate { manifest, component, table: Some(table), found_in, blocked })
    }

    /// Plugins that provide a role and whose manifest fits the system, with
    /// how closely they fit. Programs are not looked at yet.
    pub fn fitting(&self, role: Role, ids: &[String]) -> Vec<(MatchRank, &IndexedPlugin)> {
        self.entries
            .iter()
            .filter(|entry| entry.manifest.provides(role))
            .filter_map(|entry| Some((entry.manifest.matches.rank(ids)?, entry)))
            .collect()
    }
}

/// Brings plugins into the order in which they are asked.
pub fn sort(candidates: &mut [(MatchRank, &IndexedPlugin)]) {
    candidates.sort_by_cached_key(|(rank, entry)| order_of(*rank, &entry.manifest));
}

/// Reads a component that only root or the invoking user can change.
pub fn read_trusted(file: &Path, limits: &LoadingLimits) -> Result<Vec<u8>, String> {
    files::trusted(file, |bytes| match limits.exceeded_by(bytes) {
        None => Ok(()),
        Some(limit) => Err(format!(
            "{limit}; if it rightly is as large as that, raise `{}` in /etc/modsmith/{}",
            limit.key,
            super::limits::FILE
        )),
    })
}

/// Reads a table that only root or the invoking user can change.
pub(crate) fn table_file(file: &Path) -> Result<TableFile, String> {
    let bytes = files::trusted(file, |bytes| match bytes > LARGEST_MANIFEST as u64 {
        true => Err(format!("it is longer than {} KiB; make it shorter", LARGEST_MANIFEST >> 10)),
        false => Ok(()),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    TableFile::parse(&text).map_err(|e| e.to_string())
}

fn read_component(file: &Path, limits: &LoadingLimits) -> Result<Manifest, String> {
    let manifest = form::manifest(&read_trusted(file, limits)?).map_err(|e| e.to_string())?;
    check_file_name(file, &manifest.id)?;
    Ok(manifest)
}

fn check_file_name(file: &Path, id: &str) -> Result<(), String> {
    if file.file_stem().is_some_and(|stem| stem == id) {
        return Ok(());
    }
    Err(format!("its id is `{id}`, so the file must be named {id}.{}", file.extension().unwrap_or_default().display()))
}

/// `sha256:…` of a plugin: of its component, or of a table with its component.
pub fn digest(component: &Path, table: Option<&Path>) -> std::io::Result<String> {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    if let Some(table) = table {
        hash.update(inside::read_file(table)?);
    }
    hash.update(inside::read_file(component)?);
    Ok(format!("sha256:{}", hex::encode(hash.finalize())))
}

#[cfg(test)]
mod tests;
