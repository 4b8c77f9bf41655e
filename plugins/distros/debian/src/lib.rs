//! Debian and everything that names it in ID_LIKE. Modules are stored as the
//! kernel's own are, and emptied directories always go.
//!
//! Debian GNU/kFreeBSD has the same ID and a kernel of another kind: modules lie
//! in the top of its directory. (dkms served it until 2.8.7.)

use modsmith_plugin::prelude::*;

struct Debian;

impl InstallPolicy for Debian {
    fn destination(_: &Kernel, _: String) -> Result<String> {
        Ok(if kfreebsd() { "" } else { "updates/dkms" }.into())
    }
}

impl KernelLayout for Debian {
    fn header_dirs(kernel: &Kernel) -> Vec<String> {
        let (release, below) = (kernel.release(), if kfreebsd() { "/sys" } else { "" });
        vec![format!("/usr/src/{}-headers-{release}{below}", kernel_name())]
    }

    fn header_package(kernel: &Kernel) -> Option<String> {
        Some(format!("{}-headers-{}", kernel_name(), kernel.release()))
    }
}

fn kfreebsd() -> bool {
    os_release("NAME").is_some_and(|name| name.contains("kFreeBSD"))
}

fn kernel_name() -> &'static str {
    if kfreebsd() { "kfreebsd" } else { "linux" }
}

export!(Debian: InstallPolicy, KernelLayout);
