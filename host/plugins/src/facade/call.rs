//! One call of one plugin: a fresh store, the facts of the call, and its outcome.

use std::sync::Arc;

use wasmtime::component::{Instance, InstancePre, Resource};
use wasmtime::{Store, Trap, WasmBacktrace};

use crate::bindings::modsmith::plugin::types::{self, ErrorKind};
use crate::error::Error;
use crate::exceeded::Exceeded;
use crate::imports::{CallState, PackageFacts, StepBuffer};
use crate::index::Unusable;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Step;

/// The subject of a call; the message of a failure names it.
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
    pub store: Store<CallState>,
    pub pre: InstancePre<CallState>,
    pub instance: Instance,
    buffer: Option<Resource<StepBuffer>>,
}

impl Call {
    /// Instantiates the plugin. Start-up code of the guest runs here, within
    /// the same limits.
    pub fn start(
        engine: &wasmtime::Engine,
        pre: InstancePre<CallState>,
        state: CallState,
    ) -> Result<Self, Box<(CallState, wasmtime::Error)>> {
        let fuel = state.limits.fuel;
        let resources = state.limits.resources;
        let content = state.limits.content_mib.saturating_mul(1 << 20);
        let mut store = Store::new(engine, state);
        store.data_mut().table.set_max_capacity(resources);
        store.limiter(|state| state);
        // A file's content is handed over in one piece: one that is too large is
        // to be refused by the plan's own limit.
        store.set_hostcall_fuel(store.hostcall_fuel().max(content.saturating_add(1 << 20)));
        let started = store.set_fuel(fuel).and_then(|()| pre.instantiate(&mut store));
        match started {
            Ok(instance) => Ok(Self { store, pre, instance, buffer: None }),
            Err(error) => Err(Box::new((store.into_data(), error))),
        }
    }

    /// Lends a request for the length of the call.
    pub(crate) fn lend<T: Send + 'static>(&mut self, request: T) -> wasmtime::Result<Resource<T>> {
        let owned = self.store.data_mut().table.push(request)?;
        Ok(Resource::new_borrow(owned.rep()))
    }

    /// Takes over what the plugin made as an answer.
    pub fn take<T: Send + 'static>(&mut self, answer: Resource<T>) -> wasmtime::Result<T> {
        Ok(self.store.data_mut().table.delete(answer)?)
    }

    /// Lends a plan; [`Call::finish`] returns the steps added to it.
    pub fn plan(&mut self, buffer: StepBuffer) -> wasmtime::Result<Resource<StepBuffer>> {
        let owned = self.store.data_mut().table.push(buffer)?;
        let borrowed = Resource::new_borrow(owned.rep());
        self.buffer = Some(owned);
        Ok(borrowed)
    }

    /// The steps that were asked for, and the state for a report.
    pub fn finish(self) -> (CallState, Vec<Step>) {
        let mut state = self.store.into_data();
        let steps =
            self.buffer.and_then(|buffer| state.table.delete(buffer).ok()).map_or(Vec::new(), |buffer| buffer.steps);
        (state, steps)
    }
}

/// An answer that is a resource, taken over from the plugin.
pub fn taken<T: Send + 'static>(
    call: &mut Call,
    answer: Result<Resource<T>, types::Error>,
) -> wasmtime::Result<Result<T, types::Error>> {
    match answer {
        Ok(answer) => call.take(answer).map(Ok),
        Err(error) => Ok(Err(error)),
    }
}

/// The outcome of a call that did not fail.
pub enum CallOutcome<T> {
    Value(T),
    /// The plugin does not serve this case, and why.
    Unsupported(String),
}

/// Sorts a role's result into an answer or a failure.
pub(crate) fn call_outcome<T>(
    plugin: &str,
    role: &'static str,
    subject: Subject,
    result: Result<T, types::Error>,
) -> Result<CallOutcome<T>, Error> {
    let (plugin, subject) = (plugin.to_owned(), subject.to_string());
    let types::Error { kind, message, hints, .. } = match result {
        Ok(value) => return Ok(CallOutcome::Value(value)),
        Err(error) => error,
    };
    let (reason, hints) = (sentence(&message).to_owned(), hints.into_boxed_slice());
    match kind {
        ErrorKind::Unsupported => Ok(CallOutcome::Unsupported(message)),
        ErrorKind::Invalid => Err(Error::CannotGoOn { plugin, role, subject, reason, hints }),
        ErrorKind::Denied => Err(Error::Denied { plugin, role, subject, reason }),
        ErrorKind::Missing | ErrorKind::Other => Err(Error::Failed { plugin, role, subject, reason, hints }),
    }
}

/// A refused step.
pub fn denied(plugin: &str, role: &'static str, subject: Subject, refusal: &str) -> Error {
    let (plugin, subject) = (plugin.to_owned(), subject.to_string());
    Error::Denied { plugin, role, subject, reason: sentence(refusal).to_owned() }
}

/// A call that ran into a limit.
pub fn exceeded(plugin: &str, role: &'static str, subject: Subject, limit: Exceeded) -> Error {
    Error::Exceeded { plugin: plugin.to_owned(), role, subject: subject.to_string(), limit }
}

/// A plugin that would have to be asked.
pub fn unusable(plugin: &Unusable, role: &'static str) -> Error {
    Error::Unusable {
        plugin: plugin.id.clone(),
        file: plugin.file.clone(),
        granted: plugin.found_in.needs_grant(),
        readable: plugin.manifest.is_some(),
        role,
        reason: sentence(&plugin.message).to_owned(),
    }
}

/// A call that trapped, with what the guest said and where it was.
pub fn trapped(
    plugin: &str,
    role: &'static str,
    subject: Subject,
    state: &CallState,
    error: &wasmtime::Error,
) -> Error {
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
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(|backtrace| {
        let frames = backtrace.frames().iter().enumerate();
        let shown = frames.map(|(i, frame)| match frame.func_name() {
            Some(name) => format!("{i}: {name}"),
            None => format!("{i}: function {}", frame.func_index()),
        });
        shown.collect()
    });
    Error::Crashed {
        plugin: plugin.to_owned(),
        role,
        subject: subject.to_string(),
        reason: sentence(&why).to_owned(),
        backtrace: backtrace.unwrap_or_default(),
    }
}

/// Without the full stop that this program's own sentences end in.
fn sentence(text: &str) -> &str {
    text.trim().trim_end_matches('.')
}
