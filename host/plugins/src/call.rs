//! One call of one plugin: a fresh store, the facts that it is about, and what
//! became of it.

use std::sync::Arc;

use wasmtime::component::{Instance, InstancePre, Resource};
use wasmtime::{Store, Trap, WasmBacktrace};

use super::bindings::modsmith::plugin::types;
use super::imports::{Draft, KernelFacts, ModulePackage, PackageFacts, State};
use super::index::Unusable;
use super::limits::Exceeded;
use super::manifest::Role;
use crate::error::{Error, Kind};
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Step;

/// What a call is about; also what its failure is reported with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    pub kernel: Option<&'a Arc<Kernel>>,
    pub package: Option<&'a Arc<PackageFacts>>,
}

impl std::fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(package) = self.package {
            write!(f, " for {}/{}", package.name, package.version)?;
        }
        if let Some(kernel) = self.kernel {
            write!(f, " for kernel {}", kernel.release())?;
        }
        Ok(())
    }
}

/// A plugin that is instantiated and can be called once.
pub struct Call {
    pub store: Store<State>,
    pub pre: InstancePre<State>,
    pub instance: Instance,
    draft: Option<Resource<Draft>>,
}

impl Call {
    /// Instantiates the plugin. Start-up code of the guest runs here, within
    /// the same limits.
    pub fn start(
        engine: &wasmtime::Engine,
        pre: InstancePre<State>,
        state: State,
    ) -> Result<Self, Box<(State, wasmtime::Error)>> {
        let fuel = state.limits.fuel;
        let resources = state.limits.resources;
        let content = state.limits.content_mib.saturating_mul(1 << 20);
        let mut store = Store::new(engine, state);
        store.data_mut().table.set_max_capacity(resources);
        store.limiter(|state| state);
        // A file's content is handed over in one piece: one that is too large is
        // to be told by the plan's own limit.
        store.set_hostcall_fuel(store.hostcall_fuel().max(content.saturating_add(1 << 20)));
        let started = store.set_fuel(fuel).and_then(|()| pre.instantiate(&mut store));
        match started {
            Ok(instance) => Ok(Self { store, pre, instance, draft: None }),
            Err(error) => Err(Box::new((store.into_data(), error))),
        }
    }

    /// Lends a kernel for the length of the call.
    pub fn kernel(&mut self, kernel: &Arc<Kernel>) -> wasmtime::Result<Resource<KernelFacts>> {
        let owned = self.store.data_mut().table.push(KernelFacts(kernel.clone()))?;
        Ok(Resource::new_borrow(owned.rep()))
    }

    /// Hands a kernel over: lists of resources cannot be lent.
    pub fn owned_kernel(&mut self, kernel: &Arc<Kernel>) -> wasmtime::Result<Resource<KernelFacts>> {
        Ok(self.store.data_mut().table.push(KernelFacts(kernel.clone()))?)
    }

    /// Lends a package for the length of the call.
    pub fn package(&mut self, package: &Arc<PackageFacts>) -> wasmtime::Result<Resource<ModulePackage>> {
        let owned = self.store.data_mut().table.push(ModulePackage(package.clone()))?;
        Ok(Resource::new_borrow(owned.rep()))
    }

    /// Lends a plan; [`Call::finish`] returns the steps added to it.
    pub fn plan(&mut self, draft: Draft) -> wasmtime::Result<Resource<Draft>> {
        let owned = self.store.data_mut().table.push(draft)?;
        let borrowed = Resource::new_borrow(owned.rep());
        self.draft = Some(owned);
        Ok(borrowed)
    }

    /// The steps that were asked for, and the state for a report.
    pub fn finish(self) -> (State, Vec<Step>) {
        let mut state = self.store.into_data();
        let steps = self.draft.and_then(|draft| state.table.delete(draft).ok()).map_or(Vec::new(), |draft| draft.steps);
        (state, steps)
    }
}

/// What a plugin said of its own accord.
pub enum Said<T> {
    Value(T),
    /// Not its business, and why.
    Unsupported(String),
}

/// What a plugin did wrong in a call, for those who must tell one from the
/// other: the source of the error that the call ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it asked for more than it was granted")]
    Denied,
    #[error("it ran into a limit")]
    Exceeded,
    #[error("it crashed")]
    Crashed,
    /// It was not called: its file is not what it has to be.
    #[error("it cannot be used")]
    Unusable,
}

impl Fault {
    /// That of a failed call; `None` for failures of other kinds.
    pub fn of(error: &Error) -> Option<Self> {
        Self::behind(error.source.as_ref())
    }

