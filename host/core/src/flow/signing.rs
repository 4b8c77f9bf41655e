//! Signing: what modules are signed with, the key pair, and whether this machine
//! would load what it signed.

use std::path::Path;
use std::sync::Arc;

use crate::conf::framework::TrySign;
use crate::error::{Error, Kind, Result};
use crate::flow::Session;
use crate::tree::{Package, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, find_program};
use modsmith_plan::{Action, Argument, Builder};
use modsmith_plugins::{Answer, Enrolment, Fault, Signing};

impl Session<'_> {
    /// Key, certificate and program, said before the build. A new pair is a plan
    /// of its own: it outlives a build that fails. Whatever is in the way of
    /// signing is told, and never an error: modules are still good for a kernel
    /// that does not ask for it.
    pub(super) fn signing(&self, package: &Package, kernel: &Arc<Kernel>) -> Result<Option<Signing>> {
        if let Some(why) = self.unsigned_by_choice() {
            self.say_once(&[format!("The modules will not be signed: {why}.")]);
            return Ok(None);
        }
        let _common = self.hold_common();
        let unsigned = |error: Error| {
            // Who signs, and with which key, is for the plugin to say that is missed.
            if Fault::behind(error.source.as_ref()) == Some(Fault::Unusable) {
                return Err(error);
            }
            self.reporter.warning(&format!("The modules will not be signed. {}", error.message));
            Ok(None)
        };
        let mut plan = Builder::new(PREPARE, self.roots(package, Some(kernel)));
        let signing = match self.plugins.prepare_signing(kernel, &mut plan) {
            Ok(Answer::Given { value, .. }) => value,
            Ok(Answer::Unsupported(reasons)) => {
                let line = |(plugin, reason)| format!("The modules will not be signed: {reason} ({plugin}).");
                self.say_once(&reasons.into_iter().map(line).collect::<Vec<_>>());
                return Ok(None);
            }
            Err(error) => return unsigned(error.into()),
        };
        if signing.key.is_some() && signing.digest.is_none() {
            self.say_once(&[format!("The modules will not be signed: {}.", why_no_digest(kernel))]);
            return Ok(None);
        }
        let mut lines = vec![format!("Sign command: {}", self.sign_command(&plan, &signing))];
        lines.extend(pair(&plan, &signing));
        lines.push(String::new());
        self.say_once(&lines);

        let changes = changes_something(&plan);
        match self.run(plan) {
            Err(error) if error.kind == Kind::Interrupted => return Err(error),
            Err(error) => return unsigned(error),
            Ok(()) => {}
        }
        if changes && !self.is_dry_run() {
            let mut lines = self.enrolment_lines(kernel);
            lines.push(String::new());
            self.say_once(&lines);
        }
        Ok(Some(signing))
    }

    /// The steps that sign a file, told by the path that people know it by once it
    /// is signed.
    pub(super) fn plan_signing(
        &self,
        signing: &Signing,
        kernel: &Arc<Kernel>,
        file: &Location,
        shown: &Path,
        plan: &mut Builder,
    ) {
        let before = plan.steps().len();
        match self.plugins.sign(signing, kernel, file, plan) {
            Ok(()) => plan.report_from(
                before,
                format!("Signing module {}", shown.display()),
                &format!("{} was not signed", shown.display()),
            ),
            Err(error) => self.reporter.warning(&format!("{} will not be signed. {}", shown.display(), error)),
        }
    }

    /// `generate_mok`: makes the signing pair where there is none, says where it
    /// is, and whether this machine would load what is signed with it.
    pub fn generate_mok(&self, target: &Target) -> Result<()> {
        let _lock = self.begin()?;
        let kernel = self.kernel(target);
        let mut plan = Builder::new(PREPARE, self.kernel_roots(&kernel));
        match self.plugins.prepare_signing(&kernel, &mut plan)? {
            Answer::Given { value, .. } => {
                let lines = pair(&plan, &value);
                self.run(plan)?;
                lines.iter().for_each(|line| self.say(line));
                if !self.is_dry_run() {
                    self.enrolment_lines(&kernel).iter().for_each(|line| self.say(line));
                }
                Ok(())
            }
            Answer::Unsupported(reasons) => {
                let reasons: Vec<String> =
                    reasons.into_iter().map(|(plugin, why)| format!("{plugin}: {why}")).collect();
                Err(Error::new(Kind::Usage, "No signing key could be prepared.")
                    .details(reasons)
                    .hint("Install what is missing, or name a pair with mok_signing_key and mok_certificate in framework.conf."))
            }
        }
    }

    /// Why the administrator wants no signatures here.
    fn unsigned_by_choice(&self) -> Option<&'static str> {
        match self.framework.try_sign_modules() {
            TrySign::Never => Some("try_sign_modules is false"),
            TrySign::NotInChroot if self.system.is_chroot() => {
                Some("try_sign_modules is not_in_chroot, and the system was not booted")
            }
            TrySign::Always | TrySign::NotInChroot => None,
        }
    }

    /// The program by its path, where it has one.
    fn sign_command(&self, plan: &Builder, signing: &Signing) -> String {
        let found = match &signing.program {
            Argument::Text(name) => find_program(&self.system.root, name),
            Argument::Location(_) => None,
        };
        found.map_or_else(|| plan.shown(&signing.program), |path| path.display().to_string())
    }

    /// Whether this machine's kernel would load what was signed, and what to do.
    /// Only said: nobody's keys are enrolled unasked.
    fn enrolment_lines(&self, kernel: &Arc<Kernel>) -> Vec<String> {
        match self.plugins.enrolment(kernel) {
            Ok(Answer::Given { value: Enrolment { advice, .. }, .. }) => advice,
            Ok(Answer::Unsupported(_)) => Vec::new(),
            Err(error) => {
                self.reporter.warning(&error.to_string());
                Vec::new()
            }
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
