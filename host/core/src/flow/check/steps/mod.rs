//! The plans of repairs.

mod forget;
mod install;
mod sign;
mod small;

use super::problem::{Problem, Repair};
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::tree::{PackageId, Target};

/// Carries a repair out, as part of a transaction; the lock is held.
///
/// # Errors
/// Those of the plans; what was begun has been undone.
pub(super) fn carry_out(run: &Invocation<'_>, problem: &Problem, repair: &Repair) -> Result<()> {
    let id = || problem.package.as_ref().ok_or_else(|| incomplete(problem, "package"));
    let target = || problem.target.as_ref().ok_or_else(|| incomplete(problem, "kernel"));
    match repair {
        Repair::LinkSource => small::link_source(run, id()?),
        Repair::RemoveVersion => forget::remove_version(run, id()?),
        Repair::RemoveEmpty(directories) => small::remove_empty(run, directories),
        Repair::RemoveLeftovers(locations) => small::remove_leftovers(run, id()?, locations),
        Repair::RememberFailure => small::remember_failure(run, id()?, target()?),
        Repair::Rebuild => install::rebuild(run, id()?, target()?),
        Repair::Install => install::install(run, id()?, target()?),
        Repair::Reinstall => install::reinstall(run, id()?, target()?),
        Repair::SignAgain => sign::sign_again(run, id()?, target()?),
        Repair::RemoveFiles(files) => small::remove_files(run, id()?, target()?, files),
        Repair::KeepVersion { keep, others } => keep_version(run, id()?, target()?, keep, others),
        Repair::RestoreOriginals(moves) => small::restore_originals(run, target()?, moves),
        Repair::ForgetKernel => forget::forget_kernel(run, target()?),
        Repair::RemoveLink => small::remove_link(run, id()?, target()?),
        Repair::PointLink(version) => small::point_link(run, version, target()?),
        Repair::RemoveWeakLinks(links) => small::remove_weak_links(run, target()?, links),
        Repair::Depmod => small::depmod(run, target()?),
        Repair::BootImage => small::boot_image(run, target()?),
    }
}

/// The files of the other versions go first: each is also in the tree.
fn keep_version(
    run: &Invocation<'_>,
    active: &PackageId,
    target: &Target,
    keep: &PackageId,
    others: &[modsmith_facts::Location],
) -> Result<()> {
    small::remove_files(run, active, target, others)?;
    if keep == active { Ok(()) } else { install::reinstall(run, keep, target) }
}

/// A check that has left something out: a defect of the program.
fn incomplete(problem: &Problem, what: &str) -> Error {
    Error::new(Kind::System, format!("The repair of `{}` was not begun: no {what} was found.", problem.check))
        .hint("Report this, with the output of `modsmith check --json`.")
}
