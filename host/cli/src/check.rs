//! `modsmith check`: broken states of the tree, found and repaired.

use std::path::Path;

use serde::Serialize;

use super::arguments::{Arguments, CheckArguments};
use super::errors::ErrorView;
use super::invocation::{PluginUse, show_plans, with_plans};
use super::output;
use super::renderers::Terminal;
use super::targets::filter_of;
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{self, Invocation, Outcome, Problem, Remedy, Repaired, Sight};
use modsmith_core::tree::{PackageId, Target};
use modsmith_facts::text::line;
use modsmith_plan::PlanView;

/// `modsmith check --json`; described by `docs/reference/check-schema.json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema_version: u32,
    problems: Vec<CheckRow<'a>>,
    /// The plans of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    plans: Option<Vec<PlanView>>,
}

/// One problem.
#[derive(Debug, Serialize)]
struct CheckRow<'a> {
    check: &'static str,
    state: u8,
    title: &'static str,
    sight: Sight,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<&'a str>,
    evidence: &'a str,
    remedy: &'a Remedy,
    /// With `--repair` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// Why a repair failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorView<'a>>,
}

impl<'a> CheckRow<'a> {
    fn new(problem: &'a Problem, outcome: Option<&'a Outcome>) -> Self {
        let Problem { check, state, title, sight, package, target, path, finding, evidence, remedy, .. } = problem;
        Self {
            check,
            state: *state,
            title,
            sight: *sight,
            module: package.as_ref().map(|id| id.module.as_str()),
            version: package.as_ref().map(|id| id.version.as_str()).filter(|version| !version.is_empty()),
            kernel: target.as_ref().map(|target| target.kernel.as_str()),
            arch: target.as_ref().map(|target| target.arch.as_str()),
            path: path.as_deref(),
            finding: finding.as_deref(),
            evidence,
            remedy,
            outcome: outcome.map(word),
            error: match outcome {
                Some(Outcome::NotRepaired(error)) => Some(ErrorView::new(error)),
                _ => None,
            },
        }
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Repaired => "repaired",
        Outcome::Planned => "planned",
        Outcome::NotRepaired(_) => "not-repaired",
        Outcome::Left => "left",
    }
}

/// The report of an invocation.
enum Report {
    Found(Vec<Problem>),
    Repaired(Vec<Repaired>),
}

impl Report {
    fn rows(&self) -> Vec<CheckRow<'_>> {
        match self {
            Report::Found(problems) => problems.iter().map(|problem| CheckRow::new(problem, None)).collect(),
            Report::Repaired(all) => all.iter().map(|one| CheckRow::new(&one.problem, Some(&one.outcome))).collect(),
        }
    }

    /// The problems that are there now. A state that could not be read is no problem.
    fn left(&self) -> Vec<&Problem> {
        let problems: Vec<&Problem> = match self {
            Report::Found(problems) => problems.iter().collect(),
            Report::Repaired(all) => {
                let left = all.iter().filter(|one| !matches!(one.outcome, Outcome::Repaired));
                left.map(|one| &one.problem).collect()
            }
        };
        problems.into_iter().filter(|problem| problem.sight == Sight::Found).collect()
    }
}

/// Prints what was found and what was done; a state that is left is an error.
pub fn run(arguments: &CheckArguments, environment: &Environment) -> Result<()> {
    if arguments.dry_run && !arguments.repair {
        return Err(Error::new(Kind::Usage, "--dry-run shows repairs, and none was asked for.")
            .hint("Write `modsmith check --repair --dry-run`, or leave --dry-run out."));
    }
    let filter = filter_of(arguments.package.as_deref(), arguments.kernel.as_deref(), arguments.arch.as_deref())?;
    let common = Arguments {
        directories: arguments.directories.clone(),
        jobs: arguments.jobs,
        dry_run: arguments.dry_run,
        json: arguments.json,
        quiet: arguments.json,
        ..Arguments::default()
    };
    let plugin_use = if arguments.repair { PluginUse::Act } else { PluginUse::Look };
    let body = |run: &Invocation<'_>| {
        if !arguments.repair {
            warn_of_changes(run);
            return flow::check(run, &filter).map(Report::Found);
        }
        let print = |problems: &[Problem]| {
            if !arguments.json {
                print(&problems.iter().map(|problem| CheckRow::new(problem, None)).collect::<Vec<_>>());
            }
        };
        flow::repair(run, &filter, print).map(Report::Repaired)
    };
    with_plans(
        &common,
        environment,
        plugin_use,
        |run, _| body(run),
        |plans, outcome| {
            let Ok(report) = outcome else { return Ok(()) };
            Terminal::flush();
            let plans = arguments.dry_run.then_some(plans);
            if arguments.json {
                return output::json(&Document { schema_version: 1, problems: report.rows(), plans });
            }
            match report {
                Report::Found(_) => print(&report.rows()),
                Report::Repaired(all) => print_outcomes(all),
            }
            plans.map_or(Ok(()), |plans| show_plans(plans, None, false))
        },
    )
    .and_then(|report| judge(&report))
}

