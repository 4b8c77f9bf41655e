//! Tells a boot loader of kernels whose modules have changed.

use modsmith_plugin::prelude::*;

struct Plugin;

impl KernelHooks for Plugin {
    fn on_event(event: Event, kernel: &Kernel, plan: &mut Plan) -> Result<()> {
        if event != Event::PostTransaction || !has_program("update-loader") {
            return Err(unsupported("there is nothing to do"));
        }
        plan.run(cmd!("update-loader", kernel.release()))
    }
}

export!(Plugin: KernelHooks);
