//! Signing: what modules are signed with, the key pair, and whether this machine
//! would load what it signed.

mod directories;
pub(super) mod keys;
pub(super) mod signed;
mod source;

use std::path::Path;
use std::sync::Arc;

use crate::conf::SettingsFile;
use crate::conf::framework::TrySign;
use crate::conf::signing_policy::{Decision, FILE, SigningPolicy};
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::signing::directories::make_directories;
use crate::flow::signing::source::Source;
use crate::flow::transaction::begin;
use crate::tree::{Package, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, find_program};
use modsmith_plan::{Action, Argument, Builder, Section};
use modsmith_plugins::{Answer, Enrolment, Fault, PackageFacts, Signer, Signing};

/// The decision whether and how a build's modules are signed.
#[derive(Debug, Clone, Default)]
pub(super) struct SigningChoice {
    /// The key and the program; `None` if modules are not signed.
    pub signing: Option<Signing>,
    /// Why the administrator's policy keeps them unsigned, as a clause.
    pub refused: Option<String>,
    /// The digest that the source must have, so that its modules are signed.
    pub digest: Option<String>,
    /// Whether the policy allows this source, and not each one of the package.
    pub of_source: bool,
}

/// Decides whether and with what a package's modules are signed, and prints key, certificate and
/// program before the build. A new key pair is a plan of its own, because it outlives a build that
/// fails. If signing is not possible, that is a warning and no error: the modules are still good for
/// a kernel that asks for no signatures.
pub(super) fn signing(run: &Invocation<'_>, package: &Package, kernel: &Arc<Kernel>) -> Result<SigningChoice> {
    if let Some(word) = run.env.framework.unknown_try_sign_modules() {
        run.runner.warn_once(&format!(
            "try_sign_modules in framework.conf is `{word}`, where true, false or not_in_chroot is expected: it counts \
             as true."
        ));
    }
    if let Some(why) = unsigned_by_choice(run) {
        run.runner.say_once(&[format!("The modules will not be signed: {why}.")]);
        return Ok(SigningChoice::default());
    }
    let decision = match decide(package) {
        Ok(decision) => decision,
        Err(error) => {
            run.runner
                .reporter
                .warning(&format!("The modules of {} will not be signed. {}", package.id, error.message));
            return Ok(SigningChoice::refused(format!("{FILE} could not be followed")));
        }
    };
    let (digest, of_source, key) = match decision {
        Decision::ByDefault => (None, false, None),
        Decision::Sign { rule, digest, of_source, key } => (digest, of_source, key.map(|key| (rule, key))),
        Decision::Refuse(why) => return Ok(refuse(run, package, why)),
    };
    let _common = run.transaction.hold_common();
    let mut plan = Builder::new(PREPARE, run.env.roots(package, Some(kernel)));
    let Some(signing) = prepare(run, kernel, &mut plan)? else { return Ok(SigningChoice::default()) };
    if let Some(why) = key.and_then(|(rule, key)| other_key(&plan, &signing, &rule, &key)) {
        return Ok(refuse(run, package, why));
    }
    let mut lines = vec![format!("Sign command: {}", sign_command(run, &plan, &signing))];
    lines.extend(pair(&plan, &signing));
    lines.push(String::new());
    run.runner.say_once(&lines);

    match make_pair(run, kernel, plan, &signing) {
        Err(error) if error.kind == Kind::Interrupted => Err(error),
        Err(error) => warn_unsigned(run, error).map(|()| SigningChoice::default()),
        Ok(()) => Ok(SigningChoice { signing: Some(signing), refused: None, digest, of_source }),
    }
}

/// Asks the signers with what modules for a kernel are signed. `None` if no signer can sign them; a
/// line says why.
fn prepare(run: &Invocation<'_>, kernel: &Arc<Kernel>, plan: &mut Builder) -> Result<Option<Signing>> {
    let signing = match Signer(&run.env.plugins).prepare(kernel, plan) {
        Ok(Answer::Given { value, .. }) => value,
        Ok(Answer::Unsupported(reasons)) => {
            let line = |(plugin, reason)| format!("The modules will not be signed: {reason} ({plugin}).");
            run.runner.say_once(&reasons.into_iter().map(line).collect::<Vec<_>>());
            return Ok(None);
        }
        Err(error) => return warn_unsigned(run, error.into()).map(|()| None),
    };
    if signing.key.is_some() && signing.digest.is_none() {
        run.runner.say_once(&[format!("The modules will not be signed: {}.", why_no_digest(kernel))]);
        return Ok(None);
    }
    Ok(Some(signing))
}

/// Warns that modules stay unsigned because of an error.
///
/// # Errors
/// A signer cannot be used.
fn warn_unsigned(run: &Invocation<'_>, error: Error) -> Result<()> {
    // Only the plugin that cannot be used knows the signer and the key, so this is an error.
    if Fault::behind(error.source.as_ref()) == Some(Fault::Unusable) {
        return Err(error);
    }
    run.runner.reporter.warning(&format!("The modules will not be signed. {}", error.message));
    Ok(())
}

/// Runs the plan that a signer prepared. If the plan makes a new key pair, advice on its enrolment
/// follows.
fn make_pair(run: &Invocation<'_>, kernel: &Arc<Kernel>, plan: Builder, signing: &Signing) -> Result<()> {
    let changes = changes_something(&plan);
    if changes {
        make_directories(run, &plan, signing)?;
    }
    run.runner.run(plan)?;
    if changes {
        run.runner.after_success(|| {
            run.runner.advise_once(&enrolment_lines(run, kernel));
            run.runner.say("");
        });
    }
    Ok(())
}

/// What the administrator's policy says about a package.
///
/// # Errors
/// The policy, or a source that a rule asks about, cannot be read.
fn decide(package: &Package) -> Result<Decision> {
    SigningPolicy::read()?
        .decide(&package.id.module, &package.id.version, &Source(&package.source))
        .map_err(|e| Error::io("read", &package.source, e))
}

/// Which modules of a package may be signed with a key that the policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MaySign {
    Any,
    /// Only modules of a new build: nothing shows that other modules come from the allowed source.
    NewBuilds,
    /// No module; also if the policy cannot be followed.
    None,
}

/// What the policy says about the modules of a package.
pub(super) fn may_sign(package: &Package) -> MaySign {
    match decide(package) {
        Ok(Decision::ByDefault | Decision::Sign { of_source: false, .. }) => MaySign::Any,
        Ok(Decision::Sign { of_source: true, .. }) => MaySign::NewBuilds,
        Ok(Decision::Refuse(_)) | Err(_) => MaySign::None,
    }
}

/// Says that a package's modules stay unsigned.
fn refuse(run: &Invocation<'_>, package: &Package, why: String) -> SigningChoice {
    run.runner.say_once(&[format!("The modules of {} will not be signed: {why}.", package.id)]);
    SigningChoice::refused(why)
}

/// Why a rule about a key keeps modules unsigned, as a clause.
fn other_key(plan: &Builder, signing: &Signing, rule: &str, allowed: &str) -> Option<String> {
    match signing.key.as_ref().map(|key| plan.shown(key)) {
        Some(key) if key == allowed => None,
        Some(key) => Some(format!("{rule} allows the key {allowed} only, and this system signs with {key}")),
        None => Some(format!("{rule} allows the key {allowed} only, and the signing program alone knows its key")),
    }
}

impl SigningChoice {
    fn refused(why: String) -> Self {
        Self { refused: Some(why), ..Self::default() }
    }
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
            if changes_something(&plan) {
                make_directories(run, &plan, &value)?;
            }
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
