//! The result of a test of plugins, for people and for programs.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use modsmith_facts::text::field;

use super::case::Outcome;
use super::laws::{Findings, Law};

/// The result for all plugins, in the order in which they were named.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub plugins: Vec<PluginReport>,
}

/// The result for one plugin.
#[derive(Debug, Serialize)]
pub struct PluginReport {
    pub id: String,
    /// The source folder or the file that the user named.
    pub source: PathBuf,
    pub cases: Vec<CaseReport>,
    pub laws: Vec<LawReport>,
    /// The laws that could not be checked, and why.
    pub unchecked: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct CaseReport {
    pub name: String,
    pub path: PathBuf,
    /// `passed`, `failed` or `updated`.
    pub outcome: &'static str,
    /// The reason of a failed case, as one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The expectation and the answer, line by line: `- ` expected, `+ ` given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<String>,
    /// The log of the plugin in a failed case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// Whether `--update` would make the answer the expected one: not where the plugin
    /// crashed, was denied something, or ran into a limit.
    pub acceptable: bool,
}

/// A law that was put to the test.
#[derive(Debug, Serialize)]
pub struct LawReport {
    pub law: Law,
    /// How often it was put to the test.
    pub checks: usize,
    pub breaches: Vec<BreachReport>,
}

#[derive(Debug, Serialize)]
pub struct BreachReport {
    /// The case's folder, or the facts.
    pub facts: String,
    pub shown: Vec<String>,
}

impl PluginReport {
    pub fn new(id: String, source: PathBuf, cases: Vec<CaseReport>, findings: Findings) -> Self {
        let Findings { checks, breaches, unchecked } = findings;
        let of = |law: Law| {
            let broken = breaches.iter().filter(|breach| breach.law == law);
            broken.map(|breach| BreachReport { facts: breach.facts.clone(), shown: breach.shown.clone() }).collect()
        };
        let laws = checks.into_iter().map(|(law, checks)| LawReport { law, checks, breaches: of(law) }).collect();
        Self { id, source, cases, laws, unchecked }
    }

    fn failed_cases(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases.iter().filter(|case| case.outcome == "failed")
    }

    fn broken_laws(&self) -> impl Iterator<Item = &LawReport> {
        self.laws.iter().filter(|law| !law.breaches.is_empty())
    }
}

impl CaseReport {
    pub fn new(name: String, path: PathBuf, outcome: Outcome, acceptable: bool) -> Self {
        let (outcome, why, diff) = match outcome {
            Outcome::Passed => ("passed", None, Vec::new()),
            Outcome::Updated => ("updated", None, Vec::new()),
            Outcome::Failed { why, shown } => ("failed", Some(why), shown),
        };
        Self { name, path, outcome, why, diff, log: Vec::new(), acceptable }
    }

    /// The report with the log of the plugin, if the case failed.
    pub fn with_log(self, log: Vec<String>) -> Self {
        if self.outcome == "failed" { Self { log, ..self } } else { self }
    }
}

impl Report {
    /// The last line: what was tested, and that all is well.
    ///
    /// # Errors
    /// How many failed of how many.
    pub fn verdict(&self) -> Result<String, Failures> {
        let count = |number: &dyn Fn(&PluginReport) -> usize| self.plugins.iter().map(number).sum::<usize>();
        let (cases, laws) = (count(&|p| p.cases.len()), count(&|p| p.laws.len()));
        let (failed, broken) = (count(&|p| p.failed_cases().count()), count(&|p| p.broken_laws().count()));
        if failed + broken == 0 {
            return Ok(format!("{}, {}: all passed", counted(cases, "case"), counted(laws, "law")));
        }
        let part = |number: usize, of: usize, name: &str| match number {
            0 => None,
            _ => Some(format!("{number} of {}", counted(of, name))),
        };
        let parts: Vec<String> =
            [part(failed, cases, "case"), part(broken, laws, "law")].into_iter().flatten().collect();
        Err(Failures(parts.join(" and ")))
    }
}

/// The summary of failures: `1 of 3 cases and 1 of 7 laws`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} failed.")]
pub struct Failures(String);

fn counted(number: usize, name: &str) -> String {
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

/// How many breaches of one law are shown: the others are usually the same.
const SHOWN: usize = 3;

impl fmt::Display for Report {
    /// One line for each plugin, with its failures below.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for plugin in &self.plugins {
            let (cases, laws) = (counted(plugin.cases.len(), "case"), counted(plugin.laws.len(), "law"));
            writeln!(f, "{}: {cases}, {laws}", plugin.id)?;
            for case in &plugin.cases {
                match &case.why {
                    Some(why) => failed_case(f, case, why)?,
                    None if case.outcome == "updated" => writeln!(f, "  updated {}", case.path.display())?,
                    None => {}
                }
            }
            for law in plugin.broken_laws() {
                writeln!(f, "  broken law `{}`: {}", law.law.name(), law.law.says())?;
                for breach in law.breaches.iter().take(SHOWN) {
                    writeln!(f, "    by {}", breach.facts)?;
                    breach.shown.iter().try_for_each(|line| writeln!(f, "      {line}"))?;
                }
                if law.breaches.len() > SHOWN {
                    writeln!(f, "    and by {} more; --json lists them", law.breaches.len() - SHOWN)?;
                }
            }
            plugin.unchecked.iter().try_for_each(|line| writeln!(f, "  note: {line}"))?;
        }
        Ok(())
    }
}

fn failed_case(f: &mut fmt::Formatter<'_>, case: &CaseReport, why: &str) -> fmt::Result {
    writeln!(f, "  failed {}: {why}", case.path.display())?;
    case.diff.iter().try_for_each(|line| writeln!(f, "    {line}"))?;
    case.log.iter().try_for_each(|line| writeln!(f, "    log: {}", field(line)))?;
    match case.acceptable {
        true => writeln!(f, "    To accept the answer, run this again with `--case {} --update`.", case.name),
        false => writeln!(
            f,
            "    Correct the plugin or its manifest. If the refusal is what the case is about, write error.txt by hand."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Outcome, broken: bool) -> Report {
        let mut findings = Findings::default();
        findings.check(Law::Robust, || "facts".into(), broken.then(|| vec!["It crashed.".into()]));
        let case = CaseReport::new("one".into(), "p/cases/one".into(), outcome, true);
        Report { plugins: vec![PluginReport::new("p".into(), "p".into(), vec![case], findings)] }
    }

    #[test]
    fn the_verdict_counts_cases_and_laws() {
        assert_eq!(report(Outcome::Passed, false).verdict().unwrap(), "1 case, 1 law: all passed");
        let failed = Outcome::Failed { why: "No.".into(), shown: Vec::new() };
        let error = report(failed, true).verdict().unwrap_err();
        assert_eq!(error.to_string(), "1 of 1 case and 1 of 1 law failed.");
    }

    #[test]
    fn a_failed_case_is_shown_with_its_difference_and_the_way_to_accept_it() {
        let failed = Outcome::Failed { why: "No.".into(), shown: vec!["- a".into(), "+ b".into()] };
        let text = report(failed, true).to_string();
        for part in ["p/cases/one: No.", "    - a\n    + b\n", "`--case one --update`", "`robust`", "by facts"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
