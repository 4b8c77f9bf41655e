//! Signing: what modules are signed with, the key pair, and whether this machine
//! would load what it signed.

use std::path::Path;
use std::sync::Arc;

use crate::conf::framework::TrySign;
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::transaction::begin;
use crate::tree::{Package, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, find_program};
use modsmith_plan::{Action, Argument, Builder, Section};
use modsmith_plugins::{Answer, Enrolment, Fault, PackageFacts, Signer, Signing};

/// Key, certificate and program, said before the build. A new pair is a plan
/// of its own: it outlives a build that fails. Whatever is in the way of
/// signing is a warning, and never an error: modules are still good for a kernel
/// that does not ask for it.
pub(super) fn signing(run: &Invocation<'_>, package: &Package, kernel: &Arc<Kernel>) -> Result<Option<Signing>> {
    if let Some(why) = unsigned_by_choice(run) {
        run.runner.say_once(&[format!("The modules will not be signed: {why}.")]);
        return Ok(None);
    }
    let _common = run.transaction.hold_common();
    let unsigned = |error: Error| {
        // Who signs, and with which key, is for the plugin to say that is missed.
        if Fault::behind(error.source.as_ref()) == Some(Fault::Unusable) {
            return Err(error);
        }
        run.runner.reporter.warning(&format!("The modules will not be signed. {}", error.message));
        Ok(None)
    };
    let mut plan = Builder::new(PREPARE, run.env.roots(package, Some(kernel)));
    let signing = match Signer(&run.env.plugins).prepare(kernel, &mut plan) {
        Ok(Answer::Given { value, .. }) => value,
        Ok(Answer::Unsupported(reasons)) => {
            let line = |(plugin, reason)| format!("The modules will not be signed: {reason} ({plugin}).");
            run.runner.say_once(&reasons.into_iter().map(line).collect::<Vec<_>>());
            return Ok(None);
        }
        Err(error) => return unsigned(error.into()),
    };
    if signing.key.is_some() && signing.digest.is_none() {
        run.runner.say_once(&[format!("The modules will not be signed: {}.", why_no_digest(kernel))]);
        return Ok(None);
    }
    let mut lines = vec![format!("Sign command: {}", sign_command(run, &plan, &signing))];
    lines.extend(pair(&plan, &signing));
    lines.push(String::new());
    run.runner.say_once(&lines);

    let changes = changes_something(&plan);
    match run.runner.run(plan) {
        Err(error) if error.kind == Kind::Interrupted => return Err(error),
        Err(error) => return unsigned(error),
        Ok(()) => {}
    }
    if changes {
        run.runner.after_success(|| {
            run.runner.advise_once(&enrolment_lines(run, kernel));
            run.runner.say("");
        });
    }
    Ok(Some(signing))
}

/// The steps that sign a file; messages name the file by `shown`, its path after
/// the build.
pub(super) fn plan_signing(
    run: &Invocation<'_>,
    signing: &Signing,
    package: &Arc<PackageFacts>,
    kernel: &Arc<Kernel>,
    file: &Location,
    shown: &Path,
    plan: &mut Builder,
) {
    let shown = shown.display();
    let section = Section::new().reports(format!("Signing module {shown}"), format!("{shown} was not signed"));
    let signed =
        plan.section(section, |plan| Signer(&run.env.plugins).sign(signing, kernel, Some(package), file, plan));
    if let Err(error) = signed {
        run.runner.reporter.warning(&format!("{shown} will not be signed. {error}"));
    }
}

/// `generate_mok`: makes the signing pair where there is none, says where it
/// is, and whether this machine would load what is signed with it.
pub fn generate_mok(run: &Invocation<'_>, target: &Target) -> Result<()> {
    let _lock = begin(run)?;
    let kernel = run.kernel(target);
    let mut plan = Builder::new(PREPARE, run.env.kernel_roots(&kernel));
    match Signer(&run.env.plugins).prepare(&kernel, &mut plan)? {
        Answer::Given { value, .. } => {
            let lines = pair(&plan, &value);
            run.runner.run(plan)?;
            lines.iter().for_each(|line| run.runner.say(line));
            run.runner.after_success(|| {
                run.runner.advise_once(&enrolment_lines(run, &kernel));
            });
            Ok(())
        }
        Answer::Unsupported(reasons) => {
            let reasons: Vec<String> = reasons.into_iter().map(|(plugin, why)| format!("{plugin}: {why}")).collect();
            Err(Error::new(Kind::Usage, "No signing key could be prepared.").details(reasons).hint(
                "Install what is missing, or name a pair with mok_signing_key and mok_certificate in framework.conf.",
            ))
        }
    }
}

/// Why the administrator wants no signatures here.
pub(super) fn unsigned_by_choice(run: &Invocation<'_>) -> Option<&'static str> {
    match run.env.framework.try_sign_modules() {
        TrySign::Never => Some("try_sign_modules is false"),
        TrySign::NotInChroot if run.env.system.is_chroot() => {
            Some("try_sign_modules is not_in_chroot, and the system was not booted")
        }
        TrySign::Always | TrySign::NotInChroot => None,
    }
}

/// The program by its path, where it has one.
fn sign_command(run: &Invocation<'_>, plan: &Builder, signing: &Signing) -> String {
    let found = match &signing.program {
        Argument::Text(name) => find_program(&run.env.system.root, name),
        Argument::Location(_) => None,
    };
    found.map_or_else(|| plan.shown(&signing.program), |path| path.display().to_string())
}

/// Whether this machine's kernel would load what was signed, and what to do.
/// This is advice only: the program enrols no key.
fn enrolment_lines(run: &Invocation<'_>, kernel: &Arc<Kernel>) -> Vec<String> {
    match Signer(&run.env.plugins).enrolment(kernel) {
        Ok(Answer::Given { value: Enrolment { advice, .. }, .. }) => advice,
        Ok(Answer::Unsupported(_)) => Vec::new(),
        Err(error) => {
            run.runner.reporter.warning(&error.to_string());
            Vec::new()
        }
    }
}

const PREPARE: &str = "prepare the signing of modules";

/// Why nothing is signed for a kernel whose configuration names no digest. Every
/// configuration of a kernel that loads modules has CONFIG_MODULES.
fn why_no_digest(kernel: &Kernel) -> String {
    let release = kernel.release();
    match kernel.config("MODULES") {
        None => format!("the configuration of kernel {release} is not known: its headers are not installed"),
        Some(_) => {
            format!("the configuration of kernel {release} has no CONFIG_MODULE_SIG_HASH: it checks no signatures")
        }
    }
}

/// Key and certificate, as far as they are known.
fn pair(plan: &Builder, signing: &Signing) -> Vec<String> {
    let line = |name: &str, half: &Option<Argument>| Some(format!("{name}: {}", plan.shown(half.as_ref()?)));
    line("Signing key", &signing.key)
        .into_iter()
        .chain(line("Public certificate (MOK)", &signing.certificate))
        .collect()
}

fn changes_something(plan: &Builder) -> bool {
    plan.steps().iter().any(|step| !matches!(step.action, Action::Note(_)))
}
