//! The end of a change of several packages: depmod and the boot image run once.

use std::path::Path;
use std::sync::Arc;

use crate::build::log_head;
use crate::conf::Variables;
use crate::conf::framework::Framework;
use crate::error::{Error, Result};
use crate::flow::Invocation;
use crate::flow::failure_records::forget_stale;
use crate::flow::invocation::deferred::Deferred;
use crate::flow::kernel::boot_image::plan_boot_image;
use crate::flow::kernel::hooks::run_kernel_hooks;
use crate::flow::kernel::module_index::plan_depmod;
use crate::flow::kernel::source_tree::clean_kernel_tree;
use crate::flow::recipe::script;
use crate::tree::{BUILDS, Target, TreeLock};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root, TrustedDir, find_program};
use modsmith_plan::{Action, Builder, Bytes, Command, Environment, RunsIn, STAGING_PREFIX, Undo, verbs};
use modsmith_plugins::{Event, Occasion};

/// Takes the tree's lock and recovers the plans of killed invocations. `None` in a dry run, which
/// changes nothing and takes no lock.
pub(super) fn begin(run: &Invocation<'_>) -> Result<Option<TreeLock>> {
    let Some(lock) = run.runner.lock()? else { return Ok(None) };
    recover(run, &lock)?;
    forget_stale(run);
    if !run.env.options.no_depmod {
        finish_forgotten(run)?;
    }
    Ok(Some(lock))
}

/// Undoes or finishes the plans of killed invocations.
fn recover(run: &Invocation<'_>, lock: &TreeLock) -> Result<()> {
    let tree = run.env.tree.path();
    let (pending, untrusted) = modsmith_plan::pending(tree).map_err(|e| Error::io("read the journal in", tree, e))?;
    for why in &untrusted {
        run.runner.reporter.warning(&format!("{why}, so it was not recovered. {}", why.remedy()));
    }
    pending.iter().try_for_each(|journal| run.runner.executor().recover(journal))?;
    clear_stale(lock.private());
    Ok(())
}

/// Deletes the staging directories and isolated builds that killed invocations left in the tree's
/// private directory. They hold no state, so nothing is lost.
fn clear_stale(private: &TrustedDir) {
    for name in private.names().unwrap_or_default() {
        if name.starts_with(STAGING_PREFIX) || name == BUILDS {
            let _ = private.remove_all(&name);
        }
    }
}

/// Recovers killed plans, so that states are read after the recovery. `false` if the lock is not
/// free.
pub fn settle_killed(run: &Invocation<'_>) -> Result<bool> {
    let (pending, untrusted) = modsmith_plan::pending(run.env.tree.path()).unwrap_or_default();
    for why in &untrusted {
        run.runner.reporter.warning(&format!("{why}. {}", why.remedy()));
    }
    if pending.is_empty() {
        return Ok(true);
    }
    run.runner.with_free_lock(|lock| recover(run, lock))
}

/// Runs what a transaction has deferred: depmod, then the boot image, each at most once for the
/// kernel.
///
/// Errors: a boot image that cannot be made after an installation. The
/// modules stay installed.
pub(super) fn finish(run: &Invocation<'_>, kernel: &Arc<Kernel>, occasion: Occasion) -> Result<()> {
    finish_kernel(run, kernel, occasion)?;
    // Kernels that other kernels' modules were offered to.
    run.transaction
        .take_waiting()
        .iter()
        .try_for_each(|target| finish_kernel(run, &run.kernel(target), Occasion::Removed))
}

fn finish_kernel(run: &Invocation<'_>, kernel: &Arc<Kernel>, occasion: Occasion) -> Result<()> {
    let roots = run.env.kernel_roots(kernel);
    if waits_for(run, Deferred::KernelTree, kernel) {
        clean_kernel_tree(run, kernel)?;
    }
    if waits_for(run, Deferred::Depmod, kernel) {
        let mut plan = Builder::new(format!("update the module index of {}", kernel.release()), roots.clone());
        plan_depmod(run, kernel, &mut plan);
        plan.push(verbs::Remove { location: Deferred::Depmod.marker(kernel) }, "depmod has run");
        run.runner.run(plan)?;
    }
    if waits_for(run, Deferred::BootImage, kernel) {
        let mut plan = Builder::new(format!("make the boot image of {}", kernel.release()), roots);
        // First, so that an image that cannot be made is not tried again and again.
        plan.push(
            verbs::Remove { location: Deferred::BootImage.marker(kernel) },
            "the boot image is made in this plan",
        )
        .on_undo(Undo::Keep);
        plan_boot_image(run, kernel, occasion, true, &mut plan)?;
        run.runner.run(plan)?;
    }
    Ok(())
}

fn waits_for(run: &Invocation<'_>, pending: Deferred, kernel: &Kernel) -> bool {
    run.runner.has_left(&pending.marker(kernel))
}

/// Runs what killed invocations had deferred.
pub(super) fn finish_forgotten(run: &Invocation<'_>) -> Result<()> {
    let mut kernels: Vec<Target> =
        Deferred::ALL.iter().flat_map(|pending| pending.kernels(run.env.tree.path())).collect();
    kernels.sort();
    kernels.dedup();
    kernels.iter().try_for_each(|target| finish(run, &run.kernel(target), Occasion::Removed))
}

/// The end of actions that succeeded. Where they changed a kernel's modules: what plugins do
/// then, and the `post_transaction` of framework.conf. The output of that command is kept in the
/// tree; its failure is a warning and changes nothing.
pub fn post_transaction(run: &Invocation<'_>, target: &Target) -> Result<()> {
    if !run.runner.has_changed_kernels() {
        return Ok(());
    }
    run_kernel_hooks(run, Event::PostTransaction, &run.kernel(target))?;
    if run.env.framework.post_transaction().is_none() {
        return Ok(());
    }
    let etc = run.env.system.roots.get(Root::Etc).unwrap_or(Path::new("/etc")).join("dkms");
    // Read again, for the kernel that it may name.
    let variables = Variables { kernelver: target.kernel.clone(), arch: target.arch.clone(), ..Variables::default() };
    let framework =
        Framework::read(&etc, run.env.options.framework.as_deref(), &variables, run.env.environment.texts())?;
    let Some(text) = framework.post_transaction() else { return Ok(()) };
    let log = Location::new(Root::Tree, "post_transaction.log").expect("a plain name is a location");
    let mut plan = Builder::new("run the post-transaction command", run.env.system.roots.clone());
    let head = log_head(&format!("the post-transaction command for kernel {target}"));
    plan.push(
        verbs::WriteFile { location: log.clone(), contents: Bytes(head.into_bytes()), mode: 0o644 },
        "the log of the last transaction",
    );
    let mut command = Command::new("bash").args(["-c", text]);
    command.environment = Environment::Inherited(vec![("kernelver".to_owned(), target.kernel.clone())]);
    // The text of a system runs inside that system, or not at all.
    if find_program(&run.env.system.root, "bash").is_none() {
        let root = run.env.system.root.display();
        run.runner.reporter.warning(&format!(
            "The post-transaction command was not run: the system below {root} has no bash to run it."
        ));
        return Ok(());
    }
    command.runs_in = RunsIn::Target;
    let command = script::ignored(script::logged(command, &log, "Executing post-transaction command", text));
    plan.push(Action::Run(command), "post_transaction of framework.conf")
        .progress("Executing post-transaction command");
    run.runner.run(plan)
}
