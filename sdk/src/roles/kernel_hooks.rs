use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::kernel_hooks::exports::modsmith::plugin::kernel_hooks as wit;
use crate::{Kernel, Plan, Result};

pub use wit::{Event, HookFile};

/// Says what happens when kernels come and go.
pub trait KernelHooks {
    /// Adds the steps that belong to the event, beyond building and removing
    /// modules, which modsmith does itself.
    fn on_event(event: Event, kernel: &Kernel, plan: &mut Plan) -> Result<()>;

    /// Files that the distribution's package ships so that events arrive.
    fn hook_files() -> Vec<HookFile>;
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
