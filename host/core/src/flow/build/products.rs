//! The built state: modules signed and compressed, the record and the log of the build.

use std::path::Path;
use std::sync::Arc;

use crate::build::Compressor;
use crate::conf::{ModuleRecord, PackageConf};
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::build::decisions::Decisions;
use crate::flow::package_facts::package_facts;
use crate::flow::recipe::confinement::Confined;
use crate::flow::recipe::workplace::Workplace;
use crate::flow::record::plan_build_record;
use crate::flow::signing::plan_signing;
use crate::flow::store::builds::{SYMBOLS, Stored, file_name};
use crate::tree::{BuildRecord, Package, PackageId, RecordedModule, Target, check_name};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Compression, Location};
use modsmith_plan::{Action, Builder, Bytes, Command, OnFailure, RunsIn, verbs};

/// Where modules come from.
pub(crate) enum Source<'s> {
    /// The build directory, where make has left them.
    Build,
    /// The store. `line` is printed while modules are taken.
    Store { stored: &'s Stored, line: &'s str },
}

/// The steps that bring modules of make or of the store to the built state, which appears all at once.
pub(crate) fn plan_products(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
    decisions: &Decisions,
    source: &Source<'_>,
    plan: &mut Builder,
) -> Result<()> {
    let id = &package.id;
    let Workplace { location: build, .. } = &decisions.place;
    let hidden = id
        .kernel_dir(target)
        .join(format!(".tmp_{}_{}", target.arch, std::process::id()))
        .expect("a plain name is a location");
    let facts = Arc::new(package_facts(package, &decisions.conf));
    let products = hidden.join("module").expect("a plain name is a location");
    plan.push(verbs::MakeDirectory { location: products.clone() }, "built modules are collected in a hidden directory");
    let to = products.join(SYMBOLS).expect("a plain name is a location");
    plan_symbols(build, to, source, plan);
    plan_dependency_notes(run, &decisions.conf, target, &hidden, plan);
    for module in &decisions.conf.modules {
        let built = built_location(build, module)?;
        let product = products
            .join(format!("{}.ko", module.dest_name))
            .map_err(|e| Error::new(Kind::ConfInvalid, format!("DEST_MODULE_NAME of {id}: {e}.")))?;
        match source {
            Source::Build => plan_taken_over(id, target, module, decisions, &built, plan),
            Source::Store { stored, line } => plan_taken(&module.dest_name, stored, line, &built, plan),
        }
        if let Some(signing) = &decisions.signing.signing {
            let shown = run.env.tree.real(&id.build_dir()).join(below(build, &built));
            plan_signing(run, signing, &facts, kernel, &built, &shown, plan);
        }
        plan.push(verbs::Copy { from: built, to: product.clone() }, "one file per module, under its installed name");
        if let Some(compression) = decisions.compression {
            let compressor = Compressor::new(compression, &run.env.framework);
            plan.push(Action::Run(compressor.command(&product)), "compressed like the kernel's own modules");
        }
    }
    plan_build_record(run, id, target, &hidden, record_of(decisions, source), plan);
    let to = id.target_dir(target);
    plan.push(verbs::Rename { from: hidden, to }, "the complete result gets its final name in one step").fails_as(
        Kind::ProductMissing,
        format!("The results of building {id} for kernel {target} could not be put in place."),
    );
    Ok(())
}

/// The record of a build, before anything is installed.
fn record_of(decisions: &Decisions, source: &Source<'_>) -> BuildRecord {
    let suffix = decisions.compression.map_or("", Compression::suffix);
    let record = |module: &ModuleRecord| RecordedModule {
        name: module.dest_name.clone(),
        product: format!("{}.ko{suffix}", module.dest_name),
        installed: None,
        digest: None,
        overruled: Vec::new(),
    };
    let modules = decisions.conf.modules.iter().map(record).collect();
    let (confinement, stored) = match source {
        Source::Build => (decisions.place.confined.as_ref().map(Confined::record), None),
        Source::Store { stored, .. } => (stored.confinement(), Some(*stored)),
    };
    let store = decisions.keeping.as_ref().map(|keeping| keeping.record(stored));
    BuildRecord::new(decisions.conf_files.clone(), modules)
        .confined(confinement)
        .stored(store)
        .unsigned(decisions.signing.refused.clone())
}

/// Where make leaves a module.
pub(crate) fn built_location(build: &Location, module: &ModuleRecord) -> Result<Location> {
    let directory = build.join(&module.built_location);
    let file = directory.and_then(|directory| directory.join(format!("{}.ko", module.built_name)));
    file.map_err(|e| Error::new(Kind::ConfInvalid, e.to_string()))
}

