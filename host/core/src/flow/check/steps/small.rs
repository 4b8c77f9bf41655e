//! Repairs of a step or two.

use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::actions::add::plan_registration;
use crate::flow::build::failures::remember_log;
use crate::flow::check::owners::Owners;
use crate::flow::install::deletion::{plan_deletion, plan_pruning, pruning};
use crate::flow::invocation::deferred::{Deferred, plan_marker};
use crate::flow::kernel::module_index::plan_depmod;
use crate::tree::{PackageId, Target};
use modsmith_facts::Location;
use modsmith_plan::{Builder, verbs};

pub fn link_source(run: &Invocation<'_>, id: &PackageId) -> Result<()> {
    let mut plan = Builder::new(format!("link the source of {id}"), run.env.system.roots.clone());
    plan_registration(run, id, &mut plan);
    run.runner.run(plan)
}

/// Directories that are not empty any more stay.
pub fn remove_empty(run: &Invocation<'_>, directories: &[Location]) -> Result<()> {
    let mut plan = Builder::new("remove empty directories", run.env.system.roots.clone());
    for location in directories {
        plan.push(verbs::Prune::from(location.clone()), "half a removal has left it");
    }
    run.runner.run(plan)
}

pub fn remove_leftovers(run: &Invocation<'_>, id: &PackageId, locations: &[Location]) -> Result<()> {
    let mut plan = Builder::new(format!("remove what a build of {id} has left"), run.env.system.roots.clone());
    for location in locations {
        let parent = location.parent().filter(|_| *location != id.build_dir());
        plan.push(verbs::Remove { location: location.clone() }, "the build was killed, or has ended since");
        if let Some(parent) = parent {
            plan.push(verbs::Prune::from(parent), "no empty directory is left");
        }
    }
    run.runner.run(plan)
}

pub fn remember_failure(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<()> {
    remember_log(run, &run.env.package(id)?, target)
}

/// Installed files of the program's own, below the kernel's module directory. What a package
/// owns stays.
pub fn remove_files(
    run: &Invocation<'_>,
    id: &PackageId,
    target: &Target,
    files: &[Location],
    owners: &Owners,
) -> Result<()> {
    let kernel = run.kernel(target);
    let title = format!("remove further files of {} from {target}", id.module);
    let roots = run.env.kernel_roots(&kernel);
    let files: Vec<&Location> = files.iter().filter(|file| !owners.has_at(&roots, file)).collect();
    let mut plan = Builder::new(title, roots);
    files.iter().for_each(|file| plan_deletion(kernel.module_dir(), file, &mut plan));
    plan_pruning(files.iter().copied(), &pruning(run, files.iter().copied())?, &mut plan);
    plan_depmod(run, &kernel, &mut plan);
    run.runner.run(plan)
}

/// Moves original modules from the archive back to the kernel's module directory.
pub fn restore_originals(run: &Invocation<'_>, target: &Target, moves: &[(Location, Location)]) -> Result<()> {
    let kernel = run.kernel(target);
    let title = format!("put modules of kernel {} back", target.kernel);
    let mut plan = Builder::new(title, run.env.kernel_roots(&kernel));
    for (from, to) in moves {
        if let Some(location) = to.parent() {
            plan.push(verbs::MakeDirectory { location }, "the original is restored");
        }
        let line = format!("Restoring archived original module {}", kernel.module_dir().join(to.relative()).display());
        plan.push(verbs::Copy { from: from.clone(), to: to.clone() }, "the original is restored").line(line);
        plan.push(verbs::Remove { location: from.clone() }, "the original is back in its place");
        let name = from.relative().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(parent) = from.parent() {
            if let Ok(location) = parent.join(format!("{name}.origin")) {
                plan.push(verbs::Remove { location }, "the original is back in its place");
            }
            plan.push(verbs::Prune::from(parent), "directories that became empty are removed");
        }
    }
    plan_depmod(run, &kernel, &mut plan);
    run.runner.run(plan)
}

pub fn remove_link(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<()> {
    let mut plan = Builder::new(format!("remove the link of {} for {target}", id.module), run.env.system.roots.clone());
    plan.push(verbs::Remove { location: id.active_link(target) }, "what it leads to is gone");
    plan.push(verbs::Prune::from(id.module_dir()), "directories that became empty are removed");
    run.runner.run(plan)
}

/// Makes a version whose files are installed the installed one.
pub fn point_link(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<()> {
    let mut plan = Builder::new(format!("link {id} for {target}"), run.env.system.roots.clone());
    let leads_to = format!("{}/{}/{}", id.version, target.kernel, target.arch);
    plan.push(
        verbs::Symlink { location: id.active_link(target), target: leads_to.into() },
        "the link records which version is installed",
    );
    run.runner.run(plan)
}

pub fn remove_weak_links(run: &Invocation<'_>, target: &Target, links: &[Location], owners: &Owners) -> Result<()> {
    let kernel = run.kernel(target);
    let title = format!("remove links to other kernels' modules from {}", target.kernel);
    let roots = run.env.kernel_roots(&kernel);
    let mut plan = Builder::new(title, roots.clone());
    for location in links.iter().filter(|link| !owners.has_at(&roots, link)) {
        plan.push(verbs::Remove { location: location.clone() }, "this kernel can load nothing through it");
        if let Some(parent) = location.parent() {
            plan.push(verbs::Prune::from(parent), "no empty directory is left");
        }
    }
    plan_depmod(run, &kernel, &mut plan);
    run.runner.run(plan)
}

pub fn depmod(run: &Invocation<'_>, target: &Target) -> Result<()> {
    let kernel = run.kernel(target);
    let mut plan = Builder::new(format!("index the modules of {}", target.kernel), run.env.kernel_roots(&kernel));
    plan_depmod(run, &kernel, &mut plan);
    run.runner.run(plan)
}

/// Left to the end of the transaction, after depmod.
pub fn boot_image(run: &Invocation<'_>, target: &Target) -> Result<()> {
    let kernel = run.kernel(target);
    if !run.transaction.is_open() {
        return Err(Error::new(Kind::System, "A boot image is made at the end of a repair.")
            .hint("Report this, with the output of `modsmith check --json`."));
    }
    let mut plan = Builder::new(format!("request the boot image of {}", target.kernel), run.env.kernel_roots(&kernel));
    plan_marker(Deferred::BootImage, &kernel, &mut plan);
    run.runner.run(plan)
}
