//! The actions that run when a kernel is installed or removed.

use std::sync::Arc;

use crate::conf::Strictness;
use crate::error::{Error, Kind, Result};
use crate::event::Level;
use crate::flow::Invocation;
use crate::flow::actions::autoinstall::autoinstall;
use crate::flow::actions::remove::unbuild_package;
use crate::flow::failure_records::forget_kernel;
use crate::flow::install::weak_links::remove_weak_links;
use crate::flow::kernel::hooks::run_kernel_hooks;
use crate::flow::kernel::module_index::plan_depmod_of;
use crate::flow::transaction::{self, begin};
use crate::tree::{Package, PackageEntry, SourceState, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;
use modsmith_plugins::{Event, Occasion, WeakModules};

/// `kernel_postinst`: a kernel was installed; what is to be there with each
/// kernel is built and installed for it.
pub fn kernel_postinst(run: &Invocation<'_>, target: &Target) -> Result<()> {
    autoinstall(run, target)?;
    let _lock = begin(run)?;
    run_kernel_hooks(run, Event::KernelPostinst, &run.kernel(target))
}

/// `kernel_preinst`: a kernel is about to be replaced; what was built for it
/// and would be built again goes.
pub fn kernel_preinst(run: &Invocation<'_>, target: &Target) -> Result<()> {
    clear_kernel(run, target, true)
}

/// `kernel_prerm`: a kernel is about to be removed; all that was built for
/// it goes.
pub fn kernel_prerm(run: &Invocation<'_>, target: &Target) -> Result<()> {
    clear_kernel(run, target, false)
}

fn clear_kernel(run: &Invocation<'_>, target: &Target, only_automatic: bool) -> Result<()> {
    let _lock = begin(run)?;
    let kernel = run.kernel(target);
    let mut failed = Vec::new();
    let together = run.in_transaction();
    for PackageEntry { id, source } in run.env.tree.entries()? {
        let SourceState::Present(source) = source else { continue };
        let package = Package { id, source };
        if !run.env.tree.is_built(&package.id, target) {
            continue;
        }
        let conf = run.conf(&package, &kernel, Strictness::Lenient);
        if only_automatic && !conf.as_ref().is_ok_and(|conf| conf.autoinstall) {
            continue;
        }
        let text = format!("dkms: removing module {} for kernel {target}", package.id);
        run.runner.reporter.echo(Level::Notice, &text);
        match unbuild_package(&together, &package, target) {
            Ok(()) => {}
            Err(error) if error.kind == Kind::Interrupted => return Err(error),
            Err(error) => {
                run.runner.reporter.echo(Level::Notice, &format!("Error! {}", error.message));
                error.details.iter().for_each(|line| run.runner.reporter.echo(Level::Notice, line));
                failed.push(package.id.to_string());
            }
        }
    }
    remove_weak_links(run, &target.kernel)?;
    withdraw_offers(run, &kernel)?;
    forget_kernel(run, target)?;
    transaction::finish(run, &kernel, Occasion::Removed)?;
    let event = if only_automatic { Event::KernelPreinst } else { Event::KernelPrerm };
    run_kernel_hooks(run, event, &kernel)?;
    if failed.is_empty() {
        return Ok(());
    }
    let modules = failed.join(", ");
    Err(Error::new(
        Kind::KernelRemovalFailed,
        format!("Not all modules could be removed from kernel {target}: {modules}."),
    )
    .hint("The lines above say why; `dkms status` shows what is left."))
}

/// Removes what plugins made to offer a removed kernel's modules to other kernels.
fn withdraw_offers(run: &Invocation<'_>, kernel: &Arc<Kernel>) -> Result<()> {
    let title = format!("withdraw the modules of kernel {} from other kernels", kernel.release());
    let mut plan = Builder::new(title, run.env.kernel_roots(kernel));
    let answer = WeakModules(&run.env.plugins).kernel_removed(kernel, &mut plan)?;
    plan_depmod_of(run, answer, kernel.arch(), &mut plan);
    run.runner.run(plan)
}