/// The path of a module's file below the build directory.
fn below<'l>(build: &Location, built: &'l Location) -> &'l Path {
    built.relative().strip_prefix(build.relative()).unwrap_or(built.relative())
}

/// The symbols that the modules export.
fn plan_symbols(build: &Location, to: Location, source: &Source<'_>, plan: &mut Builder) {
    let why = "packages that depend on this one need its exported symbols";
    match source {
        Source::Build => {
            plan.push(verbs::TakeOver { from: build.clone(), file: SYMBOLS.into(), to: Some(to), optional: true }, why);
        }
        Source::Store { stored, .. } => {
            if let (Some(from), Some(digest)) = (stored.location(SYMBOLS), stored.digest(SYMBOLS)) {
                plan.push(verbs::TakeStored { from, to, digest: digest.to_owned() }, why);
            }
        }
    }
}

/// The steps that make a file that can be signed of a module that make has left.
pub(crate) fn plan_taken_over(
    id: &PackageId,
    target: &Target,
    module: &ModuleRecord,
    decisions: &Decisions,
    built: &Location,
    plan: &mut Builder,
) {
    let build = &decisions.place.location;
    let below = below(build, built);
    if module.strip {
        let mut command = Command::new("strip").arg("-g").location_arg(built.clone());
        command.runs_in = RunsIn::Either;
        command.failure = OnFailure::Warn;
        if let Some(confined) = &decisions.place.confined {
            confined.apply_to_tool(&mut command);
        }
        plan.push(Action::Run(command), "debugging symbols are stripped unless STRIP says no");
    }
    plan.push(
        verbs::TakeOver { from: build.clone(), file: below.to_path_buf(), to: None, optional: false },
        "what the recipe has left becomes a file of its own",
    )
    .fails_as(
        Kind::ProductMissing,
        format!("{} of {id} for kernel {target} is no file that can be installed.", below.display()),
    );
}

/// The steps that copy a module of the store to where make would have left it.
fn plan_taken(module: &str, stored: &Stored, line: &str, built: &Location, plan: &mut Builder) {
    let name = file_name(module);
    let (Some(from), Some(digest)) = (stored.location(&name), stored.digest(&name)) else { return };
    if let Some(parent) = built.parent() {
        plan.push(verbs::MakeDirectory { location: parent }, "modules are signed where they would have been built");
    }
    plan.push(
        verbs::TakeStored { from, to: built.clone(), digest: digest.to_owned() },
        format!("the store has it: identity {}", stored.entry.identity()),
    )
    .progress(line);
}

/// The steps that keep the log of the build.
pub(crate) fn plan_log(package: &Package, target: &Target, place: &Workplace, plan: &mut Builder) {
    let logs = package.id.target_dir(target).join("log").expect("a plain name is a location");
    plan.push(verbs::MakeDirectory { location: logs.clone() }, "the log of the build is kept");
    plan.push(verbs::Copy { from: place.log(), to: package.id.kept_log(target) }, "the log of the build is kept");
}

/// The step that deletes the build directory.
pub(crate) fn plan_clear(place: &Workplace, plan: &mut Builder) {
    plan.push(verbs::Remove { location: place.location.clone() }, "a successful build leaves no build directory");
}

/// Deletes the build directory in a plan of its own, after the store has read it.
pub(crate) fn clear(run: &Invocation<'_>, package: &Package, kernel: &Kernel, place: &Workplace) -> Result<()> {
    let mut plan = Builder::new(format!("end the build of {}", package.id), run.env.roots(package, Some(kernel)));
    plan_clear(place, &mut plan);
    run.runner.run(plan)
}

/// Notes beside the modules against which versions they are built: `.dep_D`
/// with the version of D.
fn plan_dependency_notes(run: &Invocation<'_>, conf: &PackageConf, target: &Target, to: &Location, plan: &mut Builder) {
    if !conf.build_depends_rebuild || run.env.options.force {
        return;
    }
    for needed in &conf.build_depends {
        let (Some(version), Ok(())) = (run.env.tree.active_version(needed, target), check_name("module", needed))
        else {
            continue;
        };
        let location = to.join(format!(".dep_{needed}")).expect("a checked name is a location");
        let contents = Bytes(format!("{version}\n").into_bytes());
        plan.push(
            verbs::WriteFile { location, contents, mode: 0o644 },
            "BUILD_DEPENDS_REBUILD: a change of this version causes a rebuild",
        );
    }
}
