//! Looks, repairs, and looks again.
//!
//! Repairs go kernel by kernel, the running one last, and within a kernel in the order of
//! their stages. What fails for one package or kernel stops no other one. depmod and the
//! boot image are made once for each kernel. At the end, every check is made again: what
//! it still finds has not been repaired.

use std::collections::{BTreeMap, BTreeSet};

use super::problem::{Problem, Repair, Stage};
use super::registry::CHECKS;
use super::scene::{Scene, is_busy};
use super::spared::spare_owned;
use super::steps;
use crate::conf::Strictness;
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::filter::Filter;
use crate::flow::invocation::runner::PlanFate;
use crate::flow::transaction::{self, begin};
use crate::tree::{PackageId, Target};
use modsmith_facts::kernel::running_release;
use modsmith_plugins::Occasion;

/// How often the system is looked at: one repair may show what was hidden behind it.
const ROUNDS: usize = 3;

/// What became of a problem.
#[derive(Debug)]
pub enum RepairOutcome {
    /// The problem is gone.
    Repaired,
    /// The plan of the repair is shown, and not carried out.
    Planned,
    /// The repair failed, or the problem is still there after it.
    NotRepaired(Error),
    /// No repair mends it; the administrator does.
    Left,
}

/// A problem and what became of it.
#[derive(Debug)]
pub struct Repaired {
    pub problem: Problem,
    pub outcome: RepairOutcome,
}

/// What all checks find, in their order. Changes nothing.
///
/// # Errors
/// The tree cannot be read; the filter has a pattern that is none.
pub fn check(run: &Invocation<'_>, filter: &Filter) -> Result<Vec<Problem>> {
    detect(run, filter, is_busy(run))
}

/// Whether the tree is being changed, or a killed change waits for its recovery.
pub fn is_unsettled(run: &Invocation<'_>) -> bool {
    is_busy(run) || modsmith_plan::pending(run.env.tree.path()).is_ok_and(|(pending, _)| !pending.is_empty())
}

fn detect(run: &Invocation<'_>, filter: &Filter, is_busy: bool) -> Result<Vec<Problem>> {
    let scene = Scene::read(run, filter, is_busy)?;
    Ok(spare_owned(run, CHECKS.iter().flat_map(|check| (check.find)(&scene)).collect()))
}

/// Repairs what can be repaired. `found` gets what the first look finds, before anything
/// is changed.
///
/// # Errors
/// Those of [`check`]; the lock cannot be taken; an interruption. A repair that fails is no error
/// here, but the outcome of its problem.
pub fn repair(run: &Invocation<'_>, filter: &Filter, found: impl FnOnce(&[Problem])) -> Result<Vec<Repaired>> {
    let _lock = begin(run)?;
    let mut problems = detect(run, filter, false)?;
    found(&problems);
    let mut done: Vec<Repaired> = Vec::new();
    for _ in 0..ROUNDS {
        let is_new = |problem: &Problem| !done.iter().any(|known| known.problem.is_same(problem));
        let due: Vec<Problem> =
            problems.iter().filter(|problem| problem.is_repairable() && is_new(problem)).cloned().collect();
        if due.is_empty() {
            break;
        }
        done.extend(by_kernel(run, due)?);
        match run.runner.after_success(|| detect(run, filter, false)).transpose()? {
            Some(now) => problems = now,
            None => return Ok(planned(done, problems)),
        }
    }
    Ok(judged(done, problems))
}

/// The outcomes where the repairs are only shown: what no repair does is left.
fn planned(done: Vec<Repaired>, problems: Vec<Problem>) -> Vec<Repaired> {
    let left = problems.into_iter().filter(|problem| !problem.is_repairable());
    done.into_iter().chain(left.map(|problem| Repaired { problem, outcome: RepairOutcome::Left })).collect()
}

/// The outcomes after the last look: a problem that it finds again is not repaired.
fn judged(mut done: Vec<Repaired>, now: Vec<Problem>) -> Vec<Repaired> {
    for problem in now {
        match done.iter_mut().find(|known| known.problem.is_same(&problem)) {
            None => done.push(Repaired { problem, outcome: RepairOutcome::Left }),
            Some(known) => {
                if !matches!(known.outcome, RepairOutcome::NotRepaired(_)) {
                    let message =
                        format!("The repair succeeded, but the problem is still there: {}.", problem.evidence);
                    known.outcome =
                        RepairOutcome::NotRepaired(Error::new(Kind::ProblemsLeft, message).hint(still_there(&problem)));
                }
            }
        }
    }
    done
}

