//! The `install` action.

use crate::error::{Error, Result};
use crate::event::{End, Job, Outcome, Skip};
use crate::flow::actions::dependents::rebuild_dependents;
use crate::flow::actions::kernels::for_each_kernel;
use crate::flow::build::package::build_package;
use crate::flow::install::overrides::overrides_of;
use crate::flow::install::package::{install_again, install_overriding, requested_overrides};
use crate::flow::{Invocation, PackageSource};
use crate::tree::{Package, Target};

/// The `install` action, with the steps before it that are still missing, for
/// several kernels at the same time. Returns what went wrong, in the order of
/// the kernels.
pub fn install(run: &Invocation<'_>, what: &PackageSource, targets: &[Target]) -> Vec<Error> {
    let one = |run: &Invocation<'_>, package: &Package, target: &Target| build_and_install(run, package, target);
    for_each_kernel(run, Job::Install, what, targets, one, |package, target| {
        rebuild_dependents(run, &package.id, &run.kernel(target), target)
    })
}

/// Builds a registered package if need be, and installs it; the lock is held.
pub(crate) fn build_and_install(run: &Invocation<'_>, package: &Package, target: &Target) -> Result<End> {
    let kernel = run.kernel(target);
    let installed = run.env.tree.is_installed(&package.id, target);
    if installed && !overrides_of(run, &package.id.module).everything {
        run.runner.say(format!("Module {} already installed on kernel {target}, skipping.", package.id));
        return Ok(End::Skipped(Skip::AlreadyInstalled));
    }
    if !run.env.tree.is_built(&package.id, target) {
        build_package(run, package, &kernel, target)?;
    }
    let overrides = requested_overrides(run, package);
    match installed {
        true => install_again(run, package, &kernel, target, overrides)?,
        false => install_overriding(run, package, &kernel, target, overrides)?,
    }
    Ok(End::Done(Outcome::Installed))
}
