//! The views of plugins: the list, the rights of one plugin, and the grants that the administrator
//! gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::development::Development;
use super::distribution::lock::Provenance;
use super::facade::Plugins;
use super::form;
use super::grant::marks;
use super::grant::programs::{ProbeRight, RunRight};
use super::grant::record::{self, Record, Standing, check_id};
use super::grant::rights::Rights;
use super::index::{Index, Refused, digest, read_trusted, table_file};
use super::limits::LoadingLimits;
use super::manifest::{Manifest, Role, Run};
use super::search::FoundIn;
use super::table::Table;
use crate::error::Error;
use crate::problem::Problem;
use modsmith_facts::find_program;

mod show;

/// One line of `plugin list`.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    pub id: String,
    pub version: String,
    pub description: String,
    pub roles: Vec<Role>,
    pub file: PathBuf,
    #[serde(rename = "place")]
    pub found_in: FoundIn,
    /// Whether the plugin is granted.
    pub grant: Standing,
    /// The base plugin of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Where the plugin came from, if this program has installed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Provenance>,
    /// Whether the plugin may be used and its manifest fits this system.
    pub serves: bool,
    /// The reason why it does not serve this system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The facts that `plugin inspect` shows.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    pub file: PathBuf,
    #[serde(skip)]
    component: PathBuf,
    pub digest: String,
    /// Where the plugin came from, if this program has installed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Provenance>,
    /// Whether the plugin is granted.
    pub grant: Standing,
    /// The standing before the plugin was granted just now.
    #[serde(skip)]
    before: Option<Standing>,
    /// The size of the component, in bytes.
    pub size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The file of the base's component: the code that the table is used with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_file: Option<PathBuf>,
    pub manifest: Manifest,
    /// Imported functions by interface: the builder's verbs are the kinds of
    /// steps that it can ask for.
    pub imports: form::Imports,
    /// Programs of `[[run]]` and `[[probe]]` that execute their input, whatever has a fitting name, or
    /// any option: granting one is granting all that it can do.
    pub executes_input: Vec<String>,
    /// Variables that the plugin may set and by which programs load or run code, or that are not known
    /// to be harmless, each as `program: NAME`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loads_code: Vec<String>,
    /// Rights that this machine's policy denies to every plugin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
    /// A table's values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub policy: BTreeMap<String, String>,
    /// Why it is not used on this system; `None` when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Other files of the same id, which are not used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Problem>,
}

/// The plugins, as administrators list, inspect, grant and revoke them.
#[derive(Clone, Copy)]
pub struct Administration<'p>(pub &'p Plugins);

