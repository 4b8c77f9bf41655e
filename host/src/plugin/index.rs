//! Which plugins there are, and which of them serve this system: read from
//! manifests only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::form;
use super::grant::Grant;
use super::manifest::{Closeness, Manifest, Match, Role, check_identity, syntax};
use super::policy::{self, Denials};
use super::search::{Place, SearchPath, check_metadata, check_owner};
use super::settings::flatten;

/// A plugin that was found and may be used.
#[derive(Debug)]
pub struct Entry {
    /// Of a table: its base's, with the table's own id, version and match.
    pub manifest: Manifest,
    pub component: PathBuf,
    pub table: Option<Table>,
    pub place: Place,
    pub grant: Grant,
}

impl Entry {
    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    /// The file that makes the plugin what it is: the table, or the component.
    pub fn file(&self) -> &Path {
        self.table.as_ref().map_or(&self.component, |table| &table.file)
    }

    /// What a table says, as settings; nothing for others.
    pub fn policy(&self) -> BTreeMap<String, String> {
        self.table.as_ref().map(|table| table.policy.clone()).unwrap_or_default()
    }
}

/// A plugin without code of its own: values for its base.
#[derive(Debug, Clone)]
pub struct Table {
    pub file: PathBuf,
    pub base: String,
    pub policy: BTreeMap<String, String>,
}

/// A file that was refused, and why.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Problem {
    pub file: PathBuf,
    /// Its id, if that could be read.
    pub plugin: Option<String>,
    /// What is wrong and what to do, without the file's name.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.plugin {
            Some(id) => write!(f, "Plugin `{id}` ({}) is not used: {}.", self.file.display(), self.message),
            None => write!(f, "{} is not used as a plugin: {}.", self.file.display(), self.message),
        }
    }
}

/// `ID.toml`: a table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    id: String,
    version: String,
    base: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    license: String,
    #[serde(default, rename = "match")]
    matches: Match,
    #[serde(default)]
    policy: toml::Table,
}

/// The plugins of a search path.
#[derive(Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

/// A file before it is admitted.
struct Candidate {
    manifest: Manifest,
    component: PathBuf,
    table: Option<Table>,
    place: Place,
}

impl Index {
    /// Reads all manifests. A file that is refused becomes a problem and hides
    /// no other.
    pub fn read(search: &SearchPath) -> Self {
        let mut index = Self::default();
        let mut components: Vec<Candidate> = Vec::new();
        let mut tables: Vec<(PathBuf, Place)> = Vec::new();
        for (dir, place) in &search.directories {
            index.read_directory(dir, *place, &mut components, &mut tables);
        }
        let mut candidates = index.pair_tables(&components, tables);
        // Within one directory, and in an earlier one, a component wins over a
        // table of the same id.
        components.append(&mut candidates);
        let rank = |place: &Path| search.directories.iter().position(|(dir, _)| place.starts_with(dir));
        components.sort_by_key(|c| rank(c.table.as_ref().map_or(&c.component, |t| &t.file)));

        match Denials::read(&search.config) {
            Ok(denials) => components.into_iter().for_each(|c| index.admit(c, &denials, search)),
            Err(why) => index.problems.extend(components.into_iter().map(|c| Problem {
                plugin: Some(c.manifest.id.clone()),
                file: c.component,
                message: format!("the policy of this machine is unknown: {why}"),
            })),
        }
        index
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id() == id)
    }

    fn read_directory(
        &mut self,
        dir: &Path,
        place: Place,
        components: &mut Vec<Candidate>,
        tables: &mut Vec<(PathBuf, Place)>,
    ) {
        let Ok(entries) = std::fs::read_dir(dir) else { return };
        if let Err(message) = check_owner(dir) {
            self.problems.push(Problem { file: dir.to_path_buf(), plugin: None, message });
            return;
        }
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        for file in files {
            match file.extension().and_then(|e| e.to_str()) {
                Some("wasm") => match read_component(&file) {
                    Ok(manifest) => components.push(Candidate { manifest, component: file, table: None, place }),
                    Err(message) => self.problems.push(Problem { file, plugin: None, message }),
                },
                Some("toml") => tables.push((file, place)),
                _ => {}
            }
        }
    }

    fn pair_tables(&mut self, components: &[Candidate], tables: Vec<(PathBuf, Place)>) -> Vec<Candidate> {
        let mut out = Vec::new();
        for (file, place) in tables {
            match read_table(&file, components) {
                Ok((manifest, table, component)) => {
                    out.push(Candidate { manifest, component, table: Some(table), place });
                }
                Err(message) => self.problems.push(Problem { file, plugin: None, message }),
            }
        }
        out
    }

    fn admit(&mut self, candidate: Candidate, denials: &Denials, search: &SearchPath) {
        let Candidate { manifest, component, table, place } = candidate;
        if self.get(&manifest.id).is_some() {
            return;
        }
        let id = manifest.id.clone();
        let file = table.as_ref().map_or(&component, |table| &table.file).clone();
        let granted = match denials.denies_plugin(&id) {
            Some(policy) => Err(format!("{policy} denies it; change that policy to use it")),
            None => policy::admits(&search.config, place, &id, || {
                digest(&component, table.as_ref().map(|t| t.file.as_path()))
            })
            .and_then(|()| Grant::new(&id, &manifest, denials)),
        };
        match granted {
            Ok(grant) => self.entries.push(Entry { manifest, component, table, place, grant }),
            Err(message) => self.problems.push(Problem { file, plugin: Some(id), message }),
        }
    }

    /// Plugins that provide a role and whose manifest fits the system, with
    /// how closely they fit. Programs are not looked at yet.
    pub fn fitting(&self, role: Role, ids: &[String]) -> Vec<(Closeness, &Entry)> {
        self.entries
            .iter()
            .filter(|entry| entry.manifest.provides(role))
            .filter_map(|entry| Some((entry.manifest.matches.closeness(ids)?, entry)))
            .collect()
    }
}

