use crate::Kernel;
use crate::bindings::kernel_layout::exports::modsmith::plugin::kernel_layout as wit;

/// Knows the names that the kernel and the distribution give to machines and
/// headers.
pub trait KernelLayout {
    /// The kernel's own name for a machine, as in its `arch/` directory. Unless
    /// said otherwise, by the kernel's own table.
    fn kernel_arch(machine: String) -> String {
        crate::kernel::kernel_arch(&machine).to_owned()
    }

    /// Candidate build directories, absolute on the target, best first. modsmith
    /// tries the kernel's own `build` link before them.
    fn header_dirs(kernel: &Kernel) -> Vec<String>;

    /// The package to install when headers are missing.
    fn header_package(kernel: &Kernel) -> Option<String>;

    /// The compiler that the kernel's headers name for its modules. Unless said
    /// otherwise, none.
    fn compiler(_kernel: &Kernel) -> Option<String> {
        None
    }
}

impl<P: KernelLayout> wit::Guest for P {
    fn kernel_arch(machine: String) -> String {
        crate::panic::enter();
        P::kernel_arch(machine)
    }

    fn header_dirs(kernel: &Kernel) -> Vec<String> {
        crate::panic::enter();
        P::header_dirs(kernel)
    }

    fn header_package(kernel: &Kernel) -> Option<String> {
        crate::panic::enter();
        P::header_package(kernel)
    }

    fn compiler(kernel: &Kernel) -> Option<String> {
        crate::panic::enter();
        P::compiler(kernel)
    }
}
