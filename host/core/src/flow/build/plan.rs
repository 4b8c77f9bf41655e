//! The plan of a build.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::build::decisions::Decisions;
use crate::flow::build::products::{Source, built_location, plan_clear, plan_log, plan_products, plan_taken_over};
use crate::flow::failure_records::plan_forget;
use crate::flow::recipe::confinement::Confined;
use crate::flow::recipe::make_command::{MakeCommand, build_commands};
use crate::flow::recipe::preconditions::Patch;
use crate::flow::recipe::script::{self, script_command};
use crate::tree::{Package, Target};
use modsmith_facts::Location;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::{Action, Builder, Bytes, Command, RunsIn, Undo, verbs};

/// The plan up to the built state.
pub(super) fn plan_build(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
    decisions: &Decisions,
) -> Result<Builder> {
    let mut plan = Builder::new(format!("build {} for {target}", package.id), run.env.roots(package, Some(kernel)));
    plan_prepared(run, package, kernel, target, decisions, &mut plan)?;
    plan_make(run, package, kernel, target, decisions, &mut plan)?;
    plan_products(run, package, kernel, target, decisions, &Source::Build, &mut plan)?;
    plan_forget(run, &package.id, target, &mut plan);
    if decisions.conf.scripts.post_build.is_none() {
        plan_finish(package, target, decisions, &mut plan);
    }
    Ok(plan)
}

/// The steps that put a source that is ready for make into a clean build directory.
pub(super) fn plan_prepared(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    target: &Target,
    decisions: &Decisions,
    plan: &mut Builder,
) -> Result<()> {
    plan_copy(decisions, plan);
    plan_expected(package, decisions, plan);
    plan_log_head(package, target, decisions, plan);
    plan_notes(package, decisions, plan);
    plan_patches(run, package, kernel, target, decisions, plan)?;
    plan_pre_build(run, package, kernel, target, decisions, plan);
    Ok(())
}

/// A copy of the source in a clean build directory.
fn plan_copy(decisions: &Decisions, plan: &mut Builder) {
    let build = &decisions.place.location;
    plan.push(verbs::Remove { location: build.clone() }, "a build starts from a clean directory").on_undo(Undo::Keep);
    if let Some(parent) = decisions.place.bind.as_ref().and(build.parent()) {
        plan.push(
            verbs::MakeDirectory { location: parent },
            "the builds for other kernels use the same parent directory",
        );
    }
    let source = Location::new(modsmith_facts::Root::Source, "").expect("the root itself");
    plan.push(verbs::Copy { from: source, to: build.clone() }, "builds use a copy of the registered source")
        .on_undo(Undo::Keep);
}

/// The log of a build, with the lines that come before the output of its commands.
fn plan_log_head(package: &Package, target: &Target, decisions: &Decisions, plan: &mut Builder) {
    let head = crate::build::log_head(&format!("{} for kernel {target}", package.id));
    let confined = decisions.place.confined.as_ref().map_or_else(|| "off".to_owned(), Confined::words);
    let confined = format!("# confinement: {confined}\n");
    let kept = decisions.keeping.as_ref().map(|keeping| format!("# identity: {}\n", keeping.identity()));
    let kept = kept.unwrap_or_default();
    let unsigned = decisions.signing.refused.as_ref().map(|why| format!("# not signed: {why}\n")).unwrap_or_default();
    let contents = Bytes(
        [head.as_bytes(), confined.as_bytes(), kept.as_bytes(), unsigned.as_bytes(), &decisions.place.before].concat(),
    );
    plan.push(verbs::WriteFile { location: decisions.place.log(), contents, mode: 0o644 }, "the log of the build")
        .on_undo(Undo::Keep);
}

/// Decisions that a dry run shows.
fn plan_notes(package: &Package, decisions: &Decisions, plan: &mut Builder) {
    if let Some(confined) = &decisions.place.confined {
        plan.push(
            verbs::Note(format!("the recipe runs confined: {}", confined.words())),
            "it writes in its own directory only, without privileges and network, where this system can",
        );
    }
    if let Some(keeping) = &decisions.keeping {
        plan.push(
            verbs::Note(format!("the build has the identity {}", keeping.identity())),
            "under it, the store keeps what is built for the next time",
        );
    }
    if let Some(why) = &decisions.signing.refused {
        plan.push(
            verbs::Note(format!("the modules of {} stay unsigned: {why}", package.id)),
            "the administrator's signing policy",
        );
    }
    if let Some(file) = &decisions.place.exports {
        plan.push(
            verbs::Note(format!("the commands of the build get the variables that {file} exports")),
            "build_environment in framework.conf",
        );
    }
}

/// The patches of a package, in order.
fn plan_patches(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    target: &Target,
    decisions: &Decisions,
    plan: &mut Builder,
) -> Result<()> {
    let (id, build, log) = (&package.id, &decisions.place.location, decisions.place.log());
    for Patch { name: patch, given } in &decisions.patches {
        let file = match given {
            Some(file) => file.clone(),
            None => build.join("patches").and_then(|p| p.join(patch)).map_err(bad_patch)?,
        };
        let shown = match given {
            Some(_) => format!("/etc/dkms/{}/patches/{patch}", id.module),
            None => format!("./patches/{patch}"),
        };
        let command = Command::new("patch").args(["-p1", "-i"]).location_arg(file);
        let command = in_build(command, package, kernel, decisions);
        let command =
            script::logged(command, &log, &format!("Applying patch {patch}"), &format!("patch -p1 < {shown}"));
        plan.push(Action::Run(command), "PATCH of its dkms.conf")
            .progress(format!("Applying patch {patch}"))
            .fails_as(Kind::PatchFailed, format!("The patch {patch} does not apply to {id} for kernel {target}."))
            .hint(consult(run, package));
    }
    Ok(())
}

