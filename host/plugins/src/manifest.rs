//! plugin.toml: what a plugin is, which systems it serves, what it provides
//! and what it asks for.
//!
//! The text is embedded in the component, in a custom section, so that a plugin
//! is one file and can be chosen without compiling or starting anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pattern::{ArgumentPattern, PathPattern};
use super::settings::{Setting, SettingKind};
use super::variables;

pub(crate) mod bad_manifest;
mod conflicts;
pub(crate) mod lifecycle;

pub use bad_manifest::{BadManifest, TRACK, check_identity};
use lifecycle::{check_host, check_others};

/// The custom section of a component that holds its plugin.toml.
pub const SECTION: &str = "modsmith:manifest";

/// The roles of plugins. Each is one interface that a component exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Distro,
    InstallPolicy,
    KernelLayout,
    KernelPrepare,
    Initrd,
    Signer,
    ModprobeConfig,
    WeakModules,
    Packager,
    KernelHooks,
    BootLoader,
    Checks,
    Store,
    FileOwner,
    SettingsCheck,
}

impl Role {
    /// The name in manifests, which is that of the exported interface.
    pub fn name(self) -> &'static str {
        match self {
            Role::Distro => "distro",
            Role::InstallPolicy => "install-policy",
            Role::KernelLayout => "kernel-layout",
            Role::KernelPrepare => "kernel-prepare",
            Role::Initrd => "initrd",
            Role::Signer => "signer",
            Role::ModprobeConfig => "modprobe-config",
            Role::WeakModules => "weak-modules",
            Role::Packager => "packager",
            Role::KernelHooks => "kernel-hooks",
            Role::BootLoader => "boot-loader",
            Role::Checks => "checks",
            Role::Store => "store",
            Role::FileOwner => "file-owner",
            Role::SettingsCheck => "settings-check",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A parsed and checked plugin.toml. `docs/reference/plugin-manifest.md`
/// describes each key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub id: String,
    /// A semantic version.
    pub version: String,
    /// The track of the interface that it was built for, such as `1.0`.
    pub api: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub license: String,
    /// Why it should not be used any longer, and what to use; empty for most.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub deprecated: String,
    /// Ids of the plugins whose place it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<String>,
    /// The oldest version of the host that it works with.
    #[serde(default, rename = "requires-host", skip_serializing_if = "Option::is_none")]
    pub requires_host: Option<String>,
    #[serde(default, rename = "match")]
    pub matches: Match,
    pub roles: Provides,
    #[serde(default)]
    pub read: Read,
    #[serde(default)]
    pub write: Write,
    #[serde(default)]
    pub sign: Sign,
    #[serde(default)]
    pub run: Vec<Run>,
    #[serde(default)]
    pub probe: Vec<Probe>,
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
    /// The values that tables with this base may set, by dotted key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policy: BTreeMap<String, PolicyKey>,
    /// For `modsmith plugin build`; the host does not use this section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
}

/// `[build]`: how the plugin is made in languages that cargo does not compile.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Program and arguments. The program runs in the plugin's folder.
    pub command: Vec<String>,
    /// The core module or component that the program makes, below the plugin's folder.
    pub output: String,
}

/// A key of `[policy]`. One that ends in `.*` stands for all below.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyKey {
    #[serde(rename = "type")]
    pub kind: SettingKind,
    /// The only values of a string, if there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// One line for authors of tables.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
}

/// `[match]`: which systems the plugin serves. Nothing named: every system.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Compared with os-release's `ID`, then with each word of `ID_LIKE`.
    #[serde(default)]
    pub distro: Vec<String>,
    /// Programs that must all be installed on the target.
    #[serde(default)]
    pub programs: Vec<String>,
    /// Only systems that have no os-release, or one that names nothing.
    #[serde(default, rename = "no-os-release")]
    pub no_os_release: bool,
    /// Decides between plugins that match equally well; the higher one wins.
    #[serde(default = "default_priority")]
    pub priority: i64,
}

fn default_priority() -> i64 {
    50
}

impl Default for Match {
    fn default() -> Self {
        Self { distro: Vec::new(), programs: Vec::new(), no_os_release: false, priority: default_priority() }
    }
}

/// How closely a plugin fits a system: greater is closer. A plugin that names
/// no distribution fits every system, least closely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MatchRank(u32);

impl MatchRank {
    /// Serves every system.
    pub const ANY: Self = Self(0);

    /// Claimed by the plugin's own judgement: closer than any system, less
    /// close than a plugin that names the system.
    pub(crate) fn claimed(score: u8) -> Self {
        Self(u32::from(score))
    }

    /// Whether the plugin named or claimed the system.
    pub(crate) fn is_specific(self) -> bool {
        self > Self::ANY
    }
}

impl Match {
    /// How closely the words fit the system's ids (`ID` first, then those of
    /// `ID_LIKE`): earlier ids fit closer. `None` when it does not fit.
    pub fn rank(&self, ids: &[String]) -> Option<MatchRank> {
        if self.no_os_release && !ids.is_empty() {
            return None;
        }
        if self.distro.is_empty() {
            return Some(MatchRank::ANY);
        }
        let location = ids.iter().position(|id| self.distro.iter().any(|word| word.eq_ignore_ascii_case(id)))?;
        let distance = u32::try_from(location).unwrap_or(u32::MAX).min(1000);
        Some(MatchRank(2000 - distance))
    }
}

/// `[roles]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provides {
    pub provides: Vec<Role>,
}

/// `[read]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    #[serde(default)]
    pub roots: Vec<PathPattern>,
}

