//! Building a package's modules for a kernel.

use std::sync::Arc;
use std::thread;

use crate::conf::Strictness;
use crate::error::{Kind, Result};
use crate::flow::Invocation;
use crate::flow::build::decisions::Decisions;
use crate::flow::build::failures::remember;
use crate::flow::build::one_job::{first_attempt, may_be_a_race, remember_one_job};
use crate::flow::build::plan::{consult, make_command, plan_build, plan_finish, plan_prepared};
use crate::flow::build::products::clear;
use crate::flow::build::reuse::{stored_or_fetched, take_stored};
use crate::flow::kernel::source_tree::with_kernel_tree;
use crate::flow::recipe::notices::notices;
use crate::flow::recipe::preconditions;
use crate::flow::recipe::preconditions::{check_dependencies, check_exclusive, check_headers, check_patches};
use crate::flow::recipe::questions::ask_beforehand;
use crate::flow::recipe::script;
use crate::flow::recipe::script::script_command;
use crate::flow::recipe::toolchain::toolchain_of;
use crate::flow::recipe::workplace::workplace;
use crate::flow::record::conf_files;
use crate::flow::signing::signing;
use crate::flow::store::builds::{Built, keep, keeping, settings_for};
use crate::flow::store::identity::declare;
use crate::tree::{Package, Target};
use modsmith_facts::Location;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::{Action, Builder};
use modsmith_plugins::InstallPolicy;

/// Builds a registered package; the lock is held. A failure is remembered.
pub(crate) fn build_package(
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
        if let Some(confined) = &decisions.place.confined {
            let make = make_command(run, package, kernel, decisions);
            ask_beforehand(run, package, kernel, target, confined, &decisions.toolchain, &make);
        }
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

/// Checks the preconditions of a build, and makes its decisions.
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

/// Makes the build directory what would be compiled for a kernel: patched,
/// with what PRE_BUILD did; the log of it stays beside the source. Returns
/// where it is. The lock is held.
pub(crate) fn prepare_source(
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
