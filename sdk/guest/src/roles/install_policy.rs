use crate::bindings::install_policy::exports::modsmith::plugin::install_policy as wit;
use crate::{Compression, Kernel, Result};

pub use wit::Prune;

/// Says where modules go, how they are stored and how directories are cleaned
/// up.
pub trait InstallPolicy {
    /// Directory below the kernel's module directory, such as `updates/dkms`.
    /// `requested` is what the package asks for, without its leading slash: a
    /// distribution without a rule of its own returns it.
    fn destination(kernel: &Kernel, requested: String) -> Result<String>;

    /// How module files for this kernel are compressed, if at all. Unless said
    /// otherwise, as the kernel's own are.
    fn compress_with(kernel: &Kernel) -> Result<Option<Compression>> {
        Ok(kernel.found_compression())
    }

    /// When a directory that an uninstall emptied is removed. Unless said
    /// otherwise, always.
    fn prune_emptied() -> Prune {
        Prune::Always
    }
}

impl<P: InstallPolicy> wit::Guest for P {
    fn destination(kernel: &Kernel, requested: String) -> Result<String> {
        crate::panic::enter();
        P::destination(kernel, requested)
    }

    fn compress_with(kernel: &Kernel) -> Result<Option<Compression>> {
        crate::panic::enter();
        P::compress_with(kernel)
    }

    fn prune_emptied() -> Prune {
        crate::panic::enter();
        P::prune_emptied()
    }
}
