//! Records of failed builds: listed and deleted.

use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::filter::Filter;
use crate::tree::{Failure, Failures, PackageId, Target};
use modsmith_facts::Location;
use modsmith_plan::{Builder, verbs};

/// The failed builds that match the filter of `status`.
pub fn failures(run: &Invocation<'_>, filter: &Filter) -> Result<Vec<Failure>> {
    let matchers = filter.compile()?;
    let mut failures = Failures(&run.env.tree).all();
    failures.retain(|failure| matchers.take(&failure.id, &failure.target));
    Ok(failures)
}

/// Adds to a plan that a failure is forgotten, if there is one.
pub(crate) fn plan_forget(run: &Invocation<'_>, id: &PackageId, target: &Target, plan: &mut Builder) {
    plan_forget_at(run, id.failure_dir(target), plan);
}

/// Adds to a plan that the failures of a package are forgotten for all kernels.
pub(crate) fn plan_forget_package(run: &Invocation<'_>, id: &PackageId, plan: &mut Builder) {
    plan_forget_at(run, id.failures_dir(), plan);
    plan_forget_at(run, id.one_job_dir(), plan);
}

fn plan_forget_at(run: &Invocation<'_>, location: Location, plan: &mut Builder) {
    if !run.env.tree.real(&location).exists() {
        return;
    }
    let parent = location.parent();
    plan.push(verbs::Remove { location }, "the records of earlier builds are out of date");
    if let Some(location) = parent {
        plan.push(verbs::Prune::from(location), "no empty directory of records is left");
    }
}

/// Forgets a failure, if there is one.
pub(crate) fn forget(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<()> {
    let mut plan = Builder::new(
        format!("delete the record of the failed build of {id} for {target}"),
        run.env.system.roots.clone(),
    );
    plan_forget(run, id, target, &mut plan);
    run.runner.run(plan)
}

/// Forgets all failures for a kernel that is going.
pub(crate) fn forget_kernel(run: &Invocation<'_>, target: &Target) -> Result<()> {
    let of_kernel = Failures(&run.env.tree).recorded().into_iter().filter(|(_, recorded)| recorded == target);
    of_kernel.into_iter().try_for_each(|(id, target)| forget(run, &id, &target))
}

/// Deletes records of failed builds that dkms has since made obsolete. A record that
/// cannot be deleted is not shown, and a later invocation tries again.
pub(crate) fn forget_stale(run: &Invocation<'_>) {
    for (id, target) in Failures(&run.env.tree).stale() {
        if let Err(error) = forget(run, &id, &target) {
            tracing::debug!(%id, %target, error = %error.message, "cannot delete the record of a failed build");
        }
    }
    for id in run.env.tree.stale_one_jobs() {
        let mut plan = Builder::new(format!("delete the build records of {id}"), run.env.system.roots.clone());
        plan_forget_at(run, id.one_job_dir(), &mut plan);
        if let Err(error) = run.runner.run(plan) {
            tracing::debug!(%id, error = %error.message, "cannot delete the build records of a package");
        }
    }
}