impl<'p> Administration<'p> {
    /// The plugins in development, by id.
    pub fn in_development(&self) -> &'p [Development] {
        &self.0.search.development
    }

    /// The plugins that are used, and those that would be with a grant, by id.
    /// [`Plugins::problems`] says why files are not used.
    pub fn list(&self) -> Vec<Listed> {
        let index = self.0.index();
        let ids = self.0.system.os.distro_ids();
        let used = index.entries().iter().map(|entry| {
            let reason = self.unfit(&entry.manifest, &ids);
            let about = (entry.file(), entry.found_in, &entry.standing);
            listed(&entry.manifest, about, entry.table.as_ref(), reason)
        });
        let waiting = index.all_refused().filter(|refused| !refused.standing.admits()).map(|refused| {
            let about = (refused.file(), refused.found_in, &refused.standing);
            listed(&refused.manifest, about, refused.table.as_ref(), Some(refused.standing.words().to_owned()))
        });
        let mut listed: Vec<Listed> = used.chain(waiting).collect();
        listed.sort_by(|a, b| a.id.cmp(&b.id));
        listed
    }

    /// Why a plugin does not serve this system, if so.
    fn unfit(&self, manifest: &Manifest, ids: &[String]) -> Option<String> {
        let matches = &manifest.matches;
        let missing = matches.programs.iter().find(|p| find_program(&self.0.system.root, p).is_none());
        match (matches.rank(ids), missing) {
            (None, _) if matches.no_os_release => Some("for systems without os-release".to_owned()),
            (None, _) => Some(format!("for {}", matches.distro.join(", "))),
            (Some(_), Some(program)) => Some(format!("`{program}` is not installed")),
            (Some(_), None) => None,
        }
    }

    /// Examines a plugin and its requests: by id, or by the path of a component or a table that
    /// need not be installed. All checks of its form are made; its code does not run.
    pub fn inspect(&self, plugin: &str) -> Result<Inspection, Error> {
        let limits = &self.0.all_limits()?.loading;
        let index = self.0.index();
        let word = Word::parse(plugin)?;
        let refused = || match word {
            Word::Id(id) => index.refused(id),
            Word::File(file) => index.all_refused().find(|refused| refused.file() == file),
        };
        let mut out = if let Some(entry) = index.entries().iter().find(|entry| word.means(entry.id(), entry.file())) {
            let mut out = inspect_parts(&entry.component, entry.table.as_ref(), &entry.manifest, limits)?;
            out.denied = entry.grant.denials().describe();
            out.grant = entry.standing.clone();
            out
        } else if let Some(refused) = refused() {
            inspect_refused(refused, limits)?
        } else {
            self.inspect_other(word, limits)?
        };
        out.others = others(index, &out);
        out.from = Provenance::of(&out.file, &out.manifest.id);
        Ok(out)
    }

    /// A file that is not in good order, or that is not installed.
    fn inspect_other(&self, word: Word, limits: &LoadingLimits) -> Result<Inspection, Error> {
        let is_meant = |problem: &&Problem| match word {
            Word::Id(id) => {
                problem.plugin.as_deref() == Some(id) || problem.file.file_stem().is_some_and(|stem| stem == id)
            }
            Word::File(file) => problem.file == file,
        };
        let problem = self.0.problems().iter().find(is_meant);
        let file = match (word, problem) {
            (_, Some(problem)) => problem.file.as_path(),
            (Word::File(file), None) => file,
            (Word::Id(id), None) => return Err(Error::NoSuchPlugin { plugin: id.to_owned() }),
        };
        let inspected = match file.extension().is_some_and(|e| e == "toml") {
            true => self.inspect_table(file, limits),
            false => inspect_file(file, None, limits),
        };
        let mut out = match (word, problem) {
            (Word::Id(_), Some(problem)) => inspected.map_err(|_| Error::NotUsed(problem.clone()))?,
            _ => inspected?,
        };
        if let Some(problem) = problem {
            out.refused = Some(problem.message.clone());
        }
        if out.grant.admits() && self.place(file).needs_grant() {
            let record = Record::read(&self.0.search.config, &out.manifest.id);
            out.grant = Standing::of(&record, &out.digest, &Rights::of(&out.manifest));
        }
        Ok(out)
    }

    /// Where a file is, or would be installed.
    fn place(&self, file: &Path) -> FoundIn {
        let place = self.0.search.directories.iter().find(|(directory, _)| file.parent() == Some(directory));
        place.map_or(FoundIn::Local, |(_, found_in)| *found_in)
    }

    /// A table that need not be installed; its base has to be.
    fn inspect_table(&self, file: &Path, limits: &LoadingLimits) -> Result<Inspection, Error> {
        let refused = |reason: String| Error::NotAPlugin { file: file.to_path_buf(), reason };
        let table = table_file(file).map_err(refused)?;
        let base = self.0.index().base(&table.base, self.place(file));
        let base = base.ok_or_else(|| refused(format!("its base plugin `{}` is not installed", table.base)))?;
        let manifest = table.over(base.manifest).map_err(refused)?;
        let policy = table.policy();
        let table = Table { file: file.to_path_buf(), base: table.base, policy };
        let mut out = inspect_parts(base.component, Some(&table), &manifest, limits)?;
        if let Some(blocked) = base.blocked {
            (out.refused, out.grant) = (Some(blocked.message), blocked.standing);
        }
        Ok(out)
    }

    /// Lets a plugin from outside the system's packages be used, as it is now;
    /// returns what it was granted, and the file that records it.
    ///
    /// Of several files of one id, the id stands for the one that was granted before,
    /// else for the first that needs a grant.
    pub fn grant(&self, plugin: &str) -> Result<(Inspection, PathBuf), Error> {
        let waiting = match Word::parse(plugin)? {
            Word::Id(id) => self.0.index().refused(id).filter(|refused| refused.chosen),
            Word::File(_) => None,
        };
        let mut inspected = match waiting {
            Some(refused) => inspect_refused(refused, &self.0.all_limits()?.loading)?,
            None => self.inspect(plugin)?,
        };
        let Manifest { id, version, .. } = &inspected.manifest;
        let rights = Rights::of(&inspected.manifest);
        inspected.before = Some(Standing::of(&Record::read(&self.0.search.config, id), &inspected.digest, &rights));
        let granted = Record::new(&inspected.digest, &inspected.file, version, rights);
        let file = granted.write(&self.0.search.config, id)?;
        inspected.from = Provenance::of(&inspected.file, id);
        // What the grant does not mend: a policy that denies the plugin, or another
        // file that hides this one.
        let now = Index::read(&self.0.search);
        let still = now.problems().iter().find(|problem| problem.file == inspected.file);
        inspected.refused = still.map(|problem| problem.message.clone());
        inspected.others = others(&now, &inspected);
        let used = now.entries().iter().map(|entry| (entry.file(), &entry.standing));
        let mut known = used.chain(now.all_refused().map(|refused| (refused.file(), &refused.standing)));
        match known.find(|(known, _)| *known == inspected.file) {
            Some((_, standing)) => inspected.grant = standing.clone(),
            None if inspected.grant != Standing::NotNeeded => inspected.grant = Standing::Granted,
            None => {}
        }
        Ok((inspected, file))
    }

    /// Compiles a plugin, so that its first use does not wait for the compiler. `begin` is called with
    /// the size of the component in bytes, if the cache does not have its code.
    ///
    /// # Errors
    /// `NotLoaded`: it cannot be compiled, or not within this machine's limits.
    pub fn compile(&self, plugin: &Inspection, begin: impl FnOnce(u64)) -> Result<(), Error> {
        let compiled = self.0.engine()?.prepare(&plugin.component, begin);
        compiled.map_err(|error| Error::NotLoaded {
            plugin: plugin.manifest.id.clone(),
            component: plugin.component.clone(),
            reason: error.to_string(),
        })
    }

    /// Takes a grant back; returns the file that recorded it.
    pub fn revoke(&self, id: &str) -> Result<PathBuf, Error> {
        record::revoke(&self.0.search.config, id)
    }
}

