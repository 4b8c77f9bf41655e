//! Testing plugins: a question and a small system in, a plan, a value or a
//! refusal out, from the real engine.
//!
//! A plugin's author writes cases; the laws hold for every plugin. Nothing of
//! this machine is changed: systems are temporary directories, and of programs
//! only those run that a case brings along.

pub(crate) mod ask;
pub(crate) mod call;
pub(crate) mod case;
pub(crate) mod diff;
pub(crate) mod facts;
mod laws;
pub(crate) mod live;
mod logs;
mod rehearsal;
mod render;
mod report;
pub(crate) mod subject;
pub(crate) mod target;

pub use live::{PlanOptions, plan};
pub use report::{BreachReport, CaseReport, Failures, LawReport, PluginReport, Report};
pub use subject::Selection;

use std::sync::atomic::{AtomicUsize, Ordering};

use case::{Case, Outcome};
use laws::Findings;
use subject::Subject;

use crate::error::{Error, Result};

/// The options of `modsmith plugin test`.
#[derive(Debug, Clone, Default)]
pub struct TestOptions {
    pub selection: Selection,
    /// Only cases of this name, and the laws that a case can break.
    pub case: Option<String>,
    /// Make the answers that are given the expected ones.
    pub update: bool,
}

/// Tests plugins.
///
/// # Errors
/// `Usage` for a selection without plugins or cases, and for cases that are not
/// in order; `Plugin` for plugins that cannot be built or used. Faults of the plugins are in the
/// report.
pub fn test(options: &TestOptions) -> Result<Report> {
    let here = std::env::temp_dir();
    let work = tempfile::tempdir().map_err(|e| Error::io("make a directory in", &here, e))?;
    let mut chosen: Vec<(Subject, Vec<Case>)> = Vec::new();
    let mut names = Vec::new();
    for subject in subject::subjects(&options.selection, work.path())? {
        let mut cases = Case::all(&subject.cases)?;
        names.extend(cases.iter().map(|case| case.name.clone()));
        if let Some(name) = &options.case {
            cases.retain(|case| case.name == *name);
        }
        if !cases.is_empty() {
            chosen.push((subject, cases));
        }
    }
    if let Some(name) = options.case.as_ref().filter(|_| chosen.is_empty()) {
        return Err(Error::NoSuchCase { name: name.clone(), others: names });
    }
    Ok(Report { plugins: test_plugins(options, &chosen)? })
}

/// As many plugins at a time as there are processors; the reports are in order.
fn test_plugins(options: &TestOptions, chosen: &[(Subject, Vec<Case>)]) -> Result<Vec<PluginReport>> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(chosen.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let turns = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let mine = turns.map_while(|index| Some((index, chosen.get(index)?)));
        mine.map(|(index, (subject, cases))| (index, test_plugin(options, subject, cases))).collect::<Vec<_>>()
    };
    let mut reports: Vec<(usize, Result<PluginReport>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e)));
        joined.flatten().collect()
    });
    reports.sort_by_key(|(index, _)| *index);
    reports.into_iter().map(|(_, report)| report).collect()
}

fn test_plugin(options: &TestOptions, subject: &Subject, cases: &[Case]) -> Result<PluginReport> {
    let mut findings = Findings::default();
    let mut reports = Vec::new();
    for case in cases {
        let within = |error| Error::InCase { case: case.path.clone(), error: Box::new(error) };
        let (answer, log) = logs::during(|| subject.ask(&case.facts, Some(&case.path)));
        let answer = answer.map_err(within)?;
        let outcome = match case.check(&answer)? {
            // A fault of the plugin is never what is expected because it happens.
            Outcome::Failed { .. } if options.update && answer.fault().is_none() => case.accept(&answer)?,
            outcome => outcome,
        };
        laws::of_case(subject, case, &answer, &mut findings).map_err(within)?;
        let report = CaseReport::new(case.name.clone(), case.path.clone(), outcome, answer.fault().is_none());
        reports.push(report.with_log(log));
    }
    if options.case.is_none() {
        laws::of_plugin(subject, cases, &mut findings)?;
    }
    Ok(PluginReport::new(subject.id.clone(), subject.source.clone(), reports, findings))
}
