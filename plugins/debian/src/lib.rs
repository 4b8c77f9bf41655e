//! Debian and everything that names it in ID_LIKE. Modules are stored as the
//! kernel's own are, and emptied directories always go.

use modsmith_plugin::prelude::*;

struct Debian;

impl InstallPolicy for Debian {
    fn destination(_: &Kernel, _: String) -> Result<String> {
        Ok("updates/dkms".into())
    }
}

impl KernelLayout for Debian {
    fn header_dirs(kernel: &Kernel) -> Vec<String> {
        vec![format!("/usr/src/linux-headers-{}", kernel.release())]
    }

    fn header_package(kernel: &Kernel) -> Option<String> {
        Some(format!("linux-headers-{}", kernel.release()))
    }
}

export!(Debian: InstallPolicy, KernelLayout);
