//! Building a package's modules for a kernel.

use std::sync::Arc;
use std::thread;

use crate::build::Toolchain;
use crate::conf::{PackageConf, Strictness};
use crate::error::{Error, Kind, Result};
use crate::event::{End, Job, Outcome, Skip};
use crate::flow::confinement::Confined;
use crate::flow::failures::{plan_forget, remember};
use crate::flow::identity::declare;
use crate::flow::kernel_tree::with_kernel_tree;
use crate::flow::kernels::for_each_kernel;
use crate::flow::make_command::build_commands;
use crate::flow::notices::notices;
use crate::flow::one_job::{first_attempt, may_be_a_race, remember_one_job};
use crate::flow::preconditions::{Patch, check_dependencies, check_exclusive, check_headers, check_patches};
use crate::flow::products::{Source, built_location, clear, plan_clear, plan_log, plan_products, plan_taken_over};
use crate::flow::questions::ask_beforehand;
use crate::flow::record::conf_files;
use crate::flow::reuse::{stored_or_fetched, take_stored};
use crate::flow::script::script_command;
use crate::flow::signing::{SigningChoice, signing};
use crate::flow::store::{Built, Keeping, keep, keeping, settings_for};
use crate::flow::toolchain::toolchain_of;
use crate::flow::workplace::{Workplace, workplace};
use crate::flow::{Invocation, PackageSource, preconditions, script};
use crate::tree::{ConfFile, Package, Target};
use modsmith_facts::Compression;
use modsmith_facts::Location;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::{Action, Builder, Bytes, Command, RunsIn, Undo, verbs};
use modsmith_plugins::InstallPolicy;

/// What a build decided before it began.
pub(super) struct Decisions {
    pub(super) conf: PackageConf,
    toolchain: Toolchain,
    pub(super) compression: Option<Compression>,
    pub(super) signing: SigningChoice,
    pub(super) place: Workplace,
    patches: Vec<Patch>,
    /// What `conf` came from.
    pub(super) conf_files: Vec<ConfFile>,
    /// By what the build is known in the store; `None`: it is not kept.
    pub(super) keeping: Option<Keeping>,
}

impl Decisions {
    /// For a build whose products are only looked at.
    pub(super) fn unsigned(conf: PackageConf, toolchain: Toolchain, place: Workplace, patches: Vec<Patch>) -> Self {
        let (compression, signing, keeping) = (None, SigningChoice::default(), None);
        Self { conf, toolchain, compression, signing, place, patches, conf_files: Vec::new(), keeping }
    }
}

/// The `build` action, for several kernels at the same time. Returns what
/// went wrong, in the order of the kernels.
pub fn build(run: &Invocation<'_>, what: &PackageSource, targets: &[Target]) -> Vec<Error> {
    let one = |run: &Invocation<'_>, package: &Package, target: &Target| {
        if run.env.tree.is_built(&package.id, target) && !run.env.options.force {
            run.runner.say(format!("Module {} already built for kernel {target}, skipping.", package.id));
            return Ok(End::Skipped(Skip::AlreadyBuilt));
        }
        build_package(run, package, &run.kernel(target), target).map(|()| End::Done(Outcome::Built))
    };
    for_each_kernel(run, Job::Build, what, targets, one, |_, _| Ok(()))
}

