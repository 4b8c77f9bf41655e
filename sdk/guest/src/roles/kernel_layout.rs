use crate::bindings::kernel_layout::exports::modsmith::plugin::kernel_layout as wit;
use crate::{HeadersRequest, MachineRequest, Result, unsupported};

/// Knows the names that the kernel and the distribution give to machines and
/// headers. `unsupported` where it has no rule.
pub trait KernelLayout {
    /// Returns the kernel's own name for a machine, as in its `arch/` directory. The default
    /// uses the kernel's own table.
    fn kernel_arch(request: &MachineRequest) -> Result<String> {
        Ok(crate::kernel::kernel_arch(&request.machine()).to_owned())
    }

    /// Returns candidate build directories, absolute on the target, best first. modsmith
    /// tries the kernel's own `build` link before them.
    fn header_directories(request: &HeadersRequest) -> Result<Vec<String>>;

    /// Returns the package to install when headers are missing.
    fn header_package(request: &HeadersRequest) -> Result<String>;

    /// Returns the compiler that the kernel's headers name for its modules. The default is none.
    fn compiler(request: &HeadersRequest) -> Result<String> {
        let _ = request;
        Err(unsupported("headers name no compiler"))
    }
}

impl<P: KernelLayout> wit::Guest for P {
    fn kernel_arch(request: &MachineRequest) -> Result<String> {
        crate::panic::enter();
        P::kernel_arch(request)
    }

    fn header_directories(request: &HeadersRequest) -> Result<Vec<String>> {
        crate::panic::enter();
        P::header_directories(request)
    }

    fn header_package(request: &HeadersRequest) -> Result<String> {
        crate::panic::enter();
        P::header_package(request)
    }

    fn compiler(request: &HeadersRequest) -> Result<String> {
        crate::panic::enter();
        P::compiler(request)
    }
}