/// The exit code: a problem that is left.
fn judge(report: &Report) -> Result<()> {
    let left = report.left();
    let Some(first) = left.first() else { return Ok(()) };
    let place = place(first.package.as_ref(), first.target.as_ref());
    let message = match left.len() {
        1 => format!("One problem was found{place}: {}.", first.title),
        count => format!("{count} problems were found; the first one{place}: {}.", first.title),
    };
    let error = Error::new(Kind::ProblemsLeft, message);
    Err(match report {
        Report::Found(_) if left.iter().any(|problem| problem.is_repairable()) => {
            error.hint("`modsmith check --repair` repairs what it can; with --dry-run, it shows how.")
        }
        _ => error.hint("The lines `to do` above say what is left for you to do."),
    })
}

fn place(package: Option<&PackageId>, target: Option<&Target>) -> String {
    let package = package.map(|id| format!(" of {id}")).unwrap_or_default();
    let kernel = target.map(|target| format!(" for {}", target.kernel)).unwrap_or_default();
    format!("{package}{kernel}")
}

fn warn_of_changes(run: &Invocation<'_>) {
    if flow::is_unsettled(run) {
        output::warning(
            "the tree is being changed, or an earlier change was interrupted; the next action that changes the tree \
             recovers it, and `modsmith check` is to be run again then.",
        );
    }
}

fn print(rows: &[CheckRow<'_>]) {
    if rows.is_empty() {
        output::lines("No problems were found.");
    }
    rows.iter().for_each(|row| output::lines(&text(row)));
}

/// The heads of what was done, then what is left.
fn print_outcomes(all: &[Repaired]) {
    for Repaired { problem, outcome } in all {
        let row = CheckRow::new(problem, Some(outcome));
        let mut lines = vec![format!("{}: {}", head(&row), word(outcome).replace('-', " "))];
        match outcome {
            Outcome::Repaired | Outcome::Planned => {}
            Outcome::Left => lines.push(format!("  to do:    {}", problem.remedy.text)),
            Outcome::NotRepaired(error) => {
                lines.push(format!("  why:      {}", error.message));
                lines.extend(error.details.iter().map(|detail| format!("            {detail}")));
                lines.extend(error.hints.iter().map(|hint| format!("  to do:    {hint}")));
            }
        }
        output::lines(&joined(&lines));
    }
}

fn head(row: &CheckRow<'_>) -> String {
    let package = match (row.module, row.version) {
        (Some(module), Some(version)) => Some(format!("{module}/{version}")),
        (module, _) => module.map(str::to_owned),
    };
    let kernel = row.kernel.zip(row.arch).map(|(kernel, arch)| format!("{kernel}, {arch}"));
    let place: Vec<String> = package.into_iter().chain(kernel).collect();
    match place.is_empty() {
        true => row.title.to_owned(),
        false => format!("{}: {}", place.join(", "), row.title),
    }
}

/// The state, then what was read and what is to be done.
fn text(row: &CheckRow<'_>) -> String {
    let sight = if row.sight == Sight::Unknown { " (unknown)" } else { "" };
    let repair = match row.remedy.kind {
        flow::RemedyKind::Automatic | flow::RemedyKind::Rebuild => "  --repair: ",
        flow::RemedyKind::Told => "  to do:    ",
    };
    joined(&[
        format!("{}{sight} [{}]", head(row), row.finding.unwrap_or(row.check)),
        format!("  evidence: {}", row.evidence),
        format!("{repair}{}", row.remedy.text),
    ])
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|text| line(text)).collect::<Vec<_>>().join("\n")
}
