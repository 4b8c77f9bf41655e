//! The plugins under test: found, built, and each installed alone.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::ask::{Answer, ask};
use super::call::Call;
use super::facts::Facts;
use super::target::Target;
use crate::build::{BuildOptions, Sources, build, identity};
use crate::error::{Error, Result};
use crate::names::MANIFEST;
use modsmith_facts::inside;
use modsmith_plugins::compile::Compiler;
use modsmith_plugins::engine::Engine;
use modsmith_plugins::form;
use modsmith_plugins::index::{Index, read_trusted};
use modsmith_plugins::limits::LoadingLimits;
use modsmith_plugins::manifest::Manifest;
use modsmith_plugins::{FoundIn, FrameworkSettings, Plugins, SearchPath, check_owner};

/// Which plugins to test.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Source folders of plugins, folders with such at any depth, or plugin files.
    pub paths: Vec<PathBuf>,
    /// The directory of plugins that `plugin build` has made. `None`: they are built for the test.
    pub built: Option<PathBuf>,
    /// The folder of cases, instead of `cases` in the source folder.
    pub cases: Option<PathBuf>,
    /// Whether plugins are compiled in a process of this program's.
    pub compiling_isolated: bool,
}

/// A plugin, ready to be asked.
pub struct Subject {
    pub id: String,
    /// The source folder or the file that the user named.
    pub source: PathBuf,
    /// The folder of its cases.
    pub cases: PathBuf,
    /// The manifest of the plugin; for a table, that of its base with the table's own parts.
    pub manifest: Manifest,
    search: SearchPath,
}

impl Subject {
    /// The plugin on a target, with nothing but its base beside it.
    pub fn open(&self, target: &Target) -> Plugins {
        Plugins::open(target.system.clone(), self.search.clone(), FrameworkSettings::default())
    }

    /// Lays the facts out again and asks; `case` is the folder of their files.
    ///
    /// # Errors
    /// `Usage` for facts that are not in order.
    pub fn ask(&self, facts: &Facts, case: Option<&Path>) -> Result<Answer> {
        let target = Target::lay_out(facts, case, &self.id)?;
        ask(facts, facts.call, &target, &self.open(&target), &self.id)
    }

    /// The plugin on a system that is there already. Its probes are run only if `probes` says so:
    /// they are not granted.
    pub fn open_live(&self, target: &Target, probes: bool) -> Plugins {
        let mut search = self.search.clone();
        if !probes {
            search.directories.iter_mut().for_each(|(_, found_in)| *found_in = FoundIn::Own);
        }
        Plugins::open(target.system.clone(), search, FrameworkSettings::default())
    }

    /// Denies the plugin what the policies in these directories deny.
    ///
    /// # Errors
    /// `System` for a policy that cannot be read.
    pub fn deny(&self, policies: &[PathBuf]) -> Result<()> {
        let own = self.search.config.join("policy.d");
        std::fs::create_dir_all(&own).map_err(|e| Error::io("make the directory", &own, e))?;
        for (number, directory) in policies.iter().enumerate() {
            let entries = match std::fs::read_dir(directory) {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                entries => entries.map_err(|e| Error::io("read the directory", directory, e))?,
            };
            for entry in entries {
                let file = entry.map_err(|e| Error::io("read the directory", directory, e))?.path();
                if file.extension().is_some_and(|suffix| suffix == "toml") {
                    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    copy(&file, &own.join(format!("{number}-{name}")))?;
                }
            }
        }
        Ok(())
    }

    /// The calls that its roles answer.
    pub fn calls(&self) -> impl Iterator<Item = Call> {
        Call::all().filter(|call| self.manifest.provides(call.role()))
    }
}

/// Finds, builds and installs the plugins of a selection below `work`, in the
/// order in which they were named.
///
/// # Errors
/// `Usage` for paths that hold no plugin and plugins without a folder of cases;
/// `Plugin` for plugins that cannot be built or used.
pub fn subjects(selection: &Selection, work: &Path) -> Result<Vec<Subject>> {
    let workshop = Workshop { selection, work };
    let mut found = Vec::new();
    for path in &selection.paths {
        if path.is_file() {
            found.push(workshop.of_file(path)?);
        } else {
            found.extend(workshop.of_sources(path)?);
        }
    }
    if selection.cases.is_some() && found.len() > 1 {
        return Err(Error::CasesOfSeveral { plugins: found.len() });
    }
    Ok(found)
}

