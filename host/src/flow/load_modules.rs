//! `--modprobe-on-install`: what was installed for the running kernel is loaded.

use std::path::Path;

use crate::error::Result;
use crate::flow::{Session, script};
use crate::kernel::running_release;
use crate::plan::{Action, Builder, Command, Environment, Place};
use crate::tree::Target;

/// Loads the modules of all devices that are there; blacklists are respected,
/// and devices without a module are no news.
const LOAD: &str =
    "find /sys/devices -name modalias -print0 | xargs -0 sort -u | sort -u | xargs -d '\\n' modprobe -a -b -q";

/// Loads what modules-load.d names.
const UNIT: &str = "systemd-modules-load.service";

impl Session<'_> {
    /// Loads modules, if `target` is the kernel that runs here. Failures are of
    /// no consequence: they are loaded at the next start.
    pub fn load_modules(&self, target: &Target) -> Result<()> {
        if !self.system.is_live() || target.kernel != running_release() {
            return Ok(());
        }
        let mut plan = Builder::new("load the modules of devices that are there", self.system.roots.clone());
        let mut load = |command: Command| {
            let environment = Environment::Inherited(Vec::new());
            let command = Command { place: Place::Either, environment, ..script::ignored(command) };
            plan.push(Action::Run(command), "modprobe-on-install was asked for");
        };
        load(Command::new("bash").args(["-c", LOAD]));
        if Path::new("/lib/systemd/system").join(UNIT).exists() {
            load(Command::new("systemctl").args(["restart", UNIT]));
        }
        self.run(plan)
    }
}
