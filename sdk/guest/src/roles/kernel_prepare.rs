use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::kernel_prepare::exports::modsmith::plugin::kernel_prepare as wit;
use crate::{Plan, PrepareRequest, Result};

/// Prepares the source tree of a 2.4 or early 2.6 kernel before a build.
pub trait KernelPrepare {
    /// Adds the steps that bring the tree at `headers` into the state of this
    /// kernel. `unsupported` for a kernel that needs none.
    fn prepare(request: &PrepareRequest, plan: &mut Plan) -> Result<()>;

    /// Adds the steps that take the tree back to where it was, from what the
    /// preparation left: asked after every preparation, also one that failed.
    fn clean(request: &PrepareRequest, plan: &mut Plan) -> Result<()>;
}

impl<P: KernelPrepare> wit::Guest for P {
    fn prepare(request: &PrepareRequest, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::prepare(request, &mut Plan::new(plan))
    }

    fn clean(request: &PrepareRequest, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::clean(request, &mut Plan::new(plan))
    }
}
