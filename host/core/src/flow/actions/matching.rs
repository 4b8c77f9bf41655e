//! `match`: installs for one kernel the modules that are installed for another.

use crate::conf::Strictness;
use crate::error::{Error, Kind, Result};
use crate::event::{End, Job};
use crate::flow::Invocation;
use crate::flow::actions::autoinstall::usable_entries;
use crate::flow::actions::dependents::rebuild_dependents;
use crate::flow::actions::install::build_and_install;
use crate::flow::install::weak_links::{is_weakly_installed, weak_links};
use crate::flow::transaction::{self, begin};
use crate::tree::{PackageId, Target};
use modsmith_plugins::Occasion;

/// Installs for `target` every package that is installed for `template`, or
/// only those of one module, of one version, or both.
pub fn match_template(
    run: &Invocation<'_>,
    template: &Target,
    target: &Target,
    module: Option<&str>,
    version: Option<&str>,
) -> Result<()> {
    if template.kernel == target.kernel {
        return Err(Error::new(
            Kind::UnknownOption,
            format!("Kernel {} cannot be matched with itself.", target.kernel),
        )
        .hint("--templatekernel names the kernel that has the modules, -k the one that gets them."));
    }
    let known = usable_entries(run)?;
    if let Some(module) = module.filter(|module| !known.iter().any(|entry| entry.id.module == **module)) {
        return Err(Error::new(
            Kind::NotInTree,
            format!("{module} is not in the tree {}.", run.env.tree.path().display()),
        )
        .hint("`dkms status` lists the packages in the tree."));
    }
    let links = weak_links(run);
    let has =
        |id: &PackageId| run.env.tree.is_installed(id, template) || is_weakly_installed(run, id, template, &links);
    let wanted: Vec<PackageId> = known
        .into_iter()
        .map(|entry| entry.id)
        .filter(|id| module.is_none_or(|module| id.module == module))
        .filter(|id| version.is_none_or(|version| id.version == version) && has(id))
        .collect();
    run.runner.say_lines(&[format!("Matching modules of kernel {template}"), format!("to kernel {target}")]);
    if wanted.is_empty() {
        run.runner.say(format!("Kernel {template} has no modules to match: there is nothing to do."));
        return Ok(());
    }
    let _lock = begin(run)?;
    let together = run.in_transaction().building(wanted.len());
    let matched = in_order(run, wanted, target).iter().try_for_each(|id| {
        for line in [String::new(), format!("Module:  {}", id.module), format!("Version: {}", id.version)] {
            run.runner.say_echo(&line);
        }
        let package = run.env.package(id)?;
        match together.work(Job::Install, id, target, |run| build_and_install(run, &package, target))? {
            End::Done(_) => rebuild_dependents(&together, id, &run.kernel(target), target),
            End::Skipped(_) => Ok(()),
        }
    });
    // depmod and boot image are due for packages before one that failed, too.
    let finished = transaction::finish(run, &run.kernel(target), Occasion::Installed);
    matched.and(finished)
}

/// Sorts packages so that each comes after the packages that its dkms.conf needs, as far as that is
/// possible.
fn in_order(run: &Invocation<'_>, mut packages: Vec<PackageId>, target: &Target) -> Vec<PackageId> {
    let kernel = run.kernel(target);
    let needs = |id: &PackageId| {
        let conf = run.env.package(id).and_then(|package| run.conf(&package, &kernel, Strictness::Lenient));
        // If the dkms.conf cannot be read, the installation of the package reports it.
        conf.map(|conf| conf.build_depends).unwrap_or_default()
    };
    let mut ordered = Vec::new();
    while !packages.is_empty() {
        let waits = |id: &PackageId| {
            needs(id).iter().any(|needed| packages.iter().any(|other| other != id && other.module == *needed))
        };
        let next = packages.iter().position(|id| !waits(id)).unwrap_or(0);
        ordered.push(packages.remove(next));
    }
    ordered
}