/// Builds a registered package; the lock is held. A failure is remembered.
pub(super) fn build_package(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Result<()> {
    let failed = |error, begun: Option<&Decisions>| remember(run, error, begun, package, kernel, target);
    let mut decisions = decide(run, package, kernel, target).map_err(|error| failed(error, None))?;
    let find = |keeping| stored_or_fetched(run, package, target, &decisions.conf, keeping);
    if let Some(stored) = decisions.keeping.as_ref().and_then(find) {
        match take_stored(run, package, kernel, target, &decisions, &stored) {
            Err(error) if error.kind != Kind::Interrupted => {
                let text =
                    format!("The stored build of {} is not used: {} The modules are built.", package.id, error.message);
                run.runner.reporter.warning(&text);
                run.runner.after_success(|| stored.drop_damaged());
            }
            outcome => return outcome,
        }
    }
    let attempt = |decisions: &Decisions| {
        let plan = plan_build(run, package, kernel, target, decisions)?;
        Ok(with_kernel_tree(run, kernel, || run.runner.run(plan)))
    };
    let mut outcome = attempt(&decisions).map_err(|error| failed(error, None))?;
    if let Err(error) = &outcome
        && may_be_a_race(run, error, package, target, &decisions)
    {
        let jobs = run.runner.jobs().limit();
        let text = format!(
            "The build failed with up to {jobs} jobs at a time. It is tried again with one job, from a fresh copy of the source."
        );
        run.runner.reporter.warning(&format!("{}: {text}", package.id));
        decisions.place.one_job = true;
        decisions.place.before = first_attempt(run, package, target, &text);
        outcome = attempt(&decisions).map_err(|error| failed(error, Some(&decisions)))?;
        if outcome.is_ok() {
            remember_one_job(run, package, target);
        }
    }
    outcome.map_err(|error| failed(error, Some(&decisions)))?;
    if let Some(text) = &decisions.conf.scripts.post_build {
        post_build(run, package, kernel, target, &decisions, text).map_err(|error| failed(error, Some(&decisions)))?;
    }
    match &decisions.keeping {
        Some(keeping) => {
            let Decisions { conf, toolchain, place, signing, .. } = &decisions;
            let is_signed = signing.signing.is_some();
            keep(run, &Built { package, kernel, target, conf, toolchain, place, is_signed }, keeping);
            clear(run, package, kernel, place)
        }
        None => Ok(()),
    }
}

/// What has to be true, and what a build goes by.
fn decide(run: &Invocation<'_>, package: &Package, kernel: &Arc<Kernel>, target: &Target) -> Result<Decisions> {
    let conf_files = conf_files(run, package, target);
    let conf = run.conf(package, kernel, Strictness::Strict)?;
    notices(run, &conf);
    check_exclusive(package, &conf, kernel)?;
    for (module, reason) in &conf.excluded {
        run.runner
            .say(format!("Module {} of {} is not built for kernel {target}: {reason}.", module.dest_name, package.id));
    }
    preconditions::check_source(package)?;
    check_headers(run, kernel)?;
    check_dependencies(run, package, &conf, target)?;
    let patches = check_patches(run, package, &conf)?;
    thread::scope(|scope| {
        let store = settings_for(run, package);
        if store.is_some() {
            // Thousands of files, while plugins are asked and walls are tried.
            scope.spawn(|| run.facts.headers(&run.env, target, kernel));
        }
        let signing = signing(run, package, kernel)?;
        let compression = InstallPolicy(&run.env.plugins)
            .compression(kernel)?
            .unwrap_or_else(|| kernel.compressions().last().copied());
        let toolchain = toolchain_of(run, kernel)?;
        let place = workplace(run, package, &conf, kernel, target)?;
        let keeping = store.as_ref().and_then(|store| {
            keeping(package, declare(run, package, kernel, target, &conf, &toolchain, &place), store)
        });
        Ok(Decisions { conf, toolchain, compression, signing, place, patches, conf_files, keeping })
    })
}

/// The plan up to the built state.
fn plan_build(
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

/// Makes the build directory what would be compiled for a kernel: patched,
/// with what PRE_BUILD did; the log of it stays beside the source. Returns
/// where it is. The lock is held.
pub(super) fn prepare_source(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Result<Location> {
    let conf = run.conf(package, kernel, Strictness::Strict)?;
    preconditions::check_source(package)?;
    let patches = check_patches(run, package, &conf)?;
    let toolchain = toolchain_of(run, kernel)?;
    let place = workplace(run, package, &conf, kernel, target)?;
    let location = place.location.clone();
    let decisions = Decisions::unsigned(conf, toolchain, place, patches);
    let mut plan = Builder::new(format!("prepare {} for {target}", package.id), run.env.roots(package, Some(kernel)));
    plan_prepared(run, package, kernel, target, &decisions, &mut plan)?;
    run.runner.run(plan)?;
    Ok(location)
}

/// From a clean build directory to a source that is ready for make.
fn plan_prepared(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    target: &Target,
    decisions: &Decisions,
    plan: &mut Builder,
) -> Result<()> {
    let id = &package.id;
    let Workplace { location: build, .. } = &decisions.place;
    let log = decisions.place.log();
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
    plan_expected(package, decisions, plan);
    let head = crate::build::log_head(&format!("{id} for kernel {target}"));
    let confined = decisions.place.confined.as_ref().map_or_else(|| "off".to_owned(), Confined::words);
    let confined = format!("# confinement: {confined}\n");
    let kept = decisions.keeping.as_ref().map(|keeping| format!("# identity: {}\n", keeping.identity()));
    let kept = kept.unwrap_or_default();
    let unsigned = decisions.signing.refused.as_ref().map(|why| format!("# not signed: {why}\n")).unwrap_or_default();
    let contents = Bytes(
        [head.as_bytes(), confined.as_bytes(), kept.as_bytes(), unsigned.as_bytes(), &decisions.place.before].concat(),
    );
    plan.push(verbs::WriteFile { location: log.clone(), contents, mode: 0o644 }, "the log of the build")
        .on_undo(Undo::Keep);
    let consult = consult(run, package);
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
            verbs::Note(format!("the modules of {id} stay unsigned: {why}")),
            "the administrator's signing policy",
        );
    }
    if let Some(file) = &decisions.place.exports {
        plan.push(
            verbs::Note(format!("the commands of the build get the variables that {file} exports")),
            "build_environment in framework.conf",
        );
    }

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
            .hint(consult.as_str());
    }
    if let Some(text) = &decisions.conf.scripts.pre_build {
        let environment = script::environment(package, kernel, &decisions.toolchain);
        if let Some(command) = script_command(run, package, text, build, environment) {
            let command = script::logged(command, &log, "Running the pre_build script", text);
            let command = decisions.place.command(command);
            plan.push(Action::Run(command), "PRE_BUILD of its dkms.conf")
                .progress("Running the pre_build script")
                .fails_as(Kind::Script(1), format!("The pre_build script of {id} failed for kernel {target}."))
                .hint(consult.as_str());
        }
    }
    Ok(())
}

