//! The plugins of a system, as the flows use them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wasmtime::component::{InstancePre, ResourceTable};

use super::cache::CachePlaces;
use super::compile::Compiler;
use super::engine::Engine;
use super::grant::Reach;
use super::imports::CallState;
use super::index::{Index, IndexedPlugin, sort};
use super::limits::{Limits, RoleLimits};
use super::manifest::{MatchRank, Probe, Role};
use super::probe::{Probes, Probing, about};
use super::search::SearchPath;
use super::settings::{FrameworkSettings, Values};
use crate::error::{Error, Fault};
use crate::grant::named::Named;
use crate::imports::observed::Observer;
use crate::index::order::{Order, order_of};
use crate::problem::Problem;
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Places, Roots, System, find_program, inside};
use modsmith_plan::Step;

pub(crate) mod answer;
pub(crate) mod asking;
pub(crate) mod call;
mod guard;

use call::{Call, Subject};

type OnProblem = dyn Fn(&str) + Send + Sync;
/// A plugin's id, and the kernel's release where the settings depend on it.
type SettingsKey = (String, Option<String>);
type OfKernel = dyn Fn(&Kernel) -> Option<FrameworkSettings> + Send + Sync;

/// Index, policy and engine; each is made when it is first needed, so that
/// opening costs nothing.
pub struct Plugins {
    pub(super) system: Arc<System>,
    pub(super) search: SearchPath,
    framework: FrameworkSettings,
    /// The framework's settings for a kernel, where its release is part of them.
    of_kernel: Option<Box<OfKernel>>,
    /// The caller's environment, for settings that name a variable.
    environment: BTreeMap<String, String>,
    index: OnceLock<Index>,
    engine: OnceLock<Result<Engine, String>>,
    limits: OnceLock<RoleLimits>,
    loaded: Mutex<BTreeMap<PathBuf, InstancePre<CallState>>>,
    checked: Mutex<BTreeMap<SettingsKey, Result<Arc<Values>, String>>>,
    claims: Mutex<BTreeMap<String, u8>>,
    /// By plugin, the files that settings named for it in all calls so far.
    named: Mutex<BTreeMap<String, Named>>,
    pub(super) probes: Arc<Probes>,
    /// Whether probes of plugins without a grant are run.
    probing: bool,
    compiling_isolated: bool,
    /// Collects what plugins learn.
    pub(super) observer: Option<Observer>,
    /// Called with each file that is not used, when the index is read.
    on_problem: Option<Box<OnProblem>>,
}

/// Plugins of a role that serve this system.
pub(super) struct Candidates<'p> {
    /// In the order in which they are asked.
    pub entries: Vec<&'p IndexedPlugin>,
    /// Plugins of the role that do not serve this system, and why.
    pub others: Vec<(String, String)>,
    /// The error of the plugin that would be asked after the last one of `entries`, and cannot be asked.
    pub missed: Option<Error>,
}

impl Plugins {
    /// The plugins on a search path, for a system. Never fails as a whole:
    /// [`Plugins::problems`] lists what was refused.
    pub fn open(system: Arc<System>, search: SearchPath, settings: FrameworkSettings) -> Self {
        Self {
            system,
            search,
            framework: settings,
            of_kernel: None,
            environment: BTreeMap::new(),
            index: OnceLock::new(),
            engine: OnceLock::new(),
            limits: OnceLock::new(),
            loaded: Mutex::default(),
            checked: Mutex::default(),
            claims: Mutex::default(),
            named: Mutex::default(),
            probes: Arc::default(),
            probing: false,
            compiling_isolated: false,
            observer: None,
            on_problem: None,
        }
    }

    /// Packagers that would be used if this machine let them be: what is missing,
    /// and what to do.
    pub fn refused_packagers(&self) -> impl Iterator<Item = &str> {
        let packagers = self.index().all_refused().filter(|refused| refused.manifest.provides(Role::Packager));
        packagers.map(|refused| refused.message.as_str())
    }

    /// Calls `on_problem` with each file that is not used, as soon as plugins are needed.
    /// A command that needs no plugin does not read the files.
    pub fn on_problem(self, on_problem: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { on_problem: Some(Box::new(on_problem)), ..self }
    }

    /// Uses other settings for calls about a kernel, if `of_kernel` returns some.
    pub fn with_settings_of_kernel(
        self,
        of_kernel: impl Fn(&Kernel) -> Option<FrameworkSettings> + Send + Sync + 'static,
    ) -> Self {
        Self { of_kernel: Some(Box::new(of_kernel)), ..self }
    }

    /// Uses these variables for settings that name one.
    pub fn with_environment(self, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { environment: environment.into_iter().collect(), ..self }
    }

