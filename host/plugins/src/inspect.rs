//! What the user is shown of plugins: the list, one plugin's rights, and the
//! grants that the administrator gives.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::facade::Plugins;
use super::form;
use super::index::{Index, digest, read_trusted};
use super::interpreter::executes_input;
use super::limits::LoadingLimits;
use super::manifest::{Manifest, Role, Run};
use super::policy;
use super::search::FoundIn;
use super::table::{Table, TableFile};
use super::variables::loads_code;
use crate::error::Error;
use modsmith_facts::find_program;
use modsmith_facts::text::field;

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
    /// The base plugin of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Whether its manifest fits this system.
    pub serves: bool,
    /// Why not, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What `plugin inspect` shows.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    pub file: PathBuf,
    pub digest: String,
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
}

/// What administrators do with plugins.
#[derive(Clone, Copy)]
pub struct Administration<'p>(pub &'p Plugins);

impl Administration<'_> {
    /// All usable plugins, by id. [`Plugins::problems`] has the others.
    pub fn list(&self) -> Vec<Listed> {
        let ids = self.0.system.os.distro_ids();
        let mut listed: Vec<Listed> = self
            .0
            .index()
            .entries()
            .iter()
            .map(|entry| {
                let matches = &entry.manifest.matches;
                let missing = matches.programs.iter().find(|p| find_program(&self.0.system.root, p).is_none());
                let reason = match (matches.rank(&ids), missing) {
                    (None, _) if matches.no_os_release => Some("for systems without os-release".to_owned()),
                    (None, _) => Some(format!("for {}", matches.distro.join(", "))),
                    (Some(_), Some(program)) => Some(format!("`{program}` is not installed")),
                    (Some(_), None) => None,
                };
                Listed {
                    id: entry.id().to_owned(),
                    version: entry.manifest.version.clone(),
                    description: entry.manifest.description.clone(),
                    roles: entry.manifest.roles.provides.clone(),
                    file: entry.file().to_path_buf(),
                    found_in: entry.found_in,
                    base: entry.table.as_ref().map(|table| table.base.clone()),
                    serves: reason.is_none(),
                    reason,
                }
            })
            .collect();
        listed.sort_by(|a, b| a.id.cmp(&b.id));
        listed
    }

    /// What a plugin is and asks for: by id, or by the path of a component or a table
    /// that need not be installed. All checks of its form are made; none of it runs.
    pub fn inspect(&self, plugin: &str) -> Result<Inspection, Error> {
        let limits = &self.0.all_limits()?.loading;
        if let Some(entry) = self.0.index().get(plugin) {
            let mut out = inspect_parts(&entry.component, entry.table.as_ref(), &entry.manifest, limits)?;
            out.denied = entry.grant.denials().describe();
            return Ok(out);
        }
        if let Some(refused) = self.0.index().refused(plugin) {
            let mut out = inspect_parts(&refused.component, refused.table.as_ref(), &refused.manifest, limits)?;
            out.refused = Some(refused.message.clone());
            return Ok(out);
        }
        let problem = self.0.problems().iter().find(|problem| {
            problem.plugin.as_deref() == Some(plugin) || problem.file.file_stem().is_some_and(|stem| stem == plugin)
        });
        match problem {
            Some(problem) if problem.file.extension().is_some_and(|e| e == "wasm") => {
                let mut out = inspect_file(&problem.file, None, limits).map_err(|_| Error::NotUsed(problem.clone()))?;
                out.refused = Some(problem.message.clone());
                Ok(out)
            }
            Some(problem) => Err(Error::NotUsed(problem.clone())),
            None if plugin.ends_with(".toml") => self.inspect_table(Path::new(plugin), limits),
            None if plugin.contains('/') || plugin.ends_with(".wasm") => inspect_file(Path::new(plugin), None, limits),
            None => Err(Error::NoSuchPlugin { plugin: plugin.to_owned() }),
        }
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
    pub fn grant(&self, id: &str) -> Result<(Inspection, PathBuf), Error> {
        let mut inspected = self.inspect(id)?;
        let file = policy::grant(&self.0.search.config, &inspected.manifest.id, &inspected.digest)?;
        // What the grant does not mend: a policy that denies the plugin.
        let now = Index::read(&self.0.search);
        inspected.refused = now.refused(&inspected.manifest.id).map(|refused| refused.message.clone());
        Ok((inspected, file))
    }

    /// Takes a grant back; returns the file that recorded it.
    pub fn revoke(&self, id: &str) -> Result<PathBuf, Error> {
        policy::revoke(&self.0.search.config, id)
    }
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
    })
}

