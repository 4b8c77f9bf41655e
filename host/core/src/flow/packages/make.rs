//! From the tree to an archive.

use std::path::Path;
use std::sync::Arc;

use super::FormatRequest;
use super::staging::Staging;
use crate::conf::Strictness;
use crate::error::{Error, Kind, Result};
use crate::flow::actions::build::build;
use crate::flow::build::package::prepare_source;
use crate::flow::package_facts::package_facts;
use crate::flow::packages::confined::check_staged;
use crate::flow::transaction::begin;
use crate::flow::{Invocation, PackageSource};
use crate::tree::{BuildRecord, Package, PackageId, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Builder, Each, Section, Step, verbs};
use modsmith_plugins::{Assembly, KernelCount, PackageFacts, Packager, Requirements, State};

/// Makes a format of a package and what is built of it for some kernels.
/// `fallback` is the kernel that its dkms.conf is evaluated for where there
/// is none.
pub fn make_format(
    run: &Invocation<'_>,
    id: &PackageId,
    targets: &[Target],
    fallback: &Target,
    needs: Requirements,
    request: &FormatRequest,
) -> Result<()> {
    let make = || make_of_tree(run, id, targets, fallback, needs, request);
    let is_missing = |target: &&Target| needs.state == State::BuiltOnDemand && !run.env.tree.is_built(id, target);
    let missing: Vec<_> = targets.iter().filter(is_missing).cloned().collect();
    if missing.is_empty() {
        return make();
    }
    match build(run, &PackageSource::Named(id.clone()), &missing).into_iter().next() {
        Some(error) => Err(error),
        None => run.runner.after_success(make).unwrap_or(Ok(())),
    }
}

/// Makes it of what the tree has.
fn make_of_tree(
    run: &Invocation<'_>,
    id: &PackageId,
    targets: &[Target],
    fallback: &Target,
    needs: Requirements,
    request: &FormatRequest,
) -> Result<()> {
    let _lock = begin(run)?;
    let package = run.env.package(id)?;
    let targets = packaged(run, id, targets, needs, request)?;
    let kernels: Vec<_> = targets.iter().map(|target| run.kernel(target)).collect();
    let kernel = kernels.first().cloned().unwrap_or_else(|| run.kernel(fallback));
    let conf = run.conf(&package, &kernel, Strictness::Lenient)?;
    let facts = Arc::new(package_facts(&package, &conf));
    let prepared = match targets.first().filter(|_| needs.state == State::Prepared) {
        Some(target) => Some(prepare_source(run, &package, &kernel, target)?),
        None => None,
    };
    let made = make_of(run, &package, &targets, &kernels, &facts, prepared.as_ref(), request);
    if let Some(location) = prepared {
        let mut plan = Builder::new(format!("end the preparation of {id}"), run.env.roots(&package, None));
        plan.push(verbs::Remove { location }, "the prepared source is no longer needed");
        run.runner.run(plan)?;
    }
    made
}

/// Makes it of a package that is what it has to be. The lock is held.
fn make_of(
    run: &Invocation<'_>,
    package: &Package,
    targets: &[Target],
    kernels: &[Arc<Kernel>],
    facts: &Arc<PackageFacts>,
    prepared: Option<&Location>,
    request: &FormatRequest,
) -> Result<()> {
    let (id, format) = (&package.id, &request.format);
    let staging = Staging::new(run)?;
    let (directory, name) = place(package, request)?;
    let mut roots = run.env.roots(package, None).with(Root::Staging, staging.path());
    if let Some(source) = prepared.and_then(|location| run.runner.after_success(|| roots.path(location))?) {
        roots.set(Root::Source, source);
    }
    if let Some(directory) = &directory {
        // A directory that the user named: no plugin can reach this root.
        roots.set(Root::System, directory);
    }
    let mut options = request.options.clone();
    if let (Some(option), Some(name)) = (&format.archive_option, name) {
        options.push((option.clone(), name));
    }
    let mut plan = Builder::new(format!("make a {} of {id}", format.name), roots);
    let failed = format!("The {} of {id} could not be made.", format.name);
    let section = Section::new().confined().tells_notes().fails_as(Kind::Format(format.failed), failed);
    let each =
        |step: &Step| Each { line: marking(run, package, targets, step), next: dropped_record(package, targets, step) };
    let add = |plan: &mut Builder| {
        plan.push(verbs::MakeDirectory { location: Staging::top() }, "the file is made in a private directory");
        let assembly = Assembly { package: facts, kernels, options: &options, staging: &Staging::top() };
        Packager(&run.env.plugins).assemble(format, assembly, plan)
    };
    plan.section_of_each(section, add, each)?;
    check_staged(plan.steps())?;
    let to = match &directory {
        Some(_) => Location::new(Root::System, ""),
        None => id.version_dir().join(&format.directory),
    };
    let to = to.map_err(|e| Error::new(Kind::Plugin, e.to_string()))?;
    let shown = plan.roots().path(&to).unwrap_or_default();
    plan.push(verbs::Collect { from: results(), glob: "*".into(), to }, "the finished file is moved to its directory")
        .fails_as(
            Kind::ArchiveUnwritable,
            format!("The {} of {id} could not be put into {}.", format.name, shown.display()),
        );
    run.runner.run(plan)?;
    let print = || print_location(run, &format!("{} location: ", format.label), &staging, &shown);
    run.runner.after_success(print).unwrap_or(Ok(()))
}