    /// Says whether the system is to be changed. If so, probes of plugins without a grant are run, as the
    /// programs of their steps will be. Otherwise they are not: a dry run, or a question, starts no
    /// program that is not vetted.
    pub fn acting(self, acting: bool) -> Self {
        Self { probing: acting, ..self }
    }

    /// Compiles plugins in a process of its own, within limits. Only the program that has this crate's
    /// compiler can do so, because it starts itself.
    pub fn compiling_isolated(self) -> Self {
        Self { compiling_isolated: true, ..self }
    }

    /// Plugins of an empty search path: every question stays unanswered.
    pub fn none(system: Arc<System>) -> Self {
        Self::open(system, SearchPath::none(), FrameworkSettings::default())
    }

    /// Files on the search path that are not used, and why.
    pub fn problems(&self) -> &[Problem] {
        self.index().problems()
    }

    /// Records an output of a probe, about these files if there are any: the probe is not run.
    pub fn know_probe(&self, probe: &Probe, files: &[String], output: &str) {
        self.probes.know(&about(probe, files), output);
    }

    /// The plugins on the search path.
    pub fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let index = Index::read(&self.search);
            for problem in index.problems() {
                tracing::debug!("{problem}");
            }
            if let Some(on_problem) = &self.on_problem {
                Problem::messages(index.problems()).iter().for_each(|sentence| on_problem(sentence));
            }
            index
        })
    }

    pub(super) fn engine(&self) -> Result<&Engine, Error> {
        let limits = self.all_limits()?.loading;
        let compiler = if self.compiling_isolated { Compiler::Isolated(limits) } else { Compiler::Here };
        let made = self.engine.get_or_init(|| {
            let places = CachePlaces { own: self.search.caches.clone(), shipped: self.search.shipped.clone() };
            Engine::new(places, compiler, limits).map_err(|e| format!("{e:#}"))
        });
        made.as_ref().map_err(|reason| Error::EngineNotStarted { reason: reason.clone() })
    }

    fn limits(&self, role: Role) -> Result<&Limits, Error> {
        Ok(self.all_limits()?.of(role))
    }

    pub(super) fn all_limits(&self) -> Result<&RoleLimits, Error> {
        if self.limits.get().is_none() {
            let limits = RoleLimits::read(&self.search.config)?;
            // Another thread may have read the same file meanwhile.
            let _ = self.limits.set(limits);
        }
        Ok(self.limits.get_or_init(RoleLimits::default))
    }

    /// Plugins of a role that serve this system.
    pub(super) fn candidates(&self, role: Role) -> Candidates<'_> {
        let mut candidates = Vec::new();
        let mut others = Vec::new();
        let mut missed = Vec::new();
        for (rank, entry) in self.index().fitting(role, &self.system.os.distro_ids()) {
            let missing = entry.manifest.matches.programs.iter().find(|p| find_program(&self.system.root, p).is_none());
            if let Some(program) = missing {
                others.push((entry.id().to_owned(), format!("`{program}` is not installed")));
                continue;
            }
            let claim = match self.claim(entry) {
                Ok(claim) => claim,
                Err(error) => {
                    missed.push((order_of(rank, &entry.manifest), error));
                    continue;
                }
            };
            match claim {
                Some(0) => others.push((entry.id().to_owned(), "the system is none of its own".to_owned())),
                Some(score) if !rank.is_specific() => candidates.push((MatchRank::claimed(score), entry)),
                _ => candidates.push((rank, entry)),
            }
        }
        missed.extend(self.missed(role).into_iter().map(|(order, _, error)| (order, error)));
        missed.sort_by(|(a, _), (b, _)| a.cmp(b));
        let missed = missed.into_iter().next();
        if let Some((first, _)) = &missed {
            candidates.retain(|(rank, entry)| order_of(*rank, &entry.manifest) < *first);
        }
        sort(&mut candidates);
        let entries = candidates.into_iter().map(|(_, entry)| entry).collect();
        Candidates { entries, others, missed: missed.map(|(_, error)| error) }
    }

    /// Every plugin of a role that serves this system, by its id: for roles in which no plugin
    /// answers for another one. One that cannot be used has its error instead.
    pub(super) fn every(&self, role: Role) -> Vec<(String, Result<&IndexedPlugin, Error>)> {
        let mut all: Vec<(Order, String, Result<&IndexedPlugin, Error>)> = Vec::new();
        for (rank, entry) in self.index().fitting(role, &self.system.os.distro_ids()) {
            if entry.manifest.matches.programs.iter().any(|name| find_program(&self.system.root, name).is_none()) {
                continue;
            }
            let usable = match self.claim(entry) {
                Ok(Some(0)) => continue,
                Ok(_) => Ok(entry),
                Err(error) => Err(error),
            };
            all.push((order_of(rank, &entry.manifest), entry.id().to_owned(), usable));
        }
        let unusable = self.missed(role).into_iter();
        all.extend(unusable.map(|(order, id, error)| (order, id, Err(error))));
        all.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        all.into_iter().map(|(_, id, usable)| (id, usable)).collect()
    }

    /// Plugins that would have to be asked, as far as is known, and cannot be; each with its id.
    fn missed(&self, role: Role) -> Vec<(Order, String, Error)> {
        let ids = self.system.os.distro_ids();
        let missed = self.index().unusable().iter().filter_map(|plugin| {
            let order = match &plugin.manifest {
                // Other responsible plugins answer before it; only plugins for every system do not.
                None => Order::last(&plugin.id),
                Some(manifest) => {
                    let installed = |program: &String| find_program(&self.system.root, program).is_some();
                    let serves = manifest.provides(role) && manifest.matches.programs.iter().all(installed);
                    order_of(manifest.matches.rank(&ids).filter(|_| serves)?, manifest)
                }
            };
            Some((order, plugin.id.clone(), call::unusable(plugin, role.name())))
        });
        missed.collect()
    }

    /// The plugin's own judgement, where its manifest names no distribution. A
    /// plugin that fails to judge claims nothing.
    ///
    /// Errors: the plugin could not be asked.
    fn claim(&self, entry: &IndexedPlugin) -> Result<Option<u8>, Error> {
        if !entry.manifest.provides(Role::Distro) || !entry.manifest.matches.distro.is_empty() {
            return Ok(None);
        }
        let known = self.claims.lock().unwrap_or_else(PoisonError::into_inner).get(entry.id()).copied();
        if known.is_some() {
            return Ok(known);
        }
        let score = match self.score(entry) {
            Ok(score) => score,
            Err(error) if Fault::of(&error) == Some(Fault::Unusable) => return Err(error),
            Err(error) => {
                tracing::warn!("{error}");
                0
            }
        };
        self.claims.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.id().to_owned(), score);
        Ok(Some(score))
    }

    /// Calls a plugin, in a store of its own.
    pub(super) fn call<T>(
        &self,
        entry: &IndexedPlugin,
        role: Role,
        subject: Subject,
        roots: &Roots,
        body: impl FnOnce(&mut Call) -> wasmtime::Result<T>,
    ) -> Result<(T, Vec<Step>), Error> {
        let settings = self.checked_settings(entry, subject.kernel.map(AsRef::as_ref))?;
        self.call_with(entry, role, subject, roots, settings, body)
    }

    pub(super) fn call_with<T>(
        &self,
        entry: &IndexedPlugin,
        role: Role,
        subject: Subject,
        roots: &Roots,
        settings: Arc<Values>,
        body: impl FnOnce(&mut Call) -> wasmtime::Result<T>,
    ) -> Result<(T, Vec<Step>), Error> {
        let _span = tracing::info_span!(
            "plugin",
            plugin = entry.id(),
            role = role.name(),
            module = subject.package.map(|p| format!("{}/{}", p.name, p.version)),
            kernel = subject.kernel.map(|k| k.release()),
        )
        .entered();
        let grant = entry.grant.clone().with(&self.named(entry, &settings, roots));
        let state = CallState {
            table: ResourceTable::new(),
            plugin: entry.id().to_owned(),
            role: role.name(),
            reach: Reach::new(&grant, Arc::new(Places::new(&self.system.root, roots.clone()))),
            grant,
            settings,
            system: self.system.clone(),
            probes: self.probes.clone(),
            probing: Probing::of(self.probing, entry.found_in),
            roots: roots.clone(),
            limits: self.limits(role)?.clone(),
            exceeded: None,
            denied: None,
            last_error: None,
            read: 0,
            open_files: 0,
            kept: 0,
            observer: self.observer.clone(),
        };
        let (id, role) = (entry.id(), role.name());
        let pre = self.load(entry)?;
        let mut call = Call::start(self.engine()?.wasmtime(), pre, state)
            .map_err(|failed| call::trapped(id, role, subject, &failed.0, &failed.1))?;
        let result = body(&mut call);
        let (state, steps) = call.finish();
        let value = result.map_err(|error| call::trapped(id, role, subject, &state, &error))?;
        if let Some(limit) = state.exceeded {
            return Err(call::exceeded(id, role, subject, limit));
        }
        if let Some(refusal) = &state.denied {
            return Err(call::denied(id, role, subject, refusal));
        }
        Ok((value, steps))
    }

    /// The files that the administrator's settings name for a plugin. They are remembered for the
    /// steps that it asks for.
    fn named(&self, entry: &IndexedPlugin, settings: &Values, roots: &Roots) -> Named {
        let named = Named::of(&entry.manifest, settings, &self.system, roots);
        let mut known = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(entry.id().to_owned()).or_default().extend(&named);
        named
    }

    fn load(&self, entry: &IndexedPlugin) -> Result<InstancePre<CallState>, Error> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pre) = loaded.get(&entry.component) {
            return Ok(pre.clone());
        }
        let pre = self.engine()?.load(entry).map_err(|error| Error::NotLoaded {
            plugin: entry.id().to_owned(),
            component: entry.component.clone(),
            reason: error.to_string(),
        })?;
        loaded.insert(entry.component.clone(), pre.clone());
        Ok(pre)
    }

    /// The plugin's settings, once they have been found good.
    pub fn checked_settings(&self, entry: &IndexedPlugin, kernel: Option<&Kernel>) -> Result<Arc<Values>, Error> {
        let of_kernel = self.of_kernel.as_ref().zip(kernel).and_then(|(of, kernel)| Some((of(kernel)?, kernel)));
        let key = (entry.id().to_owned(), of_kernel.as_ref().map(|(_, kernel)| kernel.release().to_owned()));
        let known = self.checked.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let name = Path::new("etc/modsmith/settings").join(format!("{}.toml", entry.id()));
        let file = self.system.root.join(&name);
        let checked = match known {
            Some(checked) => checked,
            None => {
                let declared = &entry.manifest.settings;
                let framework = of_kernel.map_or_else(|| self.framework.clone(), |(settings, _)| settings);
                let framework = framework.or_from(declared, &self.environment);
                // As the system would read it: no link of an image leads to a file of this machine.
                let found = match self.system.is_live() {
                    true => file.clone(),
                    false => inside::locate_in_root(&self.system.root, &name),
                };
                let checked = Values::merge(declared, &entry.policy(), &found, &framework)
                    .map_err(|e| e.to_string())
                    .map(|values| Arc::new(values.with_policy(entry.manifest.policy_kinds())));
                let checked = match checked {
                    Ok(values) => self.validate(entry, &values)?.map(|()| values),
                    Err(why) => Err(why),
                };
                let mut known = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(key, checked.clone());
                checked
            }
        };
        checked.map_err(|reason| Error::SettingsUnusable { plugin: entry.id().to_owned(), file, reason })
    }

    /// The rights in these places of the plugin that asked for a step. `None`: there is no such
    /// plugin.
    pub(super) fn reach(&self, id: &str, places: &Arc<Places>) -> Option<Reach> {
        let grant = self.index().get(id)?.grant.clone();
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned().unwrap_or_default();
        Some(Reach::new(&grant.with(&named), places.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::OsRelease;
    use std::os::unix::fs::symlink;

    #[test]
    fn settings_of_an_image_are_read_inside_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let manifest = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n\
            [settings]\nkey = { type = \"string\", default = \"own\" }\n";
        std::fs::create_dir(at("plugins")).unwrap();
        std::fs::write(at("plugins/x.wasm"), crate::manifest::tests::embedded(manifest)).unwrap();
        let settings = at("image/etc/modsmith/settings");
        std::fs::create_dir_all(&settings).unwrap();
        std::fs::write(at("secret.toml"), "key = \"outside\"\n").unwrap();
        let value = || {
            let system = Arc::new(System::new(at("image"), OsRelease::default()));
            let search = SearchPath::only(at("plugins"), at("cache"));
            let plugins = Plugins::open(system, search, FrameworkSettings::default());
            let entry = plugins.index().get("x").expect("it is found");
            plugins.checked_settings(entry, None).map(|values| values.get("key").unwrap().to_owned())
        };
        symlink(at("secret.toml"), settings.join("x.toml")).unwrap();
        assert_eq!(value().unwrap(), "own", "there is no such file in the image");
        std::fs::write(at("image/real.toml"), "key = \"inside\"\n").unwrap();
        std::fs::remove_file(settings.join("x.toml")).unwrap();
        symlink("/real.toml", settings.join("x.toml")).unwrap();
        assert_eq!(value().unwrap(), "inside");
        for (kind, words) in crate::files::tests::INSTEAD {
            crate::files::tests::put(kind, &settings.join("x.toml"));
            // The image has no devices.
            let words = if kind == "device" { "" } else { words };
            match value() {
                Ok(value) => assert_eq!((kind, value.as_str()), ("device", "own")),
                Err(error) => assert!(error.to_string().contains(words), "{kind}: {error}"),
            }
        }
    }
}
