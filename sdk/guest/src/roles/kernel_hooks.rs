use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::kernel_hooks::exports::modsmith::plugin::kernel_hooks as wit;
use crate::{Kernel, Plan, Result, unsupported};

pub use wit::{Event, HookFile};

/// Says what happens when kernels come and go.
pub trait KernelHooks {
    /// Adds the steps that belong to the event, beyond building and removing
    /// modules, which modsmith does itself.
    fn on_event(event: Event, kernel: &Kernel, plan: &mut Plan) -> Result<()> {
        let _ = (event, kernel, plan);
        Err(unsupported("it only has hook files"))
    }

    /// Files that the distribution's package ships so that events arrive. They
    /// may name the directories of the program as `@SBINDIR@` and `@LIBDIR@`.
    fn hook_files() -> Vec<HookFile> {
        Vec::new()
    }
}

impl HookFile {
    /// A file that is executed.
    pub fn program(path: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), contents: contents.into(), mode: 0o755 }
    }

    /// A file that is read.
    pub fn data(path: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), contents: contents.into(), mode: 0o644 }
    }
}

impl<P: KernelHooks> wit::Guest for P {
    fn on_event(event: Event, kernel: &Kernel, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::on_event(event, kernel, &mut Plan::new(plan))
    }

    fn hook_files() -> Vec<HookFile> {
        crate::panic::enter();
        P::hook_files()
    }
}
