//! The findings of plugins about a machine and the kernel that it may be restarted into.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bindings::exports::modsmith::plugin::checks::GuestIndices;
use crate::bindings::modsmith::plugin::types;
use crate::error::Error;
use crate::facade::Plugins;
use crate::facade::call::{CallOutcome, Subject, call_outcome, taken};
use crate::imports::{CheckReportAnswer, CheckRequest, FindingAnswer, NeedAnswer, roots_of};
use crate::index::IndexedPlugin;
use crate::manifest::Role;
use modsmith_facts::kernel::Kernel;
use modsmith_facts::machine::Machine;

/// How much a finding matters for a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingLevel {
    /// The system does not start, or is not reached.
    Unsafe,
    /// Something fails that neither of these depends on.
    Degraded,
    /// Nothing fails.
    Note,
}

impl FindingLevel {
    /// As the interface names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unsafe => "unsafe",
            Self::Degraded => "degraded",
            Self::Note => "note",
        }
    }
}

/// The purpose of a module that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The machine does not start without it.
    Boot,
    /// The machine is not reached, or does not start as a whole, without it.
    Session,
    /// The configuration asks for it.
    Wish,
}

impl Purpose {
    /// As the interface names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Session => "session",
            Self::Wish => "wish",
        }
    }
}

/// Something that a plugin has found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable, and unique within the plugin.
    pub id: String,
    /// A package, a module, a device, a file.
    pub subject: String,
    pub level: FindingLevel,
    /// The finding: a clause.
    pub message: String,
    /// The place where the finding was read.
    pub evidence: Option<String>,
    /// The advice to the administrator: one sentence.
    pub remedy: Option<String>,
}

/// A module that the machine needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleNeed {
    /// The module's name, with `_` for `-`.
    pub module: String,
    pub purpose: Purpose,
    /// A clause.
    pub why: String,
}

/// The report of a plugin about a machine and a kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub findings: Vec<Finding>,
    pub needs: Vec<ModuleNeed>,
}

/// The subject of a question to the role.
#[derive(Debug, Clone)]
pub struct CheckSubject<'c> {
    pub kernel: &'c Arc<Kernel>,
    pub machine: &'c Machine,
    /// Names of modules that packages of the tree make, with `_` for `-`, each with the package.
    pub makers: Vec<(String, String)>,
}

/// The role `checks`: findings of plugins.
#[derive(Clone, Copy)]
pub struct Checks<'p>(pub &'p Plugins);

impl Checks<'_> {
    /// The reports of all plugins that serve the machine, each with the plugin's id. One that
    /// fails, or that may not be asked, has its error instead, and stops no other one.
    pub fn reports(&self, subject: &CheckSubject<'_>) -> Vec<(String, Result<CheckReport, Error>)> {
        let mut reports = Vec::new();
        for (plugin, candidate) in self.0.every(Role::Checks) {
            match candidate.and_then(|entry| self.report(entry, subject)).transpose() {
                Some(report) => reports.push((plugin, report)),
                None => tracing::debug!("plugin `{plugin}` has nothing to check here"),
            }
        }
        reports
    }

    fn report(&self, entry: &IndexedPlugin, asked: &CheckSubject<'_>) -> Result<Option<CheckReport>, Error> {
        let subject = Subject { kernel: Some(asked.kernel), package: None };
        let roots = roots_of(&self.0.system, Some(asked.kernel));
        let (answer, _) = self.0.call(entry, Role::Checks, subject, &roots, |call| {
            let guest = GuestIndices::new(&call.pre)?.load(&mut call.store, &call.instance)?;
            let request = CheckRequest::new(asked.kernel.clone(), asked.machine.clone(), asked.makers.clone());
            let request = call.lend(request)?;
            let answer = guest.call_inspect(&mut call.store, request)?;
            Ok(taken(call, answer)?.and_then(report))
        })?;
        match call_outcome(entry.id(), Role::Checks.name(), subject, answer)? {
            CallOutcome::Value(report) => Ok(Some(report)),
            CallOutcome::Unsupported(_) => Ok(None),
        }
    }
}

fn report(answer: CheckReportAnswer) -> Result<CheckReport, types::Error> {
    let findings = answer.findings.into_iter().map(finding).collect::<Result<Vec<_>, _>>()?;
    let mut ids = BTreeSet::new();
    if let Some(twice) = findings.iter().find(|finding| !ids.insert((&finding.id, &finding.subject))) {
        return Err(types::Error::other(format!("it gave the finding `{}` of {} twice", twice.id, twice.subject)));
    }
    let needs = answer.needs.into_iter().map(need).collect::<Result<Vec<_>, _>>()?;
    Ok(CheckReport { findings, needs })
}

fn finding(answer: FindingAnswer) -> Result<Finding, types::Error> {
    let FindingAnswer { id, subject, level, message, evidence, remedy } = answer;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        let text = format!("it gave a finding the id `{id}`; an id has small letters, digits and `-`");
        return Err(types::Error::other(text));
    }
    // A level that is not known is a mistake of the plugin: its finding must not get lost.
    let level = [FindingLevel::Unsafe, FindingLevel::Degraded, FindingLevel::Note]
        .into_iter()
        .find(|known| known.name() == level)
        .ok_or_else(|| {
            types::Error::other(format!("its finding `{id}` has the level `{level}`, which there is not"))
        })?;
    Ok(Finding { id, subject, level, message, evidence, remedy })
}

fn need(answer: NeedAnswer) -> Result<ModuleNeed, types::Error> {
    let NeedAnswer { module, purpose, why } = answer;
    let purpose = [Purpose::Boot, Purpose::Session, Purpose::Wish]
        .into_iter()
        .find(|known| known.name() == purpose)
        .ok_or_else(|| types::Error::other(format!("it needs {module} for `{purpose}`, which is no purpose")))?;
    Ok(ModuleNeed { module: module.replace('-', "_"), purpose, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: &str, level: &str) -> CheckReportAnswer {
        let finding = FindingAnswer { id: id.into(), level: level.into(), ..FindingAnswer::default() };
        CheckReportAnswer { findings: vec![finding], needs: Vec::new() }
    }

    #[test]
    fn a_finding_that_cannot_be_meant_is_an_error_and_is_not_dropped() {
        assert_eq!(report(answer("halves-differ", "degraded")).unwrap().findings[0].level, FindingLevel::Degraded);
        for (id, level, says) in
            [("a", "fatal", "level `fatal`"), ("", "note", "small letters"), ("A b", "note", "small letters")]
        {
            let error = report(answer(id, level)).unwrap_err();
            assert!(error.message.contains(says), "{}", error.message);
        }
        let mut twice = answer("a", "note");
        twice.findings.extend(answer("a", "note").findings);
        assert!(report(twice).unwrap_err().message.contains("twice"));
    }

    #[test]
    fn needs_have_the_kernels_own_names_and_a_known_purpose() {
        let need = |purpose: &str| NeedAnswer { module: "dm-crypt".into(), purpose: purpose.into(), why: "x".into() };
        let with = |purpose| report(CheckReportAnswer { findings: Vec::new(), needs: vec![need(purpose)] });
        assert_eq!(with("boot").unwrap().needs[0].module, "dm_crypt");
        assert!(with("fun").unwrap_err().message.contains("no purpose"));
    }
}
