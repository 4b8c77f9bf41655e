//! Packages of pacman have no kernel hooks: three hooks of pacman's own, and the
//! script that they call with the files of the transaction. Source: alpm-hooks(5).

use modsmith_plugin::prelude::*;

struct PacmanHooks;

impl KernelHooks for PacmanHooks {
    fn hook_files() -> Result<Vec<HookFile>> {
        let hook =
            |name: &str, contents: &[u8]| HookFile::data(format!("/usr/share/libalpm/hooks/{name}.hook"), contents);
        Ok(vec![
            hook("70-dkms-install", include_bytes!("../hooks/70-dkms-install.hook")),
            hook("70-dkms-upgrade", include_bytes!("../hooks/70-dkms-upgrade.hook")),
            hook("71-dkms-remove", include_bytes!("../hooks/71-dkms-remove.hook")),
            HookFile::program("/usr/share/libalpm/scripts/dkms", include_bytes!("../hooks/dkms")),
        ])
    }
}

export!(PacmanHooks: KernelHooks);