/// The kernels that go into it: all that were asked for, or none.
fn packaged(
    run: &Invocation<'_>,
    id: &PackageId,
    targets: &[Target],
    needs: Requirements,
    request: &FormatRequest,
) -> Result<Vec<Target>> {
    let format = &request.format;
    let (built, missing): (Vec<_>, Vec<_>) =
        targets.iter().cloned().partition(|target| run.env.tree.is_built(id, target));
    let (what, kernel) = match (needs.state, missing.first()) {
        (State::Added, _) => return Ok(built),
        (State::Prepared, _) => return Ok(targets.to_vec()),
        (_, None) if needs.kernels == KernelCount::None || !built.is_empty() => return Ok(built),
        (_, None) => ("any kernel".to_owned(), "KERNEL".to_owned()),
        (_, Some(missing)) => (format!("kernel {missing}"), format!("{}/{}", missing.kernel, missing.arch)),
    };
    let mut error = Error::new(Kind::Format(format.not_built), format!("{id} is not built for {what}."))
        .hint(format!("Build it first: `dkms build {id} -k {kernel}`."));
    for option in format.options.iter().filter(|option| option.without_kernels) {
        error = error.hint(format!("Or make it without any kernel: --{}.", option.name));
    }
    Err(error)
}

/// The directory that the user named for the archive, and the archive's name
/// in it.
fn place(package: &Package, request: &FormatRequest) -> Result<(Option<std::path::PathBuf>, Option<String>)> {
    let Some(archive) = &request.archive else { return Ok((request.place.clone(), None)) };
    let name = archive.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let name = name.ok_or_else(|| {
        Error::new(
            Kind::Usage,
            format!("`{}` is not a file name for the {} of {}.", archive.display(), request.format.name, package.id),
        )
        .hint("Name a file, with or without a directory.")
    })?;
    let directory = match archive.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            Some(std::path::absolute(parent).map_err(|e| Error::io("use", parent, e))?)
        }
        _ => None,
    };
    Ok((directory, Some(name)))
}

/// The line for a step that puts modules, or the source, into it.
fn marking(run: &Invocation<'_>, package: &Package, targets: &[Target], step: &Step) -> Option<String> {
    let Action::Copy(verbs::Copy { from, .. }) = &step.action else { return None };
    if let Some(target) = targets.iter().find(|target| package.id.target_dir(target) == *from) {
        return Some(format!("Marking modules for {target} for archiving..."));
    }
    let is_source = from.root == Root::Source && from.relative().as_os_str().is_empty();
    let source = run.env.tree.real(&package.id.source_link());
    is_source.then(|| format!("Marking {} for archiving...", source.display()))
}

/// The step behind one that copies modules: their record stays out of the archive.
fn dropped_record(package: &Package, targets: &[Target], step: &Step) -> Option<(Action, &'static str)> {
    let Action::Copy(verbs::Copy { from, to }) = &step.action else { return None };
    let is_of_modules = targets.iter().any(|target| package.id.target_dir(target) == *from);
    let record = || verbs::Remove { location: BuildRecord::location(to) }.into();
    is_of_modules.then(|| (record(), "the record describes the files in the tree only"))
}

/// Says what was made; nothing at all is a plugin's mistake.
fn print_location(run: &Invocation<'_>, what: &str, staging: &Staging, place: &Path) -> Result<()> {
    let made = std::fs::read_dir(staging.path().join("result")).into_iter().flatten();
    let mut names: Vec<_> = made.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names.sort();
    for name in &names {
        run.runner.say(format!("{what}{}", place.join(name).display()));
    }
    if names.is_empty() {
        return Err(Error::new(Kind::Plugin, "The plugin that makes this format made no file.")
            .hint("Report it to the plugin's author; `modsmith plugin list` names the plugin."));
    }
    Ok(())
}

fn results() -> Location {
    Location::new(Root::Staging, "result").expect("a plain name is a location")
}