/// `[write]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    #[serde(default)]
    pub roots: Vec<PathPattern>,
    /// Absolute targets that symlinks may have; others stay in their root.
    #[serde(default, rename = "link-targets")]
    pub link_targets: Vec<String>,
    /// Settings by which the administrator names further files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
}

/// `[sign]`: keys that the host signs with for the plugin. It cannot read them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    #[serde(default)]
    pub keys: Vec<PathPattern>,
    /// Settings by which the administrator names a key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
}

/// `[[run]]`: one program, and the arguments that it may be given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub program: String,
    #[serde(default)]
    pub arguments: ArgumentPattern,
    /// The program's files, if it is not on the program path.
    #[serde(default)]
    pub paths: Vec<PathPattern>,
    /// The setting by which the administrator may name another file for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// Variables that the plugin may set for the program; no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
    /// Variables of the caller's environment that the program gets, where they
    /// are set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pass: Vec<String>,
    /// The program works on nothing but the files among its arguments, so that this machine's
    /// program serves where the system below `--root` has none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub or_here: bool,
}

/// `[[probe]]`: a command with fixed arguments whose output is a fact.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    pub name: String,
    pub program: String,
    #[serde(default)]
    pub arguments: Vec<String>,
}

impl Manifest {
    /// The keys of `[policy]` with their types.
    pub(crate) fn policy_kinds(&self) -> impl Iterator<Item = (String, SettingKind)> {
        self.policy.iter().map(|(key, declared)| (key.clone(), declared.kind))
    }

    /// Parses and checks a plugin.toml.
    pub fn parse(text: &str) -> Result<Self, BadManifest> {
        check_host("plugin.toml", text)?;
        let manifest: Manifest = toml::from_str(text).map_err(|e| syntax("plugin.toml", text, &e))?;
        manifest.check().map_err(|message| BadManifest::Value { file: "plugin.toml", message })?;
        if manifest.api != TRACK {
            return Err(BadManifest::Track { file: "plugin.toml", api: manifest.api });
        }
        Ok(manifest)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        check_identity(&self.id, &self.version)?;
        check_others(&self.id, &self.replaces, &self.deprecated)?;
        if self.roles.provides.is_empty() {
            return Err("`roles.provides` is empty: a plugin provides at least one role".into());
        }
        if let Some(build) = &self.build {
            check_build(build)?;
        }
        for (key, setting) in &self.settings {
            if !setting.kind.accepts(&setting.default) {
                return Err(format!("`settings.{key}`: the default is not of type {}", setting.kind));
            }
        }
        for run in &self.run {
            check_run(run)?;
            if let Some(name) = &run.setting
                && !self.is_text(name)
            {
                return Err(format!("`run.setting = \"{name}\"` is not a string of [settings]"));
            }
        }
        if let Some(pattern) = self.write.roots.iter().find(|pattern| pattern.root().is_of_kernel()) {
            return Err(format!("`write.roots` names `{pattern}`: what the kernel makes is only read"));
        }
        let paths = self.run.iter().flat_map(|run| &run.paths);
        if let Some(pattern) =
            self.read.roots.iter().chain(&self.sign.keys).chain(paths).find(|pattern| pattern.is_all_of_kernel())
        {
            return Err(format!(
                "`{pattern}` takes too much: name what is read, as in `proc/modules` and `sys/module`"
            ));
        }
        for (table, names) in [("write", &self.write.settings), ("sign", &self.sign.settings)] {
            if let Some(name) = names.iter().find(|name| !self.is_text(name)) {
                return Err(format!("`{table}.settings` names `{name}`, which is not a string of [settings]"));
            }
        }
        self.probe.iter().try_for_each(|probe| check_program("probe", &probe.program))?;
        conflicts::check(self)
    }

    fn is_text(&self, setting: &str) -> bool {
        self.settings.get(setting).is_some_and(|s| s.kind == SettingKind::String)
    }

    /// Whether the plugin provides a role.
    pub fn provides(&self, role: Role) -> bool {
        self.roles.provides.contains(&role)
    }
}

fn check_build(build: &Build) -> Result<(), String> {
    if build.command.first().is_none_or(String::is_empty) {
        return Err("`build.command` is empty: name the program that makes the plugin, and its arguments".into());
    }
    if build.output.is_empty() || build.output.starts_with('/') || build.output.split('/').any(|part| part == "..") {
        return Err(format!("`build.output = \"{}\"` must be a file below the plugin's folder", build.output));
    }
    Ok(())
}

/// Makes the checks of a `[[run]]` entry that need no settings.
pub(super) fn check_run(run: &Run) -> Result<(), String> {
    check_program("run", &run.program)?;
    for (key, names) in [("environment", &run.environment), ("pass", &run.pass)] {
        names.iter().try_for_each(|name| variables::check_name(name)).map_err(|why| format!("`run.{key}`: {why}"))?;
    }
    match run.pass.iter().find(|variable| !variables::may_be_passed(variable)) {
        Some(variable) => Err(format!("`run.pass` names `{variable}`, which decides what is run")),
        None => Ok(()),
    }
}

pub(super) fn check_program(table: &str, program: &str) -> Result<(), String> {
    if program.is_empty() || program.contains('/') {
        return Err(format!("`{table}.program = \"{program}\"` must be a plain name; name its places in `paths`"));
    }
    Ok(())
}

pub(super) fn syntax(file: &'static str, text: &str, error: &toml::de::Error) -> BadManifest {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    BadManifest::Syntax { file, line, message: error.message().replace('\n', " ") }
}

#[cfg(test)]
pub(crate) mod tests;
