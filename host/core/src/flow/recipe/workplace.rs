//! Where a package is built, and how commands run there.

use crate::conf::PackageConf;
use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::recipe::build_environment::build_environment;
use crate::flow::recipe::confinement::{Confined, confinement};
use crate::tree::{Package, PackageId, Target};
use modsmith_facts::Location;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::{Bind, Command};

/// Where a package is built.
pub(crate) struct Workplace {
    pub(crate) location: Location,
    /// Makes it `T/m/v/build` for the programs of the build, where it is not.
    pub(crate) bind: Option<Bind>,
    /// See [`build_environment`].
    pub(crate) exports: Option<String>,
    /// Whether the makes of the package do one thing after the other.
    pub(crate) one_job: bool,
    /// The log of an attempt before this one, without its head.
    pub(crate) before: Vec<u8>,
    /// The walls around the programs of the build; `None`: it has none.
    pub(crate) confined: Option<Confined>,
}

impl Workplace {
    /// A command that runs there, as part of the build. It takes a job, and lends
    /// none: only MAKE does.
    pub(crate) fn command(&self, mut command: Command) -> Command {
        if let Some(bind) = &self.bind {
            command.directory = Some(bind.location.clone());
            command.bind = Some(bind.clone());
        }
        command.exports = self.exports.clone();
        (command.shares_jobs, command.one_job) = (true, true);
        if let Some(confined) = &self.confined {
            confined.apply(&mut command);
        }
        command
    }

    /// The build's log while it is going on.
    pub(crate) fn log(&self) -> Location {
        log_in(&self.location)
    }
}

/// The place of a build that is going to be made.
pub(crate) fn workplace(
    run: &Invocation<'_>,
    package: &Package,
    conf: &PackageConf,
    kernel: &Kernel,
    target: &Target,
) -> Result<Workplace> {
    let location = build_dir(run, &package.id, target);
    let confined = confinement(run, package, conf, kernel, &location, &package.id.build_dir())?;
    let bind = run.scope.isolated.then(|| Bind { from: location.clone(), location: package.id.build_dir() });
    let one_job = run.env.tree.needs_one_job(&package.id);
    Ok(Workplace { location, bind, exports: build_environment(run)?, one_job, before: Vec::new(), confined })
}

/// The directory that a package is built in for a kernel.
fn build_dir(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Location {
    if run.scope.isolated { id.isolated_build_dir(target) } else { id.build_dir() }
}

/// The log of the build that is going on, or has just failed.
pub(crate) fn build_log(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Location {
    log_in(&build_dir(run, id, target))
}

fn log_in(build: &Location) -> Location {
    build.join("make.log").expect("a plain name is a location")
}
