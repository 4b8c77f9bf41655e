//! Prepares the source tree of an old kernel for a build, and restores it.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::invocation::deferred::{Deferred, plan_marker};
use modsmith_facts::kernel::Kernel;
use modsmith_plan::{Builder, Section, Undo, verbs};
use modsmith_plugins::{Answer, KernelPrepare};

/// Works with the kernel's own source tree prepared, where a plugin says that
/// this kernel needs it, and takes it back afterwards whatever happened.
///
/// Errors: those of the work; a tree that cannot be prepared or taken back.
pub(crate) fn with_kernel_tree<T>(
    run: &Invocation<'_>,
    kernel: &Arc<Kernel>,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    if run.env.options.no_prepare_kernel {
        return work();
    }
    let config = run.env.options.kernel_config.as_deref();
    let config = config
        .map(|file| modsmith_facts::inside::read_configuration(file).map_err(|e| Error::io("read", file, e)))
        .transpose()?;
    // Before the plan: what another thread has prepared is no tree to start from.
    let tree = run.transaction.hold_kernel_tree();
    let release = kernel.release();
    let mut plan = Builder::new(format!("prepare the source tree of kernel {release}"), run.env.kernel_roots(kernel));
    // Only the clean-up knows how to take back what programs did to the tree.
    let answer = plan.section(Section::new().on_undo(Undo::Never), |plan| {
        plan_marker(Deferred::KernelTree, kernel, plan);
        let failed = format!("The source tree of kernel {release} could not be prepared for building modules.");
        let preparation = Section::new()
            .announce(format!("Preparing the source tree of kernel {release}"))
            .fails_as(Kind::BuildFailed, failed);
        plan.section(preparation, |plan| KernelPrepare(&run.env.plugins).prepare(kernel, config.as_deref(), plan))
    })?;
    if let Answer::Unsupported(_) = answer {
        drop(tree);
        return work();
    }
    let outcome = run.runner.run(plan).and_then(|()| work());
    let cleaned = clean_kernel_tree(run, kernel);
    let outcome = outcome?;
    cleaned.map(|()| outcome)
}

/// Takes a prepared tree back to where it was.
pub(crate) fn clean_kernel_tree(run: &Invocation<'_>, kernel: &Arc<Kernel>) -> Result<()> {
    let release = kernel.release();
    let mut plan = Builder::new(format!("restore the source tree of kernel {release}"), run.env.kernel_roots(kernel));
    if !run.env.options.no_clean_kernel {
        // If the programs of the tree fail, the restoration is not repeated.
        let restoration = Section::new()
            .announce(format!("Restoring the source tree of kernel {release}"))
            .tolerates(format!("The source tree of kernel {release} was not restored completely."))
            .on_undo(Undo::Never);
        plan.section(restoration, |plan| KernelPrepare(&run.env.plugins).clean(kernel, plan))?;
    }
    // Last: an invocation that is killed before leaves the rest to the next.
    plan.push(verbs::Remove { location: Deferred::KernelTree.marker(kernel) }, "the source tree is restored");
    run.runner.run(plan)
}
