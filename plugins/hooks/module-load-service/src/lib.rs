//! Modules that modules-load.d(5) lists are loaded as soon as they are installed.

use modsmith_plugin::prelude::*;

struct ModuleLoadService;

impl KernelHooks for ModuleLoadService {
    fn on_event(request: &EventRequest, plan: &mut Plan) -> Result<Vec<String>> {
        if request.event() != "modules-loaded" {
            return Err(unsupported("only the loading of modules concerns it"));
        }
        if !Path::usr("lib/systemd/system/systemd-modules-load.service").exists()? {
            return Err(unsupported("there is no systemd-modules-load.service"));
        }
        plan.run_or_warn(cmd!("systemctl", "restart", "systemd-modules-load.service"))?;
        Ok(Vec::new())
    }
}

export!(ModuleLoadService: KernelHooks);
