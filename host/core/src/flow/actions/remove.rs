//! Taking built modules and whole packages out of the tree.

use crate::error::Result;
use crate::event::{End, Job, Outcome, Skip};
use crate::flow::Invocation;
use crate::flow::actions::safe_upgrade::is_upgrade;
use crate::flow::failure_records::{forget, plan_forget, plan_forget_package};
use crate::flow::install::uninstall::uninstall_package;
use crate::flow::recipe::preconditions::check_named_conf;
use crate::flow::transaction::begin;
use crate::tree::{Package, PackageId, Target};
use modsmith_plan::{Builder, verbs};

/// The `unbuild` action for some kernels.
pub fn unbuild(run: &Invocation<'_>, id: &PackageId, targets: &[Target]) -> Result<()> {
    let _lock = begin(run)?;
    let package = run.env.package(id)?;
    targets.iter().try_for_each(|target| unbuild_package(run, &package, target))
}

/// The `remove` action: the version goes with its last kernel.
pub fn remove(run: &Invocation<'_>, id: &PackageId, targets: &[Target]) -> Result<()> {
    let _lock = begin(run)?;
    let package = run.env.package(id)?;
    if run.env.options.safe_upgrade && is_upgrade(run, id)? {
        return Ok(());
    }
    check_named_conf(run)?;
    targets.iter().try_for_each(|target| unbuild_package(run, &package, target))?;
    let left: Vec<Target> = run.env.tree.targets(id).into_iter().filter(|t| !targets.contains(t)).collect();
    if !left.is_empty() {
        let names: Vec<String> = left.iter().map(Target::to_string).collect();
        run.runner.say(format!("{id} stays in the tree: it is built for {}.", names.join(", ")));
        return Ok(());
    }
    let others = run.runner.directories_left(id);
    if !others.is_empty() {
        run.runner.reporter.warning(&stays_for(run, id, &others));
        return Ok(());
    }
    let mut plan = Builder::new(format!("remove {id}"), run.env.system.roots.clone());
    plan.push(verbs::Remove { location: id.version_dir() }, "the package is built for no kernel any more")
        .line(format!("Deleting module {id} completely from the DKMS tree."));
    plan.push(verbs::Prune::from(id.originals_root()), "directories that became empty are removed");
    plan.push(verbs::Prune::from(id.module_dir()), "directories that became empty are removed");
    plan_forget_package(run, id, &mut plan);
    run.runner.run(plan)
}

/// Why a version stays that is built for no kernel: directories in it are no builds.
fn stays_for(run: &Invocation<'_>, id: &PackageId, names: &[String]) -> String {
    let version = run.env.tree.real(&id.version_dir());
    let shown: Vec<String> = names.iter().map(|name| version.join(name).display().to_string()).collect();
    let (what, them) = match shown.as_slice() {
        [_] => ("holds something that is no build", "it"),
        _ => ("hold something that is no build", "them"),
    };
    format!(
        "{id} stays in the tree: {} {what}. Look at {them}, delete {them}, and run `modsmith remove {id} --all`.",
        shown.join(", ")
    )
}

pub(crate) fn unbuild_package(run: &Invocation<'_>, package: &Package, target: &Target) -> Result<()> {
    run.work(Job::Unbuild, &package.id, target, |run| take_out(run, package, target)).map(drop)
}

fn take_out(run: &Invocation<'_>, package: &Package, target: &Target) -> Result<End> {
    let id = &package.id;
    let (is_installed, is_built) = (run.env.tree.is_installed(id, target), run.env.tree.is_built(id, target));
    if is_installed || is_built {
        check_named_conf(run)?;
    }
    if is_installed {
        uninstall_package(run, package, &run.kernel(target), target)?;
    } else {
        run.runner.say(format!("Module {id} is not installed for kernel {target}. Skipping..."));
    }
    if !is_built {
        run.runner.say(format!("Module {id} is not built for kernel {target}. Skipping..."));
        return forget(run, id, target).map(|()| End::Skipped(Skip::NotBuilt));
    }
    let mut plan = Builder::new(format!("unbuild {id} for {target}"), run.env.system.roots.clone());
    plan.push(verbs::Remove { location: id.target_dir(target) }, "the built modules are removed");
    plan.push(verbs::Prune::from(id.kernel_dir(target)), "no empty kernel directory is left");
    plan_forget(run, id, target, &mut plan);
    run.runner.run(plan).map(|()| End::Done(Outcome::Unbuilt))
}
