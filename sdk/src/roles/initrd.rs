use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::initrd::exports::modsmith::plugin::initrd as wit;
use crate::{Kernel, Plan, Result};

pub use wit::Occasion;

/// Regenerates the initial RAM file system image.
pub trait Initrd {
    /// Adds the steps that regenerate the kernel's image. `unsupported` when the
    /// tool is not installed or the kernel has no image.
    fn refresh(kernel: &Kernel, occasion: Occasion, plan: &mut Plan) -> Result<()>;
}

impl<P: Initrd> wit::Guest for P {
    fn refresh(kernel: &Kernel, occasion: Occasion, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::refresh(kernel, occasion, &mut Plan::new(plan))
    }
}
