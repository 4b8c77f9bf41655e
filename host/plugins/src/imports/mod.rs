//! The functions of the host that plugins may call: facts, settings, log, and steps in the plan
//! that they were lent. Nothing here changes the system.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::ResourceLimiter;
use wasmtime::component::{Resource, ResourceTable};

use super::bindings::modsmith::plugin::types;
use super::exceeded::Exceeded;
use super::grant::{Grant, Reach};
use super::limits::Limits;
use super::probe::{Probes, Probing};
use super::settings::Values;
use modsmith_facts::Compression;
use modsmith_facts::kernel::{Kernel, SymbolVersions};
use modsmith_facts::{Location, Root, Roots, System};
use observed::{Observation, Observer};

mod answers;
mod boot;
mod checks;
mod command;
mod context;
mod error;
#[cfg(test)]
mod hostile;
mod kept;
mod log;
pub(crate) mod observed;
mod owner;
mod pieces;
mod plan;
mod requests;
mod settings;
mod store;
mod system;

pub use answers::{Declared, Enrolment, FormatOption, HookFile, RequirementsAnswer, SigningAnswer};
pub use boot::{BootEntryAnswer, BootMenuAnswer, BootRequest};
pub use checks::{CheckReportAnswer, CheckRequest, FindingAnswer, NeedAnswer};
pub use command::PlannedCommand;
pub use context::{KernelFacts, Module, ModulePackage};
pub use log::TARGET as LOG_TARGET;
pub use owner::{OwnedFileAnswer, OwnerRequest};
pub use pieces::Pieces;
pub use plan::StepBuffer;
pub use requests::*;
pub use store::{StorePlaceAnswer, StoreRequest};
pub use system::{Dir, OpenFile};

/// In bytes, as Linux has it: path_resolution(7).
const LONGEST_PATH: usize = 4096;

/// Everything that one call of a plugin can reach.
pub struct CallState {
    pub(super) table: ResourceTable,
    pub(super) plugin: String,
    pub(super) role: &'static str,
    pub(super) grant: Arc<Grant>,
    /// The grant in the places of this call.
    pub(super) reach: Reach,
    pub(super) settings: Arc<Values>,
    pub(super) system: Arc<System>,
    pub(super) probes: Arc<Probes>,
    pub(super) probing: Probing,
    /// The roots of the system, of the kernel and of the plan.
    pub(super) roots: Roots,
    pub(super) limits: Limits,
    /// The first limit that was exceeded: the call fails even if the plugin
    /// carries on.
    pub(super) exceeded: Option<Exceeded>,
    /// The first refused step, for the same reason.
    pub(super) denied: Option<String>,
    /// Bytes of the files and directories read so far: work that fuel does not
    /// measure.
    pub(super) read: u64,
    /// Files that the plugin has open.
    pub(super) open_files: usize,
    /// Bytes that the host keeps for the plugin: memory that the plugin's own limit does not measure.
    pub(super) kept: usize,
    /// The last message logged as an error: what a panicking guest said.
    pub(super) last_error: Option<String>,
    /// Collects what the plugin learns from the system.
    pub(super) observer: Option<Observer>,
}

impl CallState {
    fn exceed(&mut self, limit: Exceeded) -> Exceeded {
        *self.exceeded.get_or_insert(limit)
    }

    /// The location that a plugin names.
    pub(crate) fn location(&self, path: &types::Path) -> Result<Location, types::Error> {
        if let Some(named) = self.named(path) {
            return Ok(named);
        }
        let root = self.root(&path.root)?;
        if path.relative.len() > LONGEST_PATH {
            return Err(types::Error::invalid(format!("a path below `{root}` has more than {LONGEST_PATH} bytes")));
        }
        Location::of_text(root, &path.relative)
            .map_err(|e| types::Error::denied(format!("plugin `{}`: {e}", self.plugin)))
    }

    /// The location of a file that the administrator named, outside the roots that
    /// plugins know.
    fn named(&self, path: &types::Path) -> Option<Location> {
        let system = path.root == Root::System.name();
        let location = Location::of_text(Root::System, &path.relative).ok().filter(|_| system)?;
        self.grant.names(&location).then_some(location)
    }

