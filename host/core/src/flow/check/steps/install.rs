//! Repairs by which modules get into a kernel's directory.

use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::actions::install::build_and_install;
use crate::flow::build::package::build_package;
use crate::flow::install::overrides::Overrides;
use crate::flow::install::package::install_overriding;
use crate::tree::{PackageId, Target};

/// Builds a package again and, where it is installed, installs what was built.
pub fn rebuild(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<()> {
    let package = run.env.package(id)?;
    let is_installed = run.env.tree.is_installed(id, target);
    build_package(run, &package, &run.kernel(target), target)?;
    if is_installed { reinstall(run, id, target) } else { Ok(()) }
}

/// Builds a package, if need be, and installs it.
pub fn install(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<()> {
    build_and_install(run, &run.env.package(id)?, target).map(drop)
}

/// Copies built modules over the installed ones, in one plan: at no time does the kernel
/// lack them. What the kernel would not load is not installed.
pub fn reinstall(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Result<()> {
    // The package replaced the kernel's module when it was installed, so the versions are not compared.
    let overrides = Overrides { everything: false, version: true };
    install_overriding(run, &run.env.package(id)?, &run.kernel(target), target, overrides)
}
