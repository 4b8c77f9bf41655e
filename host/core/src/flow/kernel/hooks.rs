//! Hooks of plugins for the events of a kernel.

use std::sync::Arc;

use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::kernel::module_index::plan_depmod_of;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;
use modsmith_plugins::{Event, KernelHooks};

/// Runs the steps that plugins add after an event of a kernel.
pub(crate) fn run_kernel_hooks(run: &Invocation<'_>, event: Event, kernel: &Arc<Kernel>) -> Result<()> {
    let mut plan = Builder::new(
        format!("run the kernel hooks of plugins for kernel {}", kernel.release()),
        run.env.kernel_roots(kernel),
    );
    let answer = KernelHooks(&run.env.plugins).event(event, kernel, &run.transaction.changed(kernel), &mut plan)?;
    plan_depmod_of(run, answer, kernel.arch(), &mut plan);
    run.runner.run(plan)
}
