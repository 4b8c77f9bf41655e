use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::weak_modules::exports::modsmith::plugin::weak_modules as wit;
use crate::{Kernel, ModulePackage, Plan, Result};

/// Links that offer a module to other kernels with the same symbol versions.
/// modsmith runs depmod for the kernels below `install-tree` that steps make
/// links for, or remove them from.
pub trait WeakModules {
    /// Adds the steps that offer the package's modules to compatible kernels.
    fn link(module: &ModulePackage, built_for: &Kernel, plan: &mut Plan) -> Result<()>;

    /// Adds the steps that take the offer back.
    fn unlink(module: &ModulePackage, built_for: &Kernel, plan: &mut Plan) -> Result<()>;
}

impl<P: WeakModules> wit::Guest for P {
    fn link(module: &ModulePackage, built_for: &Kernel, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::link(module, built_for, &mut Plan::new(plan))
    }

    fn unlink(module: &ModulePackage, built_for: &Kernel, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::unlink(module, built_for, &mut Plan::new(plan))
    }
}