/// The order in which plugins are asked: closest first, then higher priority,
/// then by id.
pub fn sort(candidates: &mut [(Closeness, &Entry)]) {
    candidates.sort_by(|(a, x), (b, y)| {
        b.cmp(a)
            .then_with(|| y.manifest.matches.priority.cmp(&x.manifest.matches.priority))
            .then_with(|| x.id().cmp(y.id()))
    });
}

/// Reads a file that only root or the invoking user can change.
pub fn read_trusted(file: &Path) -> Result<Vec<u8>, String> {
    let cannot = |e: std::io::Error| format!("it cannot be read: {e}");
    let mut open = std::fs::File::open(file).map_err(cannot)?;
    let metadata = open.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err("it is not a file".into());
    }
    check_metadata(file, &metadata)?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut open, &mut bytes).map_err(cannot)?;
    Ok(bytes)
}

fn read_component(file: &Path) -> Result<Manifest, String> {
    let manifest = form::manifest(&read_trusted(file)?).map_err(|e| e.to_string())?;
    check_file_name(file, &manifest.id)?;
    Ok(manifest)
}

fn check_file_name(file: &Path, id: &str) -> Result<(), String> {
    if file.file_stem().is_some_and(|stem| stem == id) {
        return Ok(());
    }
    Err(format!("its id is `{id}`, so the file must be named {id}.{}", file.extension().unwrap_or_default().display()))
}

fn read_table(file: &Path, components: &[Candidate]) -> Result<(Manifest, Table, PathBuf), String> {
    let text = String::from_utf8(read_trusted(file)?).map_err(|_| "it is not UTF-8".to_owned())?;
    let table: TableFile = toml::from_str(&text).map_err(|e| syntax("table", &text, &e).to_string())?;
    check_identity(&table.id, &table.version)?;
    check_file_name(file, &table.id)?;
    let base = components
        .iter()
        .find(|c| c.manifest.id == table.base)
        .ok_or_else(|| format!("its base plugin `{}` is not installed or not usable; install {0}.wasm", table.base))?;
    let mut manifest = base.manifest.clone();
    manifest.id = table.id;
    manifest.version = table.version;
    manifest.matches = table.matches;
    if !table.description.is_empty() {
        manifest.description = table.description;
    }
    if !table.license.is_empty() {
        manifest.license = table.license;
    }
    let policy = flatten("policy", &table.policy);
    Ok((manifest, Table { file: file.to_path_buf(), base: table.base, policy }, base.component.clone()))
}

/// `sha256:…` of a plugin: of its component, or of a table with its component.
pub fn digest(component: &Path, table: Option<&Path>) -> std::io::Result<String> {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    if let Some(table) = table {
        hash.update(std::fs::read(table)?);
    }
    hash.update(std::fs::read(component)?);
    Ok(format!("sha256:{}", hex::encode(hash.finalize())))
}
