//! Tells a boot loader of kernels whose modules have changed.

use modsmith_plugin::prelude::*;

struct Plugin;

impl KernelHooks for Plugin {
    fn on_event(request: &EventRequest, plan: &mut Plan) -> Result<Vec<String>> {
        if request.event() != "post-transaction" || !has_program("update-loader")? {
            return Err(unsupported("there is nothing to do"));
        }
        plan.run(cmd!("update-loader", request.kernel().release()))?;
        // No kernel's module directory changes.
        Ok(Vec::new())
    }
}

export!(Plugin: KernelHooks);
