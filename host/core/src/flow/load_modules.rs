//! Loading modules into the running kernel after an installation.

use crate::flow::{Invocation, script};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Builder, Command, OnFailure};

/// Everything that some device of this machine asks for, but for what is
/// blacklisted. Aliases without a module are no failure.
const FOR_ALL_DEVICES: &str = "find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u | \
                               xargs -r -d '\\n' modprobe -a -b -q";

/// `--modprobe-on-install`, or the setting of that name: only the running
/// kernel can load modules, and only once its index knows them.
pub(super) fn plan_load(run: &Invocation<'_>, kernel: &Kernel, plan: &mut Builder) {
    let wanted = run.env.options.modprobe_on_install || run.env.framework.modprobe_on_install();
    if !wanted || !kernel.running() {
        return;
    }
    let command = script::ignored(Command::new("bash").args(["-c", FOR_ALL_DEVICES]));
    plan.push(Action::Run(command), "modprobe_on_install: devices get their new modules at once");
    let unit = Location::new(Root::System, "lib/systemd/system/systemd-modules-load.service").expect("relative");
    if run.env.system.roots.path(&unit).is_some_and(|path| path.is_file()) {
        let mut command = Command::new("systemctl").args(["restart", "systemd-modules-load.service"]);
        command.failure = OnFailure::Warn;
        plan.push(Action::Run(command), "modprobe_on_install: so do lists of modules to load");
    }
}
