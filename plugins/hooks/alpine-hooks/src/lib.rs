//! Alpine's package `kernel-hooks` runs what is in `/etc/kernel-hooks.d` when a
//! kernel came, changed or went. Source: the README of that directory.

use modsmith_plugin::prelude::*;

struct AlpineHooks;

impl KernelHooks for AlpineHooks {
    fn hook_files() -> Result<Vec<HookFile>> {
        Ok(vec![HookFile::program("/etc/kernel-hooks.d/50-dkms.hook", include_bytes!("../hooks/dkms.hook"))])
    }
}

export!(AlpineHooks: KernelHooks);
