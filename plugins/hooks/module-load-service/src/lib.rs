//! Modules that modules-load.d(5) lists are loaded as soon as they are installed.

use modsmith_plugin::prelude::*;

struct ModuleLoadService;

impl KernelHooks for ModuleLoadService {
    fn on_event(event: Event, _kernel: &Kernel, plan: &mut Plan) -> Result<()> {
        if event != Event::ModulesLoaded {
            return Err(unsupported("only the loading of modules concerns it"));
        }
        if !Path::usr("lib/systemd/system/systemd-modules-load.service").exists()? {
            return Err(unsupported("there is no systemd-modules-load.service"));
        }
        plan.run_or_warn(cmd!("systemctl", "restart", "systemd-modules-load.service"))
    }
}

export!(ModuleLoadService: KernelHooks);
