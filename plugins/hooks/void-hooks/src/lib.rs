//! Void's kernel packages run what is in `/etc/kernel.d`, with the package and
//! the version as arguments. Source: the Void Handbook, "Kernel hooks".

use modsmith_plugin::prelude::*;

struct VoidHooks;

impl KernelHooks for VoidHooks {
    fn hook_files() -> Result<Vec<HookFile>> {
        Ok(vec![
            HookFile::program("/etc/kernel.d/post-install/10-dkms", include_bytes!("../hooks/post-install")),
            HookFile::program("/etc/kernel.d/pre-remove/10-dkms", include_bytes!("../hooks/pre-remove")),
        ])
    }
}

export!(VoidHooks: KernelHooks);
