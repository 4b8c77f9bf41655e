//! One package for several kernels at the same time.

use crate::error::{Error, Kind, Result};
use crate::event::{End as WorkEnd, Job};
use crate::flow::actions::add::ensure_added;
use crate::flow::actions::parallel::{self, End, Task};
use crate::flow::transaction::begin;
use crate::flow::{Invocation, PackageSource};
use crate::tree::{Package, Target};
use modsmith_plan::{Builder, Undo, end_of_stop, verbs};
use modsmith_sandbox::can_bind;

/// Does a job with a package, which is added if need be, for each kernel; `afterwards` follows
/// for one kernel after the other, where that has changed anything. Returns what went wrong.
pub(crate) fn for_each_kernel(
    run: &Invocation<'_>,
    job: Job,
    what: &PackageSource,
    targets: &[Target],
    one: impl Fn(&Invocation<'_>, &Package, &Target) -> Result<WorkEnd> + Sync,
    afterwards: impl Fn(&Package, &Target) -> Result<()>,
) -> Vec<Error> {
    let mut distinct: Vec<&Target> = Vec::new();
    for target in targets {
        if !distinct.contains(&target) {
            distinct.push(target);
        }
    }
    try_each_kernel(run, job, what, &distinct, one, afterwards).unwrap_or_else(|error| vec![error])
}

fn try_each_kernel(
    run: &Invocation<'_>,
    job: Job,
    what: &PackageSource,
    targets: &[&Target],
    one: impl Fn(&Invocation<'_>, &Package, &Target) -> Result<WorkEnd> + Sync,
    afterwards: impl Fn(&Package, &Target) -> Result<()>,
) -> Result<Vec<Error>> {
    let _lock = begin(run)?;
    let Some(first) = targets.first() else { return Ok(Vec::new()) };
    let package = ensure_added(run, what, &run.kernel(first))?;
    let is_isolated = targets.len() > 1 && run.runner.workers() > 1 && can_bind();
    if is_isolated {
        create_build_dir(run, &package)?;
    }
    let building = if is_isolated { run.isolated() } else { run.clone() };
    let workers = if is_isolated { run.runner.workers() } else { 1 };
    let tasks: Vec<Task> =
        targets.iter().map(|target| Task { name: target.kernel.clone(), ..Task::default() }).collect();
    let begin = |task: usize| building.begin_work(job, &package.id, targets[task]);
    let done = parallel::run(&tasks, workers, &run.runner.reporter, begin, |task, working| {
        let result = one(&working.run, &package, targets[task]);
        working.end(&result);
        let interrupted = result.as_ref().is_err_and(|error| error.kind == Kind::Interrupted);
        (if interrupted { End::Stop } else { End::Settled }, result)
    });
    if is_isolated {
        end_of_stop();
        clear_build_dirs(run, &package, targets)?;
    }
    let result = |(task, result): (usize, Result<WorkEnd>)| match result {
        Ok(WorkEnd::Done(_)) => afterwards(&package, targets[task]).err(),
        Ok(WorkEnd::Skipped(_)) => None,
        Err(error) => Some(error),
    };
    Ok(done.results.into_iter().filter_map(result).collect())
}

/// `T/m/v/build`, for builds that have their own directory in its place.
fn create_build_dir(run: &Invocation<'_>, package: &Package) -> Result<()> {
    let mut plan = Builder::new(format!("build {} for several kernels", package.id), run.env.roots(package, None));
    plan.push(
        verbs::MakeDirectory { location: package.id.build_dir() },
        "each build sees its own directory at this path",
    );
    run.runner.run(plan)
}

/// Deletes the directories of isolated builds. The directory of a build that failed is moved to the
/// usual place.
fn clear_build_dirs(run: &Invocation<'_>, package: &Package, targets: &[&Target]) -> Result<()> {
    let id = &package.id;
    let mut plan = Builder::new(format!("end the builds of {id}"), run.env.roots(package, None));
    plan.push(verbs::Remove { location: id.build_dir() }, "the builds are finished").on_undo(Undo::Keep);
    let left = targets.iter().map(|target| id.isolated_build_dir(target));
    let mut left: Vec<_> = left.filter(|location| run.env.tree.real(location).is_dir()).collect();
    if let Some(last) = left.pop() {
        plan.push(verbs::Rename { from: last, to: id.build_dir() }, "a failed build is kept for its log");
    }
    for location in left {
        plan.push(verbs::Remove { location }, "only one of several failed builds is kept");
    }
    for target in targets {
        if let Some(location) = id.isolated_build_dir(target).parent() {
            plan.push(verbs::Prune::from(location), "directories that became empty are removed");
        }
    }
    run.runner.run(plan)
}
