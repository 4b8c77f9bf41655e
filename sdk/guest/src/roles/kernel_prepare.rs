use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::kernel_prepare::exports::modsmith::plugin::kernel_prepare as wit;
use crate::{Kernel, Plan, Result};

/// Prepares the source tree of a 2.4 or early 2.6 kernel before a build.
pub trait KernelPrepare {
    /// Adds the steps that bring the tree at `headers` into the state of this
    /// kernel, with these contents of a configuration file if one was asked for.
    /// `unsupported` for a kernel that needs none.
    fn prepare(kernel: &Kernel, config: Option<Vec<u8>>, plan: &mut Plan) -> Result<()>;

    /// Adds the steps that take the tree back to where it was, from what the
    /// preparation left: asked after every preparation, also one that failed.
    fn clean(kernel: &Kernel, plan: &mut Plan) -> Result<()>;
}

impl<P: KernelPrepare> wit::Guest for P {
    fn prepare(kernel: &Kernel, config: Option<Vec<u8>>, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::prepare(kernel, config, &mut Plan::new(plan))
    }

    fn clean(kernel: &Kernel, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::clean(kernel, &mut Plan::new(plan))
    }
}
