//! A service that builds, when a kernel boots, the modules that no hook has built for it.

use modsmith_plugin::prelude::*;

struct BootService;

impl KernelHooks for BootService {
    fn hook_files() -> Result<Vec<HookFile>> {
        Ok(vec![HookFile::data("@LIBDIR@/systemd/system/dkms.service", include_bytes!("../hooks/dkms.service"))])
    }
}

export!(BootService: KernelHooks);