/// No text of the manifest makes further lines, or hides: each field is escaped.
impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = &self.manifest;
        let title = format!("{} {}: {}", manifest.id, manifest.version, manifest.description);
        writeln!(f, "{}", field(&title))?;
        let mut line = |name: &str, text: String| {
            if text.is_empty() { Ok(()) } else { writeln!(f, "  {name:<14}{}", field(&text)) }
        };
        line("file", format!("{} ({} bytes)", self.file.display(), self.size))?;
        line("digest", self.digest.clone())?;
        line("base", self.base.clone().unwrap_or_default())?;
        line("license", manifest.license.clone())?;
        line("refused", self.refused.clone().unwrap_or_default())?;
        let old = if manifest.matches.no_os_release { "without os-release" } else { "" };
        line("systems", old.to_owned())?;
        line("systems", manifest.matches.distro.join(", "))?;
        line("needs", manifest.matches.programs.join(", "))?;
        line("roles", names(&manifest.roles.provides))?;
        line("reads", names(&manifest.read.roots))?;
        line("writes", names(&manifest.write.roots))?;
        line("writes", by_settings(&manifest.write.settings))?;
        line("links to", manifest.write.link_targets.join(", "))?;
        line("signs with", names(&manifest.sign.keys))?;
        line("signs with", by_settings(&manifest.sign.settings))?;
        for run in &manifest.run {
            line("runs", command(&run.program, &run.arguments.to_string()))?;
            line("  found at", names(&run.paths))?;
            line("  sets", run.environment.iter().map(|name| variable(name)).collect::<Vec<_>>().join(", "))?;
            line("  passed", run.pass.join(", "))?;
            line("  or", if run.or_here { "this machine's, where the target has none" } else { "" }.to_owned())?;
        }
        for probe in &manifest.probe {
            line("asks", command(&probe.program, &probe.arguments.join(" ")))?;
        }
        for denied in &self.denied {
            line("denied", denied.clone())?;
        }
        for (interface, functions) in self.imports.iter().filter(|(_, functions)| !functions.is_empty()) {
            line("imports", format!("{interface}: {}", functions.join(", ")))?;
        }
        for (key, setting) in &manifest.settings {
            let variable = setting.environment.as_ref().map(|v| format!("  (also by ${v})")).unwrap_or_default();
            let text = format!("{key} ({}) = {}  {}{variable}", setting.kind, setting.default, setting.help);
            line("setting", text.trim_end().to_owned())?;
        }
        for (key, text) in &self.policy {
            line("value", format!("{key} = {}", text.replace('\n', ", ")))?;
        }
        Ok(())
    }
}

/// A command, with a warning where granting it is granting everything.
fn command(program: &str, arguments: &str) -> String {
    let warning = if executes_input(program) { "  (executes its input: may do anything)" } else { "" };
    format!("{}{warning}", format!("{program} {arguments}").trim_end())
}

fn variable(name: &str) -> String {
    let warning = if loads_code(name) { " (loads code: may do anything)" } else { "" };
    format!("{name}{warning}")
}

/// Files that the administrator names.
fn by_settings(settings: &[String]) -> String {
    if settings.is_empty() { String::new() } else { format!("the file that the setting names: {}", names(settings)) }
}

fn names<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
