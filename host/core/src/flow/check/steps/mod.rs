//! The plans of repairs.

mod forget;
mod install;
mod sign;
mod small;

use std::path::PathBuf;

use super::owners::Owners;
use super::problem::{Problem, Repair};
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::tree::{PackageId, Target};
use modsmith_facts::Location;

/// Carries a repair out, as part of a transaction; the lock is held.
///
/// # Errors
/// Those of the plans, which have been undone. The owner of a file that is to be deleted cannot be
/// found out.
pub(super) fn carry_out(run: &Invocation<'_>, problem: &Problem, repair: &Repair) -> Result<()> {
    let id = || problem.package.as_ref().ok_or_else(|| incomplete(problem, "package"));
    let target = || problem.target.as_ref().ok_or_else(|| incomplete(problem, "kernel"));
    let owners = Owners::of(run, &deletions(run, problem))?;
    match repair {
        Repair::LinkSource => small::link_source(run, id()?),
        Repair::RemoveVersion => forget::remove_version(run, id()?, &owners),
        Repair::RemoveEmpty(directories) => small::remove_empty(run, directories),
        Repair::RemoveLeftovers(locations) => small::remove_leftovers(run, id()?, locations),
        Repair::RememberFailure => small::remember_failure(run, id()?, target()?),
        Repair::Rebuild => install::rebuild(run, id()?, target()?),
        Repair::Install => install::install(run, id()?, target()?),
        Repair::Reinstall => install::reinstall(run, id()?, target()?),
        Repair::SignAgain => sign::sign_again(run, id()?, target()?),
        Repair::RemoveFiles(files) => small::remove_files(run, id()?, target()?, files, &owners),
        Repair::KeepVersion { keep, others } => keep_version(run, id()?, target()?, (keep, others), &owners),
        Repair::RestoreOriginals(moves) => small::restore_originals(run, target()?, moves),
        Repair::ForgetKernel => forget::forget_kernel(run, target()?, &owners),
        Repair::RemoveLink => small::remove_link(run, id()?, target()?),
        Repair::PointLink(version) => small::point_link(run, version, target()?),
        Repair::RemoveWeakLinks(links) => small::remove_weak_links(run, target()?, links, &owners),
        Repair::Depmod => small::depmod(run, target()?),
        Repair::BootImage => small::boot_image(run, target()?),
    }
}

/// The files that a repair deletes below the module directories of kernels, as this machine sees
/// them.
pub(super) fn deletions(run: &Invocation<'_>, problem: &Problem) -> Vec<PathBuf> {
    match (&problem.repair, &problem.package, &problem.target) {
        (Some(Repair::RemoveFiles(locations) | Repair::RemoveWeakLinks(locations)), _, Some(target))
        | (Some(Repair::KeepVersion { others: locations, .. }), _, Some(target)) => {
            let roots = run.env.kernel_roots(&run.kernel(target));
            locations.iter().filter_map(|location| roots.path(location)).collect()
        }
        (Some(Repair::RemoveVersion), Some(id), _) => forget::files_of_version(run, id),
        (Some(Repair::ForgetKernel), _, Some(target)) => forget::files_for_kernel(run, target),
        _ => Vec::new(),
    }
}

/// The files of the other versions go first: each is also in the tree.
fn keep_version(
    run: &Invocation<'_>,
    active: &PackageId,
    target: &Target,
    (keep, others): (&PackageId, &[Location]),
    owners: &Owners,
) -> Result<()> {
    small::remove_files(run, active, target, others, owners)?;
    if keep == active { Ok(()) } else { install::reinstall(run, keep, target) }
}

/// A check that has left something out: a defect of the program.
fn incomplete(problem: &Problem, what: &str) -> Error {
    Error::new(Kind::System, format!("The repair of `{}` was not begun: no {what} was found.", problem.check))
        .hint("Report this, with the output of `modsmith check --json`.")
}
