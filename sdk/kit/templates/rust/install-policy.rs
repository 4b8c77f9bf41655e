//! Where this distribution has the modules of packages.

use modsmith_plugin::prelude::*;

struct Plugin;

impl InstallPolicy for Plugin {
    fn destination(_request: &InstallRequest) -> Result<String> {
        Ok("updates/dkms".to_owned())
    }
}

export!(Plugin: InstallPolicy);
