//! The views of plugins: the list, the rights of one plugin, and the grants that the administrator
//! gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::development::Development;
use super::distribution::lock::Provenance;
use super::facade::Plugins;
use super::form;
use super::grant::record::{self, Record, Standing};
use super::grant::rights::Rights;
use super::index::{Index, Refused, digest, read_trusted};
use super::interpreter::executes_input;
use super::limits::LoadingLimits;
use super::manifest::{Manifest, Role, Run};
use super::problem::Problem;
use super::search::FoundIn;
use super::table::{Table, TableFile};
use super::variables::loads_code;
use crate::error::Error;
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
    /// Whether it is granted.
    pub grant: Standing,
    /// The base plugin of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Where it came from, if it was installed by this program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Provenance>,
    /// Whether it may be used and its manifest fits this system.
    pub serves: bool,
    /// Why not, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What `plugin inspect` shows.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    pub file: PathBuf,
    #[serde(skip)]
    component: PathBuf,
    pub digest: String,
    /// Where it came from, if it was installed by this program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Provenance>,
    /// Whether it is granted.
    pub grant: Standing,
    /// How it was related to the last grant of its id, when it was granted just now.
    #[serde(skip)]
    before: Option<Standing>,
    /// Of the component, in bytes.
    pub size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    pub manifest: Manifest,
    /// Imported functions by interface: the builder's verbs are the kinds of
    /// steps that it can ask for.
    pub imports: form::Imports,
    /// Programs of `[[run]]` and `[[probe]]` that execute their input: granting one
    /// is granting all that it can do.
    pub executes_input: Vec<String>,
    /// Variables that the plugin may set and by which programs load or run code,
    /// each as `program: NAME`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loads_code: Vec<String>,
    /// What this machine's policy denies to every plugin.
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

/// What administrators do with plugins.
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
        let is_meant = |id: &str, file: &Path| id == plugin || file == Path::new(plugin);
        let mut out = if let Some(entry) = index.entries().iter().find(|entry| is_meant(entry.id(), entry.file())) {
            let mut out = inspect_parts(&entry.component, entry.table.as_ref(), &entry.manifest, limits)?;
            out.denied = entry.grant.denials().describe();
            out.grant = entry.standing.clone();
            out
        } else if let Some(refused) =
            index.refused(plugin).or_else(|| index.all_refused().find(|refused| is_meant("", refused.file())))
        {
            inspect_refused(refused, limits)?
        } else {
            self.inspect_other(plugin, limits)?
        };
        out.others = others(index, &out);
        out.from = Provenance::of(&out.file, &out.manifest.id);
        Ok(out)
    }

    /// A file that is not in good order, or that is not installed.
    fn inspect_other(&self, plugin: &str, limits: &LoadingLimits) -> Result<Inspection, Error> {
        let problem = self.0.problems().iter().find(|problem| {
            problem.plugin.as_deref() == Some(plugin) || problem.file.file_stem().is_some_and(|stem| stem == plugin)
        });
        let mut out = match problem {
            Some(problem) if problem.file.extension().is_some_and(|e| e == "wasm") => {
                let mut out = inspect_file(&problem.file, None, limits).map_err(|_| Error::NotUsed(problem.clone()))?;
                out.refused = Some(problem.message.clone());
                out
            }
            Some(problem) => return Err(Error::NotUsed(problem.clone())),
            None if plugin.ends_with(".toml") => self.inspect_table(Path::new(plugin), limits)?,
            None if plugin.contains('/') || plugin.ends_with(".wasm") => inspect_file(Path::new(plugin), None, limits)?,
            None => return Err(Error::NoSuchPlugin { plugin: plugin.to_owned() }),
        };
        let record = Record::read(&self.0.search.config, &out.manifest.id);
        let place = self.0.search.directories.iter().find(|(dir, _)| out.file.parent() == Some(dir));
        if place.is_none_or(|(_, found_in)| found_in.needs_grant()) {
            out.grant = Standing::of(&record, &out.digest, &Rights::of(&out.manifest));
        }
        Ok(out)
    }

    /// A table that need not be installed; its base has to be.
    fn inspect_table(&self, file: &Path, limits: &LoadingLimits) -> Result<Inspection, Error> {
        let refused = |reason: String| Error::NotAPlugin { file: file.to_path_buf(), reason };
        let text = String::from_utf8(read_trusted(file, limits).map_err(refused)?);
        let text = text.map_err(|_| refused("it is not UTF-8".into()))?;
        let table = TableFile::parse(&text).map_err(|e| refused(e.to_string()))?;
        let base = self.0.index().get(&table.base);
        let base = base.ok_or_else(|| refused(format!("its base plugin `{}` is not installed", table.base)))?;
        let manifest = table.over(&base.manifest).map_err(refused)?;
        let policy = table.policy();
        let table = Table { file: file.to_path_buf(), base: table.base, policy };
        inspect_parts(&base.component, Some(&table), &manifest, limits)
    }

    /// Lets a plugin from outside the system's packages be used, as it is now;
    /// returns what it was granted, and the file that records it.
    ///
    /// Of several files of one id, the id stands for the one that was granted before,
    /// else for the first that needs a grant.
    pub fn grant(&self, id: &str) -> Result<(Inspection, PathBuf), Error> {
        let waiting = self.0.index().refused(id).filter(|refused| refused.chosen);
        let mut inspected = match waiting {
            Some(refused) => self.inspect(&refused.file().display().to_string())?,
            None => self.inspect(id)?,
        };
        let Manifest { id, version, .. } = &inspected.manifest;
        let rights = Rights::of(&inspected.manifest);
        inspected.before = Some(Standing::of(&Record::read(&self.0.search.config, id), &inspected.digest, &rights));
        let granted = Record::new(&inspected.digest, &inspected.file, version, rights);
        let file = granted.write(&self.0.search.config, id)?;
        // What the grant does not mend: a policy that denies the plugin, or another
        // file that hides this one.
        let now = Index::read(&self.0.search);
        let still = now.problems().iter().find(|problem| problem.file == inspected.file);
        inspected.refused = still.map(|problem| problem.message.clone());
        inspected.others = others(&now, &inspected);
        if inspected.grant != Standing::NotNeeded {
            inspected.grant = Standing::Granted;
        }
        Ok((inspected, file))
    }

    /// Compiles a plugin, so that its first use need not wait for that. `begin` is
    /// told the size of the component in bytes, if the cache does not have its code.
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
        out.executes_input = executing(manifest);
        out.loads_code = loading(manifest);
        out.policy.clone_from(&table.policy);
    }
    out.manifest = manifest.clone();
    Ok(out)
}

/// The programs that a manifest asks for and that execute their input.
fn executing(manifest: &Manifest) -> Vec<String> {
    let programs = manifest.run.iter().map(|run| &run.program);
    let programs = programs.chain(manifest.probe.iter().map(|probe| &probe.program));
    programs.filter(|program| executes_input(program)).cloned().collect()
}

/// The variables that a manifest asks for and by which programs load code.
fn loading(manifest: &Manifest) -> Vec<String> {
    let variables = |run: &Run| {
        let names = run.environment.iter().filter(|name| loads_code(name));
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