/// The files of a plugin.
struct Parts {
    id: String,
    /// `ID.wasm`, or `ID.toml` of a table.
    file: PathBuf,
    /// The component of a table's base.
    base: Option<PathBuf>,
}

struct Workshop<'a> {
    selection: &'a Selection,
    work: &'a Path,
}

impl Workshop<'_> {
    fn of_sources(&self, path: &Path) -> Result<Vec<Subject>> {
        let sources = Sources::find(path)?;
        let out = match &self.selection.built {
            Some(built) => built.clone(),
            None => self.build(path)?,
        };
        let mut folders: Vec<PathBuf> = sources.crates.into_iter().chain(sources.tables).collect();
        folders.sort();
        folders
            .into_iter()
            .map(|folder| {
                let identity = identity(&folder)?;
                let suffix = if folder.join(MANIFEST).is_file() { "wasm" } else { "toml" };
                let file = out.join(format!("{}.{suffix}", identity.id));
                if !file.is_file() {
                    return Err(Error::NotBuilt { file, source_folder: path.to_path_buf(), out: out.clone() });
                }
                let base = identity.base.map(|base| self.base(&base, &out, Some(&folder))).transpose()?;
                let cases = folder.join("cases");
                self.install(Parts { id: identity.id, file, base }, folder, cases)
            })
            .collect()
    }

    fn of_file(&self, file: &Path) -> Result<Subject> {
        let Some(cases) = &self.selection.cases else {
            return Err(Error::WithoutCases { file: file.to_path_buf() });
        };
        let beside = file.parent().unwrap_or(Path::new("."));
        let parts = if file.extension().is_some_and(|suffix| suffix == "toml") {
            let identity = identity(file)?;
            let base = identity.base.map(|base| self.base(&base, beside, None)).transpose()?;
            Parts { id: identity.id, file: file.into(), base }
        } else {
            let bytes = inside::read_file(file).map_err(|e| Error::io("read", file, e))?;
            let manifest = form::manifest(&bytes)
                .map_err(|e| modsmith_plugins::Error::NotAPlugin { file: file.to_path_buf(), reason: e.to_string() })?;
            Parts { id: manifest.id, file: file.into(), base: None }
        };
        self.install(parts, file.into(), cases.clone())
    }

    /// Builds the plugins of one path: each path may be a workspace of its own.
    fn build(&self, directory: &Path) -> Result<PathBuf> {
        let out = self.work.join("built");
        build(&BuildOptions { directory: directory.to_path_buf(), out: out.clone() })?;
        Ok(out)
    }

    /// The component of a table's base: built already, from sources in the table's
    /// project, or installed with this program.
    ///
    /// # Errors
    /// `Usage`: there is none. `Plugin`: it cannot be built, or other users could change the file.
    fn base(&self, id: &str, out: &Path, table: Option<&Path>) -> Result<PathBuf> {
        let name = format!("{id}.wasm");
        let built = out.join(&name);
        if built.is_file() {
            return if out.starts_with(self.work) { Ok(built) } else { self.trusted(&built) };
        }
        if let Some(source) = table.and_then(|table| source_of_base(id, table)) {
            return Ok(self.build(&source)?.join(name));
        }
        let installed = SearchPath::from_environment().directories;
        let found = installed.into_iter().map(|(dir, _)| dir.join(&name)).find(|file| file.is_file());
        let found = found.ok_or_else(|| Error::NoBase { id: id.to_owned(), out: out.to_path_buf() })?;
        self.trusted(&found)
    }

    /// What root may use: a copy of a component that only root can change. The rule is that of the plugins
    /// that are used: the directory is checked, and the file after it was opened.
    fn trusted(&self, file: &Path) -> Result<PathBuf> {
        // Others gain nothing from a caller without root's rights.
        if !rustix::process::geteuid().is_root() {
            return Ok(file.to_path_buf());
        }
        let refused = |reason: String| Error::UntrustedBase { file: file.to_path_buf(), reason };
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        check_owner(directory).map_err(refused)?;
        let any_size = LoadingLimits { component_mib: u64::MAX, ..LoadingLimits::default() };
        let bytes = read_trusted(file, &any_size).map_err(refused)?;
        let copies = self.work.join("bases");
        std::fs::create_dir_all(&copies).map_err(|e| Error::io("make the directory", &copies, e))?;
        let copy = copies.join(file.file_name().unwrap_or_default());
        std::fs::write(&copy, bytes).map_err(|e| Error::io("write", &copy, e))?;
        Ok(copy)
    }

    fn install(&self, parts: Parts, source: PathBuf, cases: PathBuf) -> Result<Subject> {
        let dir = self.work.join("installed").join(&parts.id);
        // The mode does not depend on the umask: the index trusts no directory that others can write.
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&dir);
        made.map_err(|e| Error::io("make the directory", &dir, e))?;
        let suffix = parts.file.extension().unwrap_or_default().to_string_lossy();
        copy(&parts.file, &dir.join(format!("{}.{suffix}", parts.id)))?;
        if let Some(base) = &parts.base {
            copy(base, &dir.join(base.file_name().unwrap_or_default()))?;
        }
        let search = SearchPath::only(&dir, self.work.join("cache"));
        // No limit of size: the author knows how large the plugin is.
        let component = parts.base.as_ref().unwrap_or(&parts.file);
        let size = component.metadata().map_err(|e| Error::io("read", component, e))?.len();
        let limits = LoadingLimits { component_mib: size.div_ceil(1 << 20), ..LoadingLimits::default() };
        write_limits(&search.config, &limits)?;
        let index = Index::read(&search);
        let unusable = |reasons: Vec<String>| Error::NotUsable { file: parts.file.clone(), reasons };
        let Some(entry) = index.get(&parts.id) else {
            return Err(unusable(index.problems().iter().map(|problem| problem.message.clone()).collect()));
        };
        // The plugin is compiled here, and loaded from the cache for every question.
        let compiler = if self.selection.compiling_isolated { Compiler::Isolated(limits) } else { Compiler::Here };
        let engine = Engine::new(search.caches.clone(), compiler, limits)
            .map_err(|e| modsmith_plugins::Error::EngineNotStarted { reason: format!("{e:#}") })?;
        engine.load(entry).map_err(|e| unusable(vec![format!("{e}.")]))?;
        let manifest = entry.manifest.clone();
        Ok(Subject { id: parts.id, source, cases, manifest, search })
    }
}

