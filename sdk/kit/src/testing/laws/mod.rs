//! Laws that hold for every plugin and for all of its cases. `plugin test` checks them without a case
//! of their own.

mod absurd;
mod empty;
mod undoing;

use absurd::absurd_facts;
use empty::empty_system;
use undoing::undoing;

use super::ask::Answer;
use super::case::Case;
use super::subject::Subject;
use crate::error::Result;
use modsmith_plugins::Fault;

/// A general law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Law {
    Deterministic,
    Granted,
    Limits,
    Robust,
    EmptySystem,
    Idempotent,
    Reversible,
}

impl Law {
    #[cfg(test)]
    const ALL: [Law; 7] = [
        Law::Deterministic,
        Law::Granted,
        Law::Limits,
        Law::Robust,
        Law::EmptySystem,
        Law::Idempotent,
        Law::Reversible,
    ];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Law::Deterministic => "deterministic",
            Law::Granted => "granted",
            Law::Limits => "limits",
            Law::Robust => "robust",
            Law::EmptySystem => "empty-system",
            Law::Idempotent => "idempotent",
            Law::Reversible => "reversible",
        }
    }

    /// The law itself, as a sentence without its full stop.
    pub fn says(self) -> &'static str {
        match self {
            Law::Deterministic => "the same facts give the same answer",
            Law::Granted => "nothing is asked for that the manifest does not grant",
            Law::Limits => "every call stays within the default limits",
            Law::Robust => "no facts, however absurd, make it crash",
            Law::EmptySystem => "an empty system is unsupported and gets no steps",
            Law::Idempotent => "what has been done is not done again",
            Law::Reversible => "removing undoes adding, byte for byte",
        }
    }
}

/// A law that was broken, with the facts that broke it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    pub law: Law,
    /// The facts with which the law was broken: the case's folder, or the facts themselves.
    pub facts: String,
    /// The events, as lines.
    pub shown: Vec<String>,
}

/// The result of checking the laws.
#[derive(Debug, Default)]
pub struct Findings {
    /// How often each law was put to the test.
    pub checks: std::collections::BTreeMap<Law, usize>,
    pub breaches: Vec<Breach>,
    /// Cases to which a law could not be applied, and why: one line each.
    pub unchecked: Vec<String>,
}

impl Findings {
    /// Counts a test of a law; `broken` shows how the test failed.
    pub fn check(&mut self, law: Law, facts: impl FnOnce() -> String, broken: Option<Vec<String>>) {
        *self.checks.entry(law).or_default() += 1;
        if let Some(shown) = broken {
            self.breaches.push(Breach { law, facts: facts(), shown });
        }
    }

    /// The law that the answer of a case is held to.
    fn granted(&mut self, answer: &Answer, facts: impl FnOnce() -> String) {
        self.check(Law::Granted, facts, (answer.fault() == Some(Fault::Denied)).then(|| lines(answer)));
    }

    /// The laws that every answer is held to, to absurd facts too.
    fn unharmed(&mut self, answer: &Answer, facts: impl Fn() -> String) {
        for (law, fault) in [(Law::Limits, Fault::Exceeded), (Law::Robust, Fault::Crashed)] {
            self.check(law, &facts, (answer.fault() == Some(fault)).then(|| lines(answer)));
        }
    }
}

/// All laws that a case can break.
///
/// # Errors
/// When the case's system cannot be laid out or read.
pub fn of_case(subject: &Subject, case: &Case, answer: &Answer, findings: &mut Findings) -> Result<()> {
    let facts = || case.path.display().to_string();
    let again = subject.ask(&case.facts, Some(&case.path))?;
    let differs = answer.text() != again.text();
    findings.check(Law::Deterministic, facts, differs.then(|| differences(answer, &again)));
    findings.granted(answer, facts);
    findings.unharmed(answer, facts);
    undoing(subject, case, findings)
}

/// All laws that are checked on systems of the laws' own.
///
/// # Errors
/// When a system cannot be laid out.
pub fn of_plugin(subject: &Subject, cases: &[Case], findings: &mut Findings) -> Result<()> {
    empty_system(subject, findings)?;
    absurd_facts(subject, cases, findings)
}

/// An answer for a reader.
fn lines(answer: &Answer) -> Vec<String> {
    let text = answer.text().unwrap_or_else(|why| why);
    text.lines().map(str::to_owned).collect()
}

fn differences(first: &Answer, second: &Answer) -> Vec<String> {
    let text = |answer: &Answer| lines(answer).join("\n");
    super::diff::diff(&text(first), &text(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = include_str!("../../../../../docs/guides/test-a-plugin.md");

    #[test]
    fn the_guide_has_every_law() {
        for law in Law::ALL {
            assert!(GUIDE.contains(&format!("| `{}` |", law.name())), "{}", law.name());
        }
    }

    #[test]
    fn an_answer_that_differs_the_second_time_is_shown_line_by_line() {
        let given = |value: &str| Answer::Given { value: Some(value.into()), steps: Vec::new() };
        assert_eq!(differences(&given("a"), &given("b")), ["- answer: a", "+ answer: b"]);
    }
}
