//! The rights of a plugin: those that its manifest asks for, without those that the policy of this
//! machine denies.

use std::path::{Component, Path};
use std::sync::Arc;

use super::manifest::{Manifest, Probe, Run};
use super::pattern::{Matcher, PathPattern, absolute_glob, format_location};
use super::policy::Denials;
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Argument, Command, Environment, Program, RunsIn, Source, Use};

pub(crate) mod marks;
pub(crate) mod named;
pub(crate) mod program;
pub(crate) mod programs;
mod reach;
pub mod record;
mod refusal;
pub mod rights;
mod secrets;

use named::Named;
pub use reach::{Closed, Reach};
use refusal::Access;

/// The rights of one plugin. Each refusal is one sentence that names the
/// plugin, the rule, and what to do.
#[derive(Debug, Clone)]
pub struct Grant {
    plugin: String,
    read: Vec<PathPattern>,
    write: Vec<PathPattern>,
    link_targets: Vec<Matcher>,
    sign: Vec<PathPattern>,
    run: Vec<Run>,
    probes: Vec<Probe>,
    denials: Denials,
    named: Named,
}

impl Grant {
    /// The manifest's wishes, limited by the machine's policy. `plugin` is the
    /// id that refusals name: a table's own, not that of its base.
    pub fn new(plugin: &str, manifest: &Manifest, denials: &Denials) -> Result<Self, String> {
        Ok(Self {
            plugin: plugin.to_owned(),
            read: manifest.read.roots.clone(),
            write: manifest.write.roots.clone(),
            link_targets: manifest.write.link_targets.iter().map(|t| absolute_glob(t)).collect::<Result<_, _>>()?,
            sign: manifest.sign.keys.clone(),
            run: manifest.run.clone(),
            probes: manifest.probe.clone(),
            denials: denials.clone(),
            named: Named::default(),
        })
    }

    /// The grant with the files that the administrator named for the plugin.
    pub fn with(self: Arc<Self>, named: &Named) -> Arc<Self> {
        if *named == Named::default() {
            return self;
        }
        let mut grant = Arc::unwrap_or_clone(self);
        grant.named.extend(named);
        Arc::new(grant)
    }

    /// Whether a location is one that the administrator named: such ones may be
    /// outside the roots that plugins know.
    pub fn names(&self, location: &Location) -> bool {
        self.named.may_write(location) || self.named.is_key(location)
    }

    /// Whether a step may be in a plan.
    pub fn permits(&self, action: &Action) -> Result<(), String> {
        let verb = action.verb();
        if verb.is_hosts_own() {
            return Err(format!(
                "plugin `{}` asked for a step that only the host itself makes; report this to its author",
                self.plugin
            ));
        }
        verb.uses().iter().try_for_each(|used| self.permits_use(used))
    }

    fn permits_use(&self, used: &Use<'_>) -> Result<(), String> {
        match used {
            Use::Reads(key, Source::Key) => self.may_sign_with(key),
            Use::Reads(location, Source::Contents | Source::Entry) => self.may_read(location),
            Use::Makes(location) | Use::Replaces(location) | Use::ReplacesEach { to: location, .. } => {
                self.may_write(location)
            }
            Use::Moves { from, to } => {
                self.may_write(from)?;
                self.may_write(to)?;
                self.stays_secret(from, to)
            }
            Use::Links { location, target } => self.may_point(location, target),
            Use::Runs(command) => self.may_run(command),
            Use::Invalid(what) => Err(format!("plugin `{}` may not {what}; report this to its author", self.plugin)),
        }
    }

    /// Whether the plugin may ask for the kind of a file: for files that it may read, and for keys
    /// that it signs with.
    pub(crate) fn may_look_at(&self, location: &Location) -> Result<(), String> {
        if self.is_key(location) { self.not_denied(location) } else { self.may_read(location) }
    }

    /// Whether a file may be read or listed. Written places may be read too, but
    /// for keys to sign with.
    pub fn may_read(&self, location: &Location) -> Result<(), String> {
        if self.is_key(location) {
            return Err(refusal::is_a_key(&self.plugin, location));
        }
        let granted =
            self.covers(&self.read, location) || self.covers(&self.write, location) || self.named.may_write(location);
        if granted || self.names_program(location) {
            return self.not_denied(location);
        }
        Err(refusal::outside(&self.plugin, Access::Read, location, &self.read))
    }

    /// Whether a directory may be opened to reach granted entries below it.
    pub(crate) fn may_look_through(&self, location: &Location) -> bool {
        let programs = self.run.iter().flat_map(|run| &run.paths);
        self.read.iter().chain(&self.write).chain(&self.sign).chain(programs).any(|p| p.leads_through(location))
    }

