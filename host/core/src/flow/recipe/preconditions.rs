//! The conditions for building a package for a kernel.

use std::path::Path;

use crate::conf::{self, PackageConf};
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::recipe::script::administrators;
use crate::tree::{Package, Target};
use modsmith_facts::Location;
use modsmith_facts::kernel::Kernel;
use modsmith_plugins::KernelLayout;

/// Refuses kernels that the package's BUILD_EXCLUSIVE_* rule out.
pub(crate) fn check_exclusive(package: &Package, conf: &PackageConf, kernel: &Kernel) -> Result<()> {
    let Some(reason) = conf.excludes(kernel) else { return Ok(()) };
    Err(Error::new(
        Kind::Excluded,
        format!("{} is not for kernel {} ({}): {reason}.", package.id, kernel.release(), kernel.arch()),
    )
    .detail(format!("Its {} says so with a BUILD_EXCLUSIVE directive.", conf.evaluated.file.display())))
}

/// Refuses a dkms.conf that the command line names (`-c`) and that cannot be read.
pub(crate) fn check_named_conf(run: &Invocation<'_>) -> Result<()> {
    run.env.options.conf.as_deref().map_or(Ok(()), conf::check_readable)
}

/// Refuses a kernel without headers.
pub(crate) fn check_headers(run: &Invocation<'_>, kernel: &std::sync::Arc<Kernel>) -> Result<()> {
    if kernel.headers().is_some() {
        return Ok(());
    }
    let (release, module_dir) = (kernel.release(), kernel.module_dir());
    let message = match module_dir.is_dir() {
        true => format!(
            "The headers of kernel {release} are missing: {} has no directory `include`.",
            kernel.source_dir().display()
        ),
        false => format!("Kernel {release} and its headers are missing: {} does not exist.", module_dir.display()),
    };
    let mut error = Error::new(Kind::HeadersMissing, message);
    error = match KernelLayout(&run.env.plugins).header_package(kernel).ok().flatten() {
        Some(package) => {
            error.hint(format!("Install the package {package}, or name a directory with --kernelsourcedir."))
        }
        None => error.hint("Install that kernel's headers, or name their directory with --kernelsourcedir."),
    };
    let others = kernels_with_headers(run);
    if !others.is_empty() {
        error = error.hint(format!("Kernels with headers here: {}. Name one with -k.", others.join(", ")));
    }
    Err(error)
}

/// The releases of all kernels with headers, in the order of their names.
pub fn kernels_with_headers(run: &Invocation<'_>) -> Vec<String> {
    let Some(directory) = run.env.system.roots.get(modsmith_facts::Root::InstallTree) else { return Vec::new() };
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("build/include").is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Refuses a package whose BUILD_DEPENDS are not installed; --force makes that a
/// warning.
pub(crate) fn check_dependencies(
    run: &Invocation<'_>,
    package: &Package,
    conf: &PackageConf,
    target: &Target,
) -> Result<()> {
    let missing: Vec<&String> =
        conf.build_depends.iter().filter(|name| run.env.tree.active_version(name, target).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ");
    let message = format!("{} needs modules that are not installed for kernel {target}: {names}.", package.id);
    if run.env.options.force {
        run.runner.reporter.warning(&message);
        return Ok(());
    }
    Err(Error::new(Kind::DependencyMissing, message)
        .hint(format!("Install them for that kernel first: `dkms install MODULE/VERSION -k {}`.", target.kernel)))
}

/// A source with nothing beside its dkms.conf cannot be built.
pub(crate) fn check_source(package: &Package) -> Result<()> {
    let entries = std::fs::read_dir(&package.source).map_err(|e| Error::io("read the source", &package.source, e))?;
    if entries.take(2).count() < 2 {
        return Err(Error::new(
            Kind::SourceEmpty,
            format!("The source of {} contains nothing to build: {}.", package.id, package.source.display()),
        )
        .hint(
            "It was registered with binaries only; add the package with its source to build it for another kernel.",
        ));
    }
    Ok(())
}

/// A patch that applies.
pub(crate) struct Patch {
    /// The name in dkms.conf.
    pub name: String,
    /// The administrator's file of that name; `None`: it is the source's.
    pub given: Option<Location>,
}

/// The patches that apply, each of them there.
pub(crate) fn check_patches(run: &Invocation<'_>, package: &Package, conf: &PackageConf) -> Result<Vec<Patch>> {
    let directory = package.source.join("patches");
    let mut found = Vec::new();
    for conf::Patch { file: name, .. } in &conf.patches {
        let given = administrators(run, package, &Path::new("patches").join(name));
        let climbs = name.split('/').any(|part| part == "..");
        if climbs || (given.is_none() && !directory.join(name).is_file()) {
            return Err(Error::new(Kind::PatchMissing, format!("The patch {name} of {} is missing.", package.id))
                .hint(format!("PATCH names files below {}, without `..`.", directory.display())));
        }
        found.push(Patch { name: name.clone(), given });
    }
    Ok(found)
}