    /// The fault that is an error's source.
    pub fn behind(source: Option<&anyhow::Error>) -> Option<Self> {
        source?.downcast_ref().copied()
    }
}

/// Sorts a role's result into an answer or a failure.
pub fn said<T>(plugin: &str, role: &str, subject: Subject, result: Result<T, types::Error>) -> Result<Said<T>, Error> {
    let failed = |message: String| Error::new(Kind::Plugin, message);
    match result {
        Ok(value) => Ok(Said::Value(value)),
        Err(types::Error::Unsupported(why)) => Ok(Said::Unsupported(why)),
        Err(types::Error::Invalid(why)) => {
            Err(failed(format!("The plugin `{plugin}` ({role}) cannot go on{subject}: {}.", sentence(&why)))
                .hint(format!("Correct what it names, or its settings in /etc/modsmith/settings/{plugin}.toml.")))
        }
        Err(types::Error::Denied(why)) => Err(denied(plugin, role, subject, &why)),
        Err(types::Error::Other(why)) => {
            Err(failed(format!("The plugin `{plugin}` ({role}) failed{subject}: {}.", sentence(&why)))
                .hint(format!("Look at what it may do with `modsmith plugin inspect {plugin}`.")))
        }
    }
}

/// A refused step: the plan without it would be incomplete, so the call fails.
pub fn denied(plugin: &str, role: &str, subject: Subject, refusal: &str) -> Error {
    Error::new(Kind::Plugin, format!("The plugin `{plugin}` ({role}) was refused{subject}: {}.", sentence(refusal)))
        .source(Fault::Denied)
        .hint(format!("See what it was granted with `modsmith plugin inspect {plugin}`."))
}

/// A call that ran into a limit.
pub fn exceeded(plugin: &str, role: &str, subject: Subject, limit: Exceeded) -> Error {
    Error::new(Kind::Plugin, format!("The plugin `{plugin}` ({role}) was stopped{subject}: {limit}."))
        .source(Fault::Exceeded)
        .hint(format!(
            "If it rightly needs more, raise `{}`{} in /etc/modsmith/limits.toml; else report it to its author.",
            limit.key,
            if role == Role::Packager.name() { " below [packager]" } else { "" }
        ))
}

/// A plugin that would have to be asked and is not what this machine wants to be
/// used: nobody answers in its place.
pub fn unusable(plugin: &Unusable, role: &str) -> Error {
    let Unusable { id, file, place, message, .. } = plugin;
    let what = if plugin.manifest.is_some() { "is to be asked here" } else { "may be responsible here" };
    let error = Error::new(
        Kind::Plugin,
        format!("The plugin `{id}` ({}) {what} ({role}) and cannot be used: {}.", file.display(), sentence(message)),
    )
    .source(Fault::Unusable);
    match place.needs_grant() {
        true => error
            .hint(format!("Put the file back that was granted, or run `modsmith plugin grant {id}` for this one."))
            .hint(format!("To go on without it, run `modsmith plugin revoke {id}`.")),
        false => error.hint(format!("Install the package again that {} belongs to.", file.display())).hint(format!(
            "To go on without it, put `[deny] plugins = [\"{id}\"]` into a file of /etc/modsmith/policy.d."
        )),
    }
}

/// A call that trapped, with what the guest said and where it was.
pub fn trapped(plugin: &str, role: &str, subject: Subject, state: &State, error: &wasmtime::Error) -> Error {
    if let Some(limit) = state.exceeded.or_else(|| error.downcast_ref::<Exceeded>().copied()) {
        return exceeded(plugin, role, subject, limit);
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::OutOfFuel) {
        return exceeded(plugin, role, subject, state.limits.no_fuel());
    }
    let why = match (trap, &state.last_error) {
        (Some(_), Some(message)) => message.clone(),
        (Some(trap), None) => trap.to_string(),
        (None, _) => error.root_cause().to_string(),
    };
    let mut out =
        Error::new(Kind::Plugin, format!("The plugin `{plugin}` ({role}) crashed{subject}: {}.", sentence(&why)))
            .source(Fault::Crashed);
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        let frames = backtrace.frames().iter().enumerate();
        out = out.details(frames.map(|(i, frame)| match frame.func_name() {
            Some(name) => format!("{i}: {name}"),
            None => format!("{i}: function {}", frame.func_index()),
        }));
    }
    out.hint(format!(
        "Report it to the author of `{plugin}`; until it is mended, deny it: `[deny] plugins = [\"{plugin}\"]` in a file of /etc/modsmith/policy.d."
    ))
}

/// Without the full stop that this program's own sentences end in.
fn sentence(text: &str) -> &str {
    text.trim().trim_end_matches('.')
}