/// The plugin that a command line names.
#[derive(Clone, Copy)]
enum Word<'w> {
    Id(&'w str),
    File(&'w Path),
}

impl<'w> Word<'w> {
    fn parse(word: &'w str) -> Result<Self, Error> {
        if word.contains('/') || word.ends_with(".wasm") || word.ends_with(".toml") {
            return Ok(Self::File(Path::new(word)));
        }
        check_id(word).map(|()| Self::Id(word))
    }

    fn means(self, id: &str, file: &Path) -> bool {
        match self {
            Self::Id(word) => word == id,
            Self::File(word) => word == file,
        }
    }
}

fn listed(
    manifest: &Manifest,
    (file, found_in, grant): (&Path, FoundIn, &Standing),
    table: Option<&Table>,
    reason: Option<String>,
) -> Listed {
    Listed {
        id: manifest.id.clone(),
        version: manifest.version.clone(),
        description: manifest.description.clone(),
        roles: manifest.roles.provides.clone(),
        file: file.to_path_buf(),
        found_in,
        grant: grant.clone(),
        base: table.map(|table| table.base.clone()),
        from: Provenance::of(file, &manifest.id).filter(|_| found_in == FoundIn::Local),
        serves: reason.is_none(),
        reason,
    }
}

/// Files of the same id that are not used.
fn others(index: &Index, plugin: &Inspection) -> Vec<Problem> {
    let is_other = |problem: &&Problem| {
        problem.file != plugin.file && problem.file.file_stem().is_some_and(|stem| stem == plugin.manifest.id.as_str())
    };
    index.problems().iter().filter(is_other).cloned().collect()
}

fn inspect_refused(refused: &Refused, limits: &LoadingLimits) -> Result<Inspection, Error> {
    let mut out = inspect_parts(&refused.component, refused.table.as_ref(), &refused.manifest, limits)?;
    out.refused = Some(refused.message.clone());
    out.grant = refused.standing.clone();
    Ok(out)
}

/// A plugin of the index: a component, or a table with its base's.
fn inspect_parts(
    component: &Path,
    table: Option<&Table>,
    manifest: &Manifest,
    limits: &LoadingLimits,
) -> Result<Inspection, Error> {
    let mut out = inspect_file(component, table.map(|table| table.file.as_path()), limits)?;
    if let Some(table) = table {
        out.file.clone_from(&table.file);
        out.base = Some(table.base.clone());
        out.base_file = Some(component.to_path_buf());
        out.executes_input = executing(manifest);
        out.loads_code = loading(manifest);
        out.policy.clone_from(&table.policy);
    }
    out.manifest = manifest.clone();
    Ok(out)
}

/// The programs that a manifest asks for and that are marked.
fn executing(manifest: &Manifest) -> Vec<String> {
    let run = manifest.run.iter().map(|run| (&run.program, marks::of_program(&RunRight::from(run))));
    let asked = manifest.probe.iter().map(|probe| (&probe.program, marks::of_probe(&ProbeRight::from(probe))));
    run.chain(asked).filter(|(_, mark)| !mark.is_empty()).map(|(program, _)| program.clone()).collect()
}

/// The variables that a manifest asks for and that are marked.
fn loading(manifest: &Manifest) -> Vec<String> {
    let variables = |run: &Run| {
        let names = run.environment.iter().filter(|name| !marks::of_variable(name).is_empty());
        names.map(|name| format!("{}: {name}", run.program)).collect::<Vec<_>>()
    };
    manifest.run.iter().flat_map(variables).collect()
}

fn inspect_file(file: &Path, table: Option<&Path>, limits: &LoadingLimits) -> Result<Inspection, Error> {
    let refused = |reason: String| Error::NotAPlugin { file: file.to_path_buf(), reason };
    let bytes = read_trusted(file, limits).map_err(refused)?;
    let manifest = form::manifest(&bytes).map_err(|e| refused(e.to_string()))?;
    let imports = form::check_world(&bytes, &manifest).map_err(|e| refused(e.to_string()))?;
    let (executes_input, loads_code) = (executing(&manifest), loading(&manifest));
    Ok(Inspection {
        file: file.to_path_buf(),
        component: file.to_path_buf(),
        from: None,
        grant: Standing::NotNeeded,
        before: None,
        digest: digest(file, table).map_err(|e| Error::io("read", file, e))?,
        size: bytes.len() as u64,
        base: None,
        base_file: None,
        manifest,
        imports,
        executes_input,
        loads_code,
        denied: Vec::new(),
        policy: BTreeMap::new(),
        refused: None,
        others: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Id, Kind};
    use crate::search::SearchPath;
    use crate::settings::FrameworkSettings;
    use modsmith_facts::{OsRelease, System};

    #[test]
    fn a_word_that_is_neither_an_id_nor_a_file_stands_for_no_plugin() {
        let dir = tempfile::tempdir().unwrap();
        let text = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n";
        std::fs::create_dir(dir.path().join("local")).unwrap();
        std::fs::write(dir.path().join("local/x.wasm"), crate::manifest::tests::embedded(text)).unwrap();
        let directories = vec![(dir.path().join("local"), FoundIn::Local)];
        let search = SearchPath { directories, config: dir.path().join("config"), ..SearchPath::none() };
        let system = System::new(dir.path(), OsRelease::default());
        let plugins = Plugins::open(system.into(), search, FrameworkSettings::default());
        assert!(plugins.index().refused("x").is_some(), "it waits for its grant");
        let administration = Administration(&plugins);
        for word in ["", " ", "X", "x y", "..", "x."] {
            let errors = [
                administration.grant(word).unwrap_err(),
                administration.inspect(word).unwrap_err(),
                administration.revoke(word).unwrap_err(),
            ];
            for error in errors {
                assert_eq!((error.id(), error.kind()), (Id::BadId, Kind::Usage), "{word:?}: {error}");
            }
        }
        assert!(!dir.path().join("config").exists());
    }
}
