//! Loading modules into the running kernel after an installation.

use std::sync::Arc;

use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::recipe::script;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::{Action, Builder, Command};
use modsmith_plugins::{Event, KernelHooks};

/// Everything that some device of this machine asks for, but for what is
/// blacklisted. Aliases without a module are no failure.
const FOR_ALL_DEVICES: &str = "find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u | \
                               xargs -r -d '\\n' modprobe -a -b -q";

/// `--modprobe-on-install`, or the setting of that name: only the running
/// kernel can load modules, and only once its index knows them.
pub(crate) fn plan_load(run: &Invocation<'_>, kernel: &Arc<Kernel>, plan: &mut Builder) -> Result<()> {
    let wanted = run.env.options.modprobe_on_install || run.env.framework.modprobe_on_install();
    if !wanted || !kernel.running() {
        return Ok(());
    }
    let command = script::ignored(Command::new("bash").args(["-c", FOR_ALL_DEVICES]));
    plan.push(Action::Run(command), "modprobe_on_install: devices get their new modules at once");
    KernelHooks(&run.env.plugins).event(Event::ModulesLoaded, kernel, &run.transaction.changed(kernel), plan)?;
    Ok(())
}