/// The source folder of a table's base: beside the table's, or anywhere in the
/// cargo workspace around it.
fn source_of_base(id: &str, table: &Path) -> Option<PathBuf> {
    let table = table.canonicalize().ok()?;
    let beside = table.parent()?.join(id);
    if beside.join(MANIFEST).is_file() {
        return Some(beside);
    }
    let workspace = table.ancestors().skip(1).find(|dir| dir.join("Cargo.toml").is_file())?;
    let crates = Sources::find(workspace).ok()?.crates;
    crates.into_iter().find(|folder| identity(folder).is_ok_and(|identity| identity.id == id))
}

/// Limits for the plugin under test.
fn write_limits(config: &Path, limits: &LoadingLimits) -> Result<()> {
    let file = config.join(modsmith_plugins::limits::FILE);
    let text = toml::to_string(limits).expect("numbers can be written as TOML");
    let written = std::fs::create_dir_all(config).and_then(|()| std::fs::write(&file, text));
    written.map_err(|e| Error::io("write", &file, e))
}

/// Copies a file, and gives the copy a mode that the index trusts.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = inside::read_file(from).and_then(|bytes| std::fs::write(to, bytes));
    let copied = copied.and_then(|()| std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o644)));
    copied.map_err(|e| Error::io("copy", from, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_that_other_users_can_change_is_refused() {
        let (work, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = out.path().join("base.wasm");
        std::fs::write(&file, "code").unwrap();
        let selection = Selection::default();
        let workshop = Workshop { selection: &selection, work: work.path() };
        let base = |directory: u32, component: u32| {
            let mode = std::fs::Permissions::from_mode;
            std::fs::set_permissions(out.path(), mode(directory)).unwrap();
            std::fs::set_permissions(&file, mode(component)).unwrap();
            workshop.base("base", out.path(), None)
        };
        assert_eq!(std::fs::read(base(0o755, 0o644).unwrap()).unwrap(), b"code");
        for (directory, component) in [(0o777, 0o644), (0o755, 0o666)] {
            let error = base(directory, component).unwrap_err();
            assert_eq!(error.id(), "plugin-not-used", "{error}");
            assert!(error.to_string().contains("chmod go-w"), "{error}");
        }
    }
}
