//! Making an archive of a package of the tree.

use std::path::Path;
use std::sync::Arc;

use super::FormatRequest;
use super::destination::{Destination, Place};
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
    // Nothing is built for an archive that has no place.
    Destination::of(run, id, request)?;
    match build(run, &PackageSource::Named(id.clone()), &missing).into_iter().next() {
        Some(error) => Err(error),
        None => run.runner.after_success(make).unwrap_or(Ok(())),
    }
}

/// Makes the archive; the modules are built.
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
    let destination = Destination::of(run, id, request)?;
    let kernels: Vec<_> = targets.iter().map(|target| run.kernel(target)).collect();
    let kernel = kernels.first().cloned().unwrap_or_else(|| run.kernel(fallback));
    let conf = run.conf(&package, &kernel, Strictness::Lenient)?;
    let facts = Arc::new(package_facts(&package, &conf));
    let prepared = match targets.first().filter(|_| needs.state == State::Prepared) {
        Some(target) => Some(prepare_source(run, &package, &kernel, target)?),
        None => None,
    };
    let wanted = Wanted { request, destination };
    let made = make_of(run, &package, &targets, &kernels, &facts, prepared.as_ref(), &wanted);
    if let Some(location) = prepared {
        let mut plan = Builder::new(format!("end the preparation of {id}"), run.env.roots(&package, None));
        plan.push(verbs::Remove { location }, "the prepared source is no longer needed");
        run.runner.run(plan)?;
    }
    made
}

/// What is asked for, and where it goes.
struct Wanted<'a> {
    request: &'a FormatRequest,
    destination: Destination,
}

/// Makes the archive of a package in the required state. The lock is held.
fn make_of(
    run: &Invocation<'_>,
    package: &Package,
    targets: &[Target],
    kernels: &[Arc<Kernel>],
    facts: &Arc<PackageFacts>,
    prepared: Option<&Location>,
    Wanted { request, destination }: &Wanted<'_>,
) -> Result<()> {
    let (id, format) = (&package.id, &request.format);
    let staging = Staging::new(run)?;
    let mut roots = run.env.roots(package, None).with(Root::Staging, staging.path());
    if let Some(prepared) = prepared.and_then(|location| roots.path(location)) {
        roots.set(Root::Source, run.runner.path_after_plans(package.source.clone(), prepared));
    }
    if let Place::Directory(directory) | Place::LinkedFile { directory, .. } = &destination.place {
        // A directory that the user named: no plugin can reach this root.
        roots.set(Root::System, directory);
    }
    let mut options = request.options.clone();
    if let (Some(option), Some(name)) = (&format.archive_option, &destination.name) {
        options.push((option.clone(), name.clone()));
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
    let what = format!("The {} of {id}", format.name);
    let place = destination.plan_put(&mut plan, &results(), id.version_dir().join(&format.directory), &what)?;
    run.runner.run(plan)?;
    let finish = || {
        destination.write_to_device(&staging.path().join(RESULT), &what)?;
        print_location(run, &format!("{} location: ", format.label), &staging, &place)
    };
    run.runner.after_success(finish).unwrap_or(Ok(()))
}

/// The kernels whose modules go into the archive.
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
    let made = std::fs::read_dir(staging.path().join(RESULT)).into_iter().flatten();
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

/// Where a plugin leaves the finished files, below its staging directory.
const RESULT: &str = "result";

fn results() -> Location {
    Location::new(Root::Staging, RESULT).expect("a plain name is a location")
}