fn still_there(problem: &Problem) -> String {
    match (&problem.repair, &problem.target) {
        (Some(Repair::Rebuild | Repair::Install), Some(target)) => format!(
            "The headers may belong to another build of kernel {}: install those that belong to its image.",
            target.kernel
        ),
        _ => "Run `modsmith check` again, and look at the file that it names.".to_owned(),
    }
}

fn by_kernel(run: &Invocation<'_>, due: Vec<Problem>) -> Result<Vec<Repaired>> {
    let mut groups: BTreeMap<(bool, Option<Target>), Vec<Problem>> = BTreeMap::new();
    let running = running_release();
    for problem in due {
        let is_last = problem.target.as_ref().is_some_and(|target| target.kernel == running);
        groups.entry((is_last, problem.target.clone())).or_default().push(problem);
    }
    let mut done = Vec::new();
    for ((_, target), problems) in groups {
        done.extend(of_kernel(run, target.as_ref(), problems)?);
    }
    Ok(done)
}

fn of_kernel(run: &Invocation<'_>, target: Option<&Target>, mut problems: Vec<Problem>) -> Result<Vec<Repaired>> {
    sort(run, &mut problems);
    let together = run.in_transaction();
    let mut planned: Vec<(Option<PackageId>, Repair)> = Vec::new();
    let mut done = Vec::new();
    for problem in problems {
        let Some(repair) = problem.repair.clone() else { continue };
        let is_covered = planned.iter().any(|(id, earlier)| *id == problem.package && covers(earlier, &repair));
        let outcome = match is_covered {
            true => RepairOutcome::Planned,
            false => match steps::carry_out(&together, &problem, &repair) {
                Ok(()) => RepairOutcome::Planned,
                Err(error) if error.kind == Kind::Interrupted => return Err(error),
                Err(error) => RepairOutcome::NotRepaired(error),
            },
        };
        if matches!(outcome, RepairOutcome::Planned) {
            planned.push((problem.package.clone(), repair));
        }
        done.push(Repaired { problem, outcome });
    }
    if let Some(target) = target
        && let Err(error) = transaction::finish(run, &run.kernel(target), Occasion::Installed)
    {
        if error.kind == Kind::Interrupted {
            return Err(error);
        }
        run.runner.reporter.warning(&error.message);
    }
    let ended = |outcome| match outcome {
        RepairOutcome::Planned => match run.runner.fate_of_plans() {
            PlanFate::CarriedOut => RepairOutcome::Repaired,
            PlanFate::Shown => RepairOutcome::Planned,
        },
        other => other,
    };
    Ok(done.into_iter().map(|Repaired { problem, outcome }| Repaired { problem, outcome: ended(outcome) }).collect())
}

/// Whether an earlier repair of the same package has done a later one, too.
fn covers(earlier: &Repair, later: &Repair) -> bool {
    use Repair::{Depmod, Install, Rebuild, Reinstall, SignAgain};
    let copies = |repair: &Repair| matches!(repair, Rebuild | Install | SignAgain | Reinstall);
    earlier == later
        || matches!((earlier, later), (Rebuild | Install, Reinstall | SignAgain | Rebuild | Install))
        || matches!((earlier, later), (SignAgain, Reinstall))
        || (copies(earlier) && *later == Depmod)
}

/// Sorts problems by the stage of their repair. Within a stage, repairs that build come first, and
/// packages come before those that are built against them.
fn sort(run: &Invocation<'_>, problems: &mut [Problem]) {
    let depth: BTreeMap<PackageId, usize> = problems
        .iter()
        .filter(|problem| matches!(problem.repair, Some(Repair::Rebuild | Repair::Install)))
        .filter_map(|problem| Some((problem.package.clone()?, depth(run, problem))))
        .collect();
    problems.sort_by_cached_key(|problem| {
        let builds = problem.package.as_ref().and_then(|id| depth.get(id));
        let is_build = matches!(problem.repair, Some(Repair::Rebuild | Repair::Install));
        let stage = if is_build { Stage::Products } else { problem.stage };
        (stage, !is_build, builds.copied().unwrap_or_default())
    });
}

/// How many packages stand below a package, by BUILD_DEPENDS.
fn depth(run: &Invocation<'_>, problem: &Problem) -> usize {
    let (Some(id), Some(target)) = (&problem.package, &problem.target) else { return 0 };
    let (mut below, mut todo) = (BTreeSet::new(), vec![id.clone()]);
    while let Some(id) = todo.pop() {
        let Ok(package) = run.env.package(&id) else { continue };
        let Ok(conf) = run.conf(&package, &run.kernel(target), Strictness::Lenient) else { continue };
        for needed in conf.build_depends {
            if below.insert(needed.clone()) {
                let versions = run.env.tree.versions(&needed).unwrap_or_default();
                todo.extend(versions.into_iter().map(|entry| entry.id));
            }
        }
    }
    below.len()
}
