//! Distributions where kernel-install(8) installs every kernel: one hook, run
//! before the one that makes the boot image.

use modsmith_plugin::prelude::*;

struct KernelInstallHooks;

impl KernelHooks for KernelInstallHooks {
    fn hook_files() -> Result<Vec<HookFile>> {
        let hook = include_bytes!("../hooks/40-dkms.install");
        Ok(vec![HookFile::program("/usr/lib/kernel/install.d/40-dkms.install", hook)])
    }
}

export!(KernelInstallHooks: KernelHooks);
