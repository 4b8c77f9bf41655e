//! BUILD_DEPENDS in a matrix: what a package needs is built before it, for its build only.

use crate::conf::Strictness;
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::actions::cell::build_cell;
use crate::flow::transaction::begin;
use crate::tree::{Package, PackageId, Target};
use modsmith_plan::{Builder, verbs};

/// Why a package that another one needs is not there.
#[derive(Debug)]
pub struct NeededFailed {
    /// The one that could not be built.
    pub id: PackageId,
    pub error: Box<Error>,
}

/// The names of the packages that a package needs by BUILD_DEPENDS.
///
/// # Errors
/// A dkms.conf that cannot be used.
pub fn build_depends(run: &Invocation<'_>, package: &Package, target: &Target) -> Result<Vec<String>> {
    Ok(run.conf(package, &run.kernel(target), Strictness::Strict)?.build_depends)
}

/// Does work with a package whose build finds what it needs: the packages of BUILD_DEPENDS that are not
/// installed for the kernel, and those that these need, are built or taken from the store, and have the link
/// of installed ones while the work is done. `find` knows packages by their names; of one that it does not
/// know, the build says that it is missing.
///
/// # Errors
/// A package that could not be built, or that needs itself.
pub fn with_needed<T>(
    run: &Invocation<'_>,
    package: &Package,
    target: &Target,
    find: &dyn Fn(&str) -> Option<Result<Package>>,
    work: impl FnOnce() -> T,
) -> Result<T, NeededFailed> {
    let mut needed = Needed { run, target, find, path: vec![package.id.clone()], linked: Vec::new() };
    let built = needed.build(package);
    let done = built.map(|()| work());
    let unlinked = needed.linked.iter().rev().try_for_each(|id| unlink(run, id, target));
    let done = done?;
    match unlinked {
        Ok(()) => Ok(done),
        Err(error) => Err(failed(&package.id)(error)),
    }
}

struct Needed<'n> {
    run: &'n Invocation<'n>,
    target: &'n Target,
    find: &'n dyn Fn(&str) -> Option<Result<Package>>,
    /// The packages from the first one to the one that is visited now.
    path: Vec<PackageId>,
    /// The packages whose source link was made.
    linked: Vec<PackageId>,
}

impl Needed<'_> {
    fn build(&mut self, package: &Package) -> Result<(), NeededFailed> {
        let Self { run, target, find, .. } = *self;
        let names = build_depends(run, package, target).map_err(failed(&package.id))?;
        for name in names {
            if run.env.tree.active_version(&name, target).is_some() {
                continue;
            }
            let Some(found) = find(&name) else { continue };
            let found = found.map_err(failed(&package.id))?;
            if self.path.iter().any(|above| above.module == found.id.module) {
                return Err(failed(&package.id)(circle(&self.path, &found.id)));
            }
            self.path.push(found.id.clone());
            self.build(&found)?;
            self.path.pop();
            build_cell(run, &found, target)
                .map_err(|error| of_needed(error, &package.id))
                .and_then(|_| link(run, &found.id, target))
                .map_err(failed(&found.id))?;
            self.linked.push(found.id);
        }
        Ok(())
    }
}

fn failed(id: &PackageId) -> impl FnOnce(Error) -> NeededFailed + use<> {
    let id = id.clone();
    move |error| NeededFailed { id, error: Box::new(error) }
}

/// A package that is not for the kernel is one thing, and one that needs such a package is another.
fn of_needed(error: Error, by: &PackageId) -> Error {
    let kind = if error.kind == Kind::Excluded { Kind::DependencyMissing } else { error.kind };
    let message = format!("{by} needs a package that was not built. {}", error.message);
    let hints = error.hints.clone();
    hints.into_iter().fold(Error::new(kind, message).details(error.details), Error::hint)
}

fn circle(path: &[PackageId], again: &PackageId) -> Error {
    let path: Vec<String> = path.iter().chain([again]).map(ToString::to_string).collect();
    Error::new(Kind::DependencyMissing, format!("BUILD_DEPENDS of packages is a circle: {}.", path.join(", ")))
        .hint("Take one of them out of the dkms.conf of the package before it.")
}

/// The link leads to what is built; nothing is installed.
fn link(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<()> {
    let _lock = begin(run)?;
    let mut plan = Builder::new(format!("have {id} used for {target}"), run.env.system.roots.clone());
    let leads_to = format!("{}/{}/{}", id.version, target.kernel, target.arch);
    plan.push(
        verbs::Symlink { location: id.active_link(target), target: leads_to.into() },
        "a build looks for what it needs here",
    );
    run.runner.run(plan)
}

fn unlink(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<()> {
    let _lock = begin(run)?;
    let mut plan = Builder::new(format!("end the use of {id} for {target}"), run.env.system.roots.clone());
    plan.push(verbs::Remove { location: id.active_link(target) }, "it is not installed");
    run.runner.run(plan)
}