    fn root(&self, name: &str) -> Result<Root, types::Error> {
        let root = Root::narrow(name).ok_or_else(|| {
            types::Error::denied(format!("plugin `{}` named the root `{name}`, which plugins do not have", self.plugin))
        })?;
        match self.roots.get(root) {
            Some(_) => Ok(root),
            None => Err(types::Error::missing(format!("the root `{name}` is not known in this call"))),
        }
    }

    /// Tells the observer, if there is one.
    fn observe(&self, observation: impl FnOnce() -> Observation) {
        if let Some(observer) = &self.observer {
            observer.note(observation());
        }
    }

    /// Tells the observer about something at a location.
    fn observe_at(&self, location: &Location, observation: impl FnOnce(PathBuf) -> Observation) {
        if let Some(path) = self.observer.as_ref().and_then(|_| self.roots.path(location)) {
            self.observe(|| observation(path));
        }
    }

    /// Lends a resource for the length of a call.
    fn push<T: Send + 'static>(&mut self, value: T) -> wasmtime::Result<Resource<T>> {
        self.table.push(value).map_err(|_| {
            let limit = self.limits.no_resources();
            wasmtime::Error::new(self.exceed(limit))
        })
    }
}

impl ResourceLimiter for CallState {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let limit = self.limits.no_memory();
        if desired > self.limits.memory_mib.saturating_mul(1 << 20) {
            return Err(wasmtime::Error::new(self.exceed(limit)));
        }
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let limit = self.limits.no_table();
        if desired > self.limits.table_elements {
            return Err(wasmtime::Error::new(self.exceed(limit)));
        }
        Ok(true)
    }

    /// A component made of several modules needs a few; more is a bomb.
    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        8
    }
}

impl types::Host for CallState {}

impl From<&Location> for types::Path {
    fn from(location: &Location) -> Self {
        Self { root: location.root.name().to_owned(), relative: location.text() }
    }
}

/// A compression by the name that the interface has for it.
pub(super) fn compression(name: &str) -> Result<Compression, types::Error> {
    Compression::from_name(name)
        .ok_or_else(|| types::Error::unsupported(format!("there is no compression `{name}`, but gzip, xz and zstd")))
}

/// The roots of a system with those of a kernel.
pub(crate) fn roots_of(system: &System, kernel: Option<&Kernel>) -> Roots {
    let mut roots = system.roots.clone();
    if let Some(kernel) = kernel {
        roots.set(Root::Modules, kernel.module_dir());
        if let Some(headers) = kernel.headers() {
            roots.set(Root::Headers, headers);
        }
    }
    roots
}

/// A package as plugins see it, before it is lent to one.
#[derive(Debug, Clone, Default)]
pub struct PackageFacts {
    pub name: String,
    pub version: String,
    /// Directives of its dkms.conf, all slots.
    pub directives: BTreeMap<String, Vec<String>>,
    /// Installed base names of its kernel modules.
    pub modules: Vec<String>,
    /// Their files that the call's kernel gets or has, below its module
    /// directory.
    pub installed: Vec<String>,
    /// The symbols that they need, by module name.
    pub symbols: BTreeMap<String, SymbolSource>,
}

/// The source of the symbols that a module needs.
#[derive(Debug, Clone)]
pub enum SymbolSource {
    /// A module file: read when a plugin asks.
    File(PathBuf),
    Known(SymbolVersions),
}

/// A state as a call would have it, for tests of the imports.
#[cfg(test)]
fn state(system: System, manifest: &str, limits: Limits) -> CallState {
    let text = format!("id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"initrd\"]\n{manifest}");
    let manifest = super::manifest::Manifest::parse(&text).unwrap();
    let grant = Arc::new(Grant::new("x", &manifest, &super::policy::Denials::default()).unwrap());
    let roots = roots_of(&system, None);
    state_of(system, roots, grant, limits)
}

/// As [`state`], with roots and a grant.
#[cfg(test)]
fn state_of(system: System, roots: Roots, grant: Arc<Grant>, limits: Limits) -> CallState {
    let places = modsmith_facts::Places::new(&system.root, roots.clone());
    CallState {
        table: ResourceTable::new(),
        plugin: "x".into(),
        role: "initrd",
        reach: Reach::new(&grant, Arc::new(places)),
        grant,
        settings: Arc::default(),
        probes: Arc::default(),
        probing: Probing::Always,
        roots,
        system: Arc::new(system),
        limits,
        exceeded: None,
        denied: None,
        read: 0,
        open_files: 0,
        kept: 0,
        last_error: None,
        observer: None,
    }
}
