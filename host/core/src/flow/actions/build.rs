//! The `build` action.

use crate::error::Error;
use crate::event::{End, Job, Outcome, Skip};
use crate::flow::actions::kernels::for_each_kernel;
use crate::flow::build::package::build_package;
use crate::flow::{Invocation, PackageSource};
use crate::tree::{Package, Target};

/// The `build` action, for several kernels at the same time. Returns what
/// went wrong, in the order of the kernels.
pub fn build(run: &Invocation<'_>, what: &PackageSource, targets: &[Target]) -> Vec<Error> {
    let one = |run: &Invocation<'_>, package: &Package, target: &Target| {
        if run.env.tree.is_built(&package.id, target) && !run.env.options.force {
            run.runner.say(format!("Module {} already built for kernel {target}, skipping.", package.id));
            return Ok(End::Skipped(Skip::AlreadyBuilt));
        }
        build_package(run, package, &run.kernel(target), target).map(|()| End::Done(Outcome::Built))
    };
    for_each_kernel(run, Job::Build, what, targets, one, |_, _| Ok(()))
}