    /// Whether anything below a root is granted.
    pub(crate) fn knows_root(&self, root: Root) -> bool {
        let programs = self.run.iter().flat_map(|run| &run.paths);
        let patterns = self.read.iter().chain(&self.write).chain(&self.sign).chain(programs);
        root == Root::Staging
            || self.named.knows_root(root)
            || patterns.map(PathPattern::root).any(|known| known == root)
    }

    fn is_key(&self, location: &Location) -> bool {
        self.named.is_key(location) || self.sign.iter().any(|pattern| pattern.covers(location))
    }

    fn may_sign_with(&self, key: &Location) -> Result<(), String> {
        if self.is_key(key) {
            return self.not_denied(key);
        }
        let granted: Vec<String> = self.sign.iter().map(|p| format!("\"{p}\"")).collect();
        Err(format!(
            "plugin `{}` may not sign with `{}`: its manifest grants `[sign] keys = [{}]`; \
             ask its author to name that path there, or use another plugin",
            self.plugin,
            format_location(key),
            granted.join(", ")
        ))
    }

    /// A key may not get a name under which it could be read.
    fn stays_secret(&self, from: &Location, to: &Location) -> Result<(), String> {
        if self.is_key(from) && !self.is_key(to) { Err(refusal::leaks(&self.plugin, from, to)) } else { Ok(()) }
    }

    fn may_write(&self, location: &Location) -> Result<(), String> {
        if self.covers(&self.write, location) || self.named.may_write(location) {
            self.not_denied(location)
        } else {
            Err(refusal::outside(&self.plugin, Access::Write, location, &self.write))
        }
    }

    /// The staging directory is private to the call, so always granted.
    fn covers(&self, patterns: &[PathPattern], location: &Location) -> bool {
        location.root == Root::Staging || patterns.iter().any(|pattern| pattern.covers(location))
    }

    fn names_program(&self, location: &Location) -> bool {
        self.run.iter().flat_map(|run| &run.paths).any(|pattern| pattern.names(location))
    }

    /// Whether any file is kept from the plugin: a key, however it is named, or a denied place.
    fn keeps_anything(&self) -> bool {
        !self.sign.is_empty() || self.named.keys().next().is_some() || self.denials.roots().next().is_some()
    }

    fn not_denied(&self, location: &Location) -> Result<(), String> {
        match self.denials.denies_path(location) {
            None => Ok(()),
            Some(file) => Err(refusal::is_denied(&self.plugin, location, file)),
        }
    }

    /// A link may not lead a later step, or a reader, out of what is granted.
    fn may_point(&self, location: &Location, target: &Path) -> Result<(), String> {
        let within_root = || {
            let mut depth = location.relative().components().count().checked_sub(1)?;
            for part in target.components() {
                match part {
                    Component::ParentDir => depth = depth.checked_sub(1)?,
                    Component::Normal(_) => depth += 1,
                    Component::CurDir => {}
                    Component::RootDir | Component::Prefix(_) => return None,
                }
            }
            Some(())
        };
        let climbs = target.components().any(|part| part == Component::ParentDir);
        let granted = !climbs && self.link_targets.iter().any(|glob| glob.is_match(target));
        if granted || (!target.as_os_str().is_empty() && within_root().is_some()) {
            return Ok(());
        }
        Err(format!(
            "plugin `{}` may not link `{}` to `{}`: the target leaves the root and no pattern of \
             `[write] link-targets` in its manifest matches it; ask its author to name it there",
            self.plugin,
            format_location(location),
            target.display()
        ))
    }

    fn may_run(&self, command: &Command) -> Result<(), String> {
        let shown = match &command.program {
            Program::Named(name) => name.clone(),
            Program::At(location) => format_location(location),
        };
        let name = shown.rsplit('/').next().unwrap_or(&shown);
        self.may_run_program(name, &shown, &command.arguments, |run| {
            is_of(run, &command.program, &self.named) && command.pass.iter().all(|variable| run.pass.contains(variable))
        })?;
        self.may_set_variables(&shown, command)?;
        let lines = command.input.iter().filter_map(|line| match line {
            Argument::Location(location) => Some(location),
            Argument::Text(_) => None,
        });
        command.directory.iter().chain(lines).try_for_each(|location| self.may_read(location))
    }

    /// Only variables that the entry lists by which the command may be run.
    fn may_set_variables(&self, shown: &str, command: &Command) -> Result<(), String> {
        let Environment::Clean(variables) = &command.environment else {
            return Err(format!(
                "plugin `{}` may not run `{shown}` with the caller's environment; report this to its author",
                self.plugin
            ));
        };
        if self.fitting(command).next().is_some() {
            return Ok(());
        }
        let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        Err(format!(
            "plugin `{}` may not set `{}` for `{shown}`: no `environment` of its `[[run]]` entries for these arguments \
             lists all of them; ask its author to name them there, or to do without them",
            self.plugin,
            names.join("`, `")
        ))
    }

    /// Variables of the caller's environment that a command gets.
    pub fn passes(&self, command: &Command) -> Vec<String> {
        self.fitting(command).next().map(|run| run.pass.clone()).unwrap_or_default()
    }

