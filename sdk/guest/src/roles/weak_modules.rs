use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::weak_modules::exports::modsmith::plugin::weak_modules as wit;
use crate::{LinkRequest, Plan, RemovedKernelRequest, Result, unsupported};

/// Links that offer a module to other kernels with the same symbol versions. Each
/// function returns the releases of the kernels whose module directories its steps
/// change; modsmith runs depmod for them.
pub trait WeakModules {
    /// Adds the steps that offer the package's modules to compatible kernels.
    fn link(request: &LinkRequest, plan: &mut Plan) -> Result<Vec<String>>;

    /// Adds the steps that take the offer back.
    fn unlink(request: &LinkRequest, plan: &mut Plan) -> Result<Vec<String>>;

    /// Adds the steps that take away what offers modules of a kernel that is removed.
    fn kernel_removed(request: &RemovedKernelRequest, plan: &mut Plan) -> Result<Vec<String>> {
        let _ = (request, plan);
        Err(unsupported("modsmith itself removes links to the modules of a removed kernel"))
    }
}

impl<P: WeakModules> wit::Guest for P {
    fn link(request: &LinkRequest, plan: &Builder) -> Result<Vec<String>> {
        crate::panic::enter();
        P::link(request, &mut Plan::new(plan))
    }

    fn unlink(request: &LinkRequest, plan: &Builder) -> Result<Vec<String>> {
        crate::panic::enter();
        P::unlink(request, &mut Plan::new(plan))
    }

    fn kernel_removed(request: &RemovedKernelRequest, plan: &Builder) -> Result<Vec<String>> {
        crate::panic::enter();
        P::kernel_removed(request, &mut Plan::new(plan))
    }
}