/// PRE_BUILD, if there is one.
fn plan_pre_build(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    target: &Target,
    decisions: &Decisions,
    plan: &mut Builder,
) {
    let Some(text) = &decisions.conf.scripts.pre_build else { return };
    let environment = script::environment(package, kernel, &decisions.toolchain);
    let Some(command) = script_command(run, package, text, &decisions.place.location, environment) else { return };
    let command = script::logged(command, &decisions.place.log(), "Running the pre_build script", text);
    plan.push(Action::Run(decisions.place.command(command)), "PRE_BUILD of its dkms.conf")
        .progress("Running the pre_build script")
        .fails_as(Kind::Script(1), format!("The pre_build script of {} failed for kernel {target}.", package.id))
        .hint(consult(run, package));
}

/// The copy has to be the source that the signing policy allows: it may have been changed since.
fn plan_expected(package: &Package, decisions: &Decisions, plan: &mut Builder) {
    let Some(digest) = &decisions.signing.digest else { return };
    let (location, digest) = (decisions.place.location.clone(), digest.clone());
    plan.push(verbs::ExpectTree { location, digest }, "the signing policy allows this source only")
        .fails_as(Kind::System, format!("The source of {} was changed while its build began.", package.id))
        .hint("Build it again: then the signing policy is asked about the source as it is now.");
}

/// The make command of a build.
pub(super) fn make_command(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    decisions: &Decisions,
) -> MakeCommand {
    let Decisions { conf, toolchain, place, .. } = decisions;
    build_commands(run, package, kernel, conf, toolchain, place.one_job)
}

/// make, and what it has to leave.
fn plan_make(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    target: &Target,
    decisions: &Decisions,
    plan: &mut Builder,
) -> Result<()> {
    let id = &package.id;
    let build = &decisions.place.location;
    let log = decisions.place.log();
    let consult = consult(run, package);
    let one_job = decisions.place.one_job;
    let make = make_command(run, package, kernel, decisions);
    let mut command = in_build(Command::new("bash").args(["-c", make.script.as_str()]), package, kernel, decisions);
    command.environment = command.environment.and(make.environment);
    command.one_job = one_job;
    let command = script::logged(command, &log, "Building module(s)", &make.shown);
    plan.push(Action::Run(command), "MAKE of its dkms.conf")
        .progress("Building module(s)")
        .fails_as(Kind::BuildFailed, format!("Building {id} for kernel {target} failed."))
        .hint(consult.as_str());
    let files = decisions
        .conf
        .modules
        .iter()
        .map(|m| build.join(&m.built_location).and_then(|dir| dir.join(format!("{}.ko", m.built_name))))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| {
            Error::new(Kind::ConfInvalid, format!("BUILT_MODULE_LOCATION of {id} leaves the build directory: {e}."))
        })?;
    plan.push(verbs::Expect { files }, "make has to produce every module that dkms.conf names")
        .fails_as(
            Kind::ProductMissing,
            format!("The build of {id} for kernel {target} did not produce all module files that dkms.conf names."),
        )
        .hint(consult.as_str());
    Ok(())
}

/// The steps that build modules without signing and compressing them.
pub(crate) fn plan_unsigned(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    target: &Target,
    decisions: &Decisions,
    plan: &mut Builder,
) -> Result<Vec<(String, Location)>> {
    plan_prepared(run, package, kernel, target, decisions, plan)?;
    plan_make(run, package, kernel, target, decisions, plan)?;
    let mut built = Vec::new();
    for module in &decisions.conf.modules {
        let location = built_location(&decisions.place.location, module)?;
        plan_taken_over(&package.id, target, module, decisions, &location, plan);
        built.push((module.dest_name.clone(), location));
    }
    Ok(built)
}

/// A command that runs in the build directory.
fn in_build(mut command: Command, package: &Package, kernel: &Kernel, decisions: &Decisions) -> Command {
    command.environment = script::environment(package, kernel, &decisions.toolchain);
    command.directory = Some(decisions.place.location.clone());
    command.runs_in = RunsIn::Either;
    command.time_limit = None;
    decisions.place.command(command)
}

/// Where the log of a build that fails is found.
pub(super) fn consult(run: &Invocation<'_>, package: &Package) -> String {
    format!("The log is {}.", run.env.tree.real(&package.id.build_dir()).join("make.log").display())
}

/// The log is kept and the build directory goes: at once, or when the store has what it needs of it.
pub(super) fn plan_finish(package: &Package, target: &Target, decisions: &Decisions, plan: &mut Builder) {
    plan_log(package, target, &decisions.place, plan);
    if decisions.keeping.is_none() {
        plan_clear(&decisions.place, plan);
    }
}

fn bad_patch(error: modsmith_facts::BadLocation) -> Error {
    Error::new(Kind::PatchMissing, error.to_string())
}
