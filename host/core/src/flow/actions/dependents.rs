//! BUILD_DEPENDS_REBUILD: packages that are built against another are built again
//! when another version of that one is installed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::conf::Strictness;
use crate::error::{Error, Result};
use crate::event::{End, Job, Outcome};
use crate::flow::Invocation;
use crate::flow::build::package::build_package;
use crate::flow::install::overrides::Overrides;
use crate::flow::install::package::install_again;
use crate::tree::{Package, PackageEntry, PackageId, SourceState, Target};
use modsmith_facts::kernel::Kernel;

/// The same as [`rebuild_each_dependent`].
///
/// Errors: the first of a package that could not be rebuilt.
pub(crate) fn rebuild_dependents(
    run: &Invocation<'_>,
    installed: &PackageId,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Result<()> {
    let mut failed = rebuild_each_dependent(run, installed, kernel, target)?.into_iter().map(|(_, error)| error);
    let first = failed.next();
    failed.for_each(|error| run.runner.reporter.warning(&error.message));
    first.map_or(Ok(()), Err)
}

/// After `installed` was installed for a kernel, builds again what was built
/// against another version of what is installed there. What was installed is
/// installed again.
///
/// Returns the packages that could not be rebuilt, each with the reason: their
/// older builds stay as they are.
pub(crate) fn rebuild_each_dependent(
    run: &Invocation<'_>,
    installed: &PackageId,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Result<Vec<(PackageId, Error)>> {
    let mut failed = Vec::new();
    if run.env.options.force {
        return Ok(failed);
    }
    // A package that is rebuilt may be what others are built against.
    let mut current = vec![installed.clone()];
    let mut done = BTreeSet::from([installed.clone()]);
    while let Some(package) = outdated(run, &current, &done, kernel, target)? {
        done.insert(package.id.clone());
        run.runner.say(format!("Rebuilding module {} due to updated dependencies", package.id));
        let job = if run.env.tree.is_installed(&package.id, target) { Job::Install } else { Job::Build };
        match run.work(job, &package.id, target, |run| rebuild(run, &package, kernel, target)) {
            Ok(_) => current.push(package.id),
            Err(error) => failed.push((package.id, error)),
        }
    }
    Ok(failed)
}

/// The next package that is built against what is no longer installed.
fn outdated(
    run: &Invocation<'_>,
    current: &[PackageId],
    done: &BTreeSet<PackageId>,
    kernel: &Kernel,
    target: &Target,
) -> Result<Option<Package>> {
    for PackageEntry { id, source } in run.env.tree.entries()? {
        let SourceState::Present(source) = source else { continue };
        let package = Package { id, source };
        if done.contains(&package.id) || !run.env.tree.is_built(&package.id, target) {
            continue;
        }
        let Ok(conf) = run.conf(&package, kernel, Strictness::Lenient) else { continue };
        let differs = |needed: &String| {
            // A dry run has installed nothing yet.
            let named = current.iter().find(|id| id.module == *needed).map(|id| id.version.clone());
            let installed = named.or_else(|| run.env.tree.active_version(needed, target));
            let location = package.id.target_dir(target).join(format!(".dep_{needed}")).ok();
            let built_with = location.and_then(|location| String::from_utf8(run.env.tree.believed(&location)?).ok());
            installed.is_some_and(|version| built_with.is_none_or(|text| text.trim() != version))
        };
        if conf.build_depends_rebuild && conf.build_depends.iter().any(differs) {
            return Ok(Some(package));
        }
    }
    Ok(None)
}

/// The new build takes the place of the old one only when it is complete.
fn rebuild(run: &Invocation<'_>, package: &Package, kernel: &Arc<Kernel>, target: &Target) -> Result<End> {
    let installed = run.env.tree.is_installed(&package.id, target);
    build_package(run, package, kernel, target)?;
    if installed {
        // The earlier build replaced the kernel's module in spite of its version, so this one does, too.
        let overrides = Overrides { everything: false, version: true };
        install_again(run, package, kernel, target, overrides)?;
        return Ok(End::Done(Outcome::Installed));
    }
    Ok(End::Done(Outcome::Built))
}