    /// The system whose program a command runs.
    pub fn place(&self, command: &Command) -> RunsIn {
        if self.fitting(command).next().is_some_and(|run| run.or_here) { RunsIn::Either } else { RunsIn::Target }
    }

    /// The entries that allow a command.
    fn fitting<'g>(&'g self, command: &'g Command) -> impl Iterator<Item = &'g Run> {
        let sets_only_listed = |run: &Run| match &command.environment {
            Environment::Clean(variables) => variables.iter().all(|(name, _)| run.environment.contains(name)),
            Environment::Inherited(_) => false,
        };
        self.run.iter().filter(move |run| {
            is_of(run, &command.program, &self.named)
                && run.arguments.matches(&command.arguments)
                && sets_only_listed(run)
        })
    }

    /// Whether a program may be run with text arguments, by its plain name.
    pub(crate) fn may_ask(&self, program: &str, arguments: &[String]) -> Result<(), String> {
        let arguments: Vec<Argument> = arguments.iter().cloned().map(Argument::Text).collect();
        self.may_run_program(program, program, &arguments, |run| run.program == program)
    }

    fn may_run_program(
        &self,
        name: &str,
        shown: &str,
        arguments: &[Argument],
        is: impl Fn(&Run) -> bool,
    ) -> Result<(), String> {
        let entries: Vec<&Run> = self.run.iter().filter(|run| is(run)).collect();
        if entries.is_empty() {
            return Err(format!(
                "plugin `{}` may not run `{shown}`: no `[[run]]` entry of its manifest names it; \
                 ask its author to add one, or use another plugin",
                self.plugin
            ));
        }
        if let Some(file) = entries
            .iter()
            .find_map(|run| self.denials.denies_program(&run.program))
            .or_else(|| self.denials.denies_program(name))
        {
            return Err(format!(
                "plugin `{}` may not run `{shown}`: {file} denies the program; change that policy to allow it",
                self.plugin
            ));
        }
        if entries.iter().any(|run| run.arguments.matches(arguments)) {
            return Ok(());
        }
        let given: Vec<String> = arguments
            .iter()
            .map(|argument| match argument {
                Argument::Text(text) => text.clone(),
                Argument::Location(location) => format_location(location),
            })
            .collect();
        let granted: Vec<String> = entries.iter().map(|run| format!("`{shown} {}`", run.arguments)).collect();
        let is_path = |argument: &&Argument| matches!(argument, Argument::Text(text) if text.starts_with('/'));
        let remedy = match arguments.iter().find(is_path) {
            // Only a location fits a pattern of paths, and is valid below `--root`.
            Some(Argument::Text(text)) => {
                format!("`{text}` is a path as text; ask its author to pass it as a location (in Rust, a `Path`)")
            }
            _ => "ask its author to correct `arguments`, or use another plugin".to_owned(),
        };
        Err(format!(
            "plugin `{}` may not run `{shown} {}`: the `[[run]]` entries of its manifest grant {}; {remedy}",
            self.plugin,
            given.join(" "),
            granted.join(" and ")
        ))
    }

    /// The entries for a program, with any arguments.
    pub(crate) fn run_entries(&self, program: &str) -> impl Iterator<Item = &Run> {
        self.run.iter().filter(move |run| run.program == program && self.denials.denies_program(program).is_none())
    }

    /// The rights that the policy of this machine denies to every plugin.
    pub(crate) fn denials(&self) -> &Denials {
        &self.denials
    }

    /// All programs that the manifest asks for.
    pub fn runs(&self) -> &[Run] {
        &self.run
    }

    /// A declared probe.
    pub fn probe(&self, name: &str) -> Result<&Probe, String> {
        let probe = self.probes.iter().find(|probe| probe.name == name).ok_or_else(|| {
            format!(
                "plugin `{}` may not run the probe `{name}`: no `[[probe]]` entry of its manifest declares it; \
                 ask its author to add one",
                self.plugin
            )
        })?;
        match self.denials.denies_program(&probe.program) {
            None => Ok(probe),
            Some(file) => Err(format!(
                "plugin `{}` may not run the probe `{name}`: {file} denies the program `{}`; change that policy to allow it",
                self.plugin, probe.program
            )),
        }
    }
}

/// Whether an entry is about the program.
fn is_of(run: &Run, program: &Program, named: &Named) -> bool {
    match program {
        Program::Named(name) => run.program == *name,
        // Only the host makes such locations: of files that the administrator named in a setting. Each
        // stands for the programs of its own setting.
        Program::At(location) if location.root == Root::System => {
            run.setting.as_ref().is_some_and(|setting| named.is_program(setting, location))
        }
        Program::At(location) => run.paths.iter().any(|pattern| pattern.names(location)),
    }
}

#[cfg(test)]
mod tests;