/// The copy has to be the source that the signing policy allows: it may have been changed since.
fn plan_expected(package: &Package, decisions: &Decisions, plan: &mut Builder) {
    let Some(digest) = &decisions.signing.digest else { return };
    let (location, digest) = (decisions.place.location.clone(), digest.clone());
    plan.push(verbs::ExpectTree { location, digest }, "the signing policy allows this source only")
        .fails_as(Kind::System, format!("The source of {} was changed while its build began.", package.id))
        .hint("Build it again: then the signing policy is asked about the source as it is now.");
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
    let make = build_commands(run, package, kernel, &decisions.conf, &decisions.toolchain, one_job);
    if let Some(confined) = &decisions.place.confined {
        ask_beforehand(run, package, kernel, target, confined, &decisions.toolchain, &make);
    }
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

/// From the source to modules that are neither signed nor compressed, each with its name.
pub(super) fn plan_unsigned(
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
fn consult(run: &Invocation<'_>, package: &Package) -> String {
    format!("The log is {}.", run.env.tree.real(&package.id.build_dir()).join("make.log").display())
}

/// POST_BUILD runs in the built state; its failure leaves that state.
fn post_build(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    target: &Target,
    decisions: &Decisions,
    text: &str,
) -> Result<()> {
    let environment = script::environment(package, kernel, &decisions.toolchain);
    let mut plan =
        Builder::new(format!("finish the build of {} for {target}", package.id), run.env.roots(package, Some(kernel)));
    if let Some(command) = script_command(run, package, text, &decisions.place.location, environment) {
        let log = decisions.place.log();
        let command = script::logged(command, &log, "Running the post_build script", text);
        let command = decisions.place.command(command);
        plan.push(Action::Run(command), "POST_BUILD of its dkms.conf")
            .progress("Running the post_build script")
            .fails_as(
                Kind::Script(1),
                format!("The post_build script of {} failed for kernel {target}; the modules are built.", package.id),
            )
            .hint(consult(run, package));
    }
    plan_finish(package, target, decisions, &mut plan);
    run.runner.run(plan)
}

/// The log is kept and the build directory goes: at once, or when the store has what it needs of it.
fn plan_finish(package: &Package, target: &Target, decisions: &Decisions, plan: &mut Builder) {
    plan_log(package, target, &decisions.place, plan);
    if decisions.keeping.is_none() {
        plan_clear(&decisions.place, plan);
    }
}

fn bad_patch(error: modsmith_facts::BadLocation) -> Error {
    Error::new(Kind::PatchMissing, error.to_string())
}
