//! Kernel packages run what is in `preinst.d`, `postinst.d` and so on, with the
//! kernel's release as first argument. Gentoo's installkernel looks for packaged
//! hooks below `/usr/lib/kernel`; Debian and its derivatives keep them in `/etc`.

use modsmith_plugin::prelude::*;

struct RunPartsHooks;

impl KernelHooks for RunPartsHooks {
    fn hook_files() -> Result<Vec<HookFile>> {
        let gentoo = distro_ids().iter().any(|id| id == "gentoo");
        let base = if gentoo { "/usr/lib/kernel" } else { "/etc/kernel" };
        let hook = |event: &str, contents: &[u8]| HookFile::program(format!("{base}/{event}.d/dkms"), contents);
        let installed = include_bytes!("../hooks/postinst.d");
        let mut files = vec![
            hook("preinst", include_bytes!("../hooks/preinst.d")),
            hook("postinst", installed),
            hook("prerm", include_bytes!("../hooks/prerm.d")),
        ];
        if !gentoo {
            // Headers are packages of their own, which may come after the kernel.
            files.push(hook("header_postinst", installed));
            let install = include_bytes!("../hooks/40-dkms.install");
            files.push(HookFile::program("/usr/lib/kernel/install.d/40-dkms.install", install));
        }
        Ok(files)
    }
}

export!(RunPartsHooks: KernelHooks);
