//! Builds that fail with several jobs are tried again with one job.

use crate::conf::only_jobserver_tells;
use crate::error::{Error, Kind};
use crate::flow::Invocation;
use crate::flow::build::decisions::Decisions;
use crate::flow::build::failures::class_of_failure;
use crate::flow::recipe::workplace::build_log;
use crate::tree::{OneJob, Package, Target};
use build_diagnosis::Class;
use modsmith_plan::{Builder, Bytes, verbs};

/// The bytes at the end of a failed attempt's log that are kept.
const LONGEST: usize = 4 << 20;

/// Whether a build may have failed because its makes did several things at the
/// same time, and would not with dkms: that gives jobs to a command that begins
/// with `make`, and here the jobserver reaches every other make, too.
pub(crate) fn may_be_a_race(
    run: &Invocation<'_>,
    error: &Error,
    package: &Package,
    target: &Target,
    decisions: &Decisions,
) -> bool {
    matches!(error.kind, Kind::BuildFailed | Kind::ProductMissing)
        && run.runner.jobs().is_shared()
        && !decisions.place.one_job
        && only_jobserver_tells(decisions.conf.make.as_deref())
        && !is_certain(class_of_failure(run, error, package, target))
}

/// The log of the first attempt, with which the log of the second one begins.
pub(crate) fn first_attempt(run: &Invocation<'_>, package: &Package, target: &Target, text: &str) -> Vec<u8> {
    let log = std::fs::read(run.env.tree.real(&build_log(run, &package.id, target))).unwrap_or_default();
    // The first lines of the log, with the date, are written again.
    let mut lines = log.splitn(3, |byte| *byte == b'\n');
    let blocks = lines.nth(2).unwrap_or_default();
    let kept = &blocks[blocks.len().saturating_sub(LONGEST)..];
    [kept, format!("\n{text}\n").as_bytes()].concat()
}

/// The next build of this version begins with one job. That it cannot be
/// written down is a warning: the modules are built.
pub(crate) fn remember_one_job(run: &Invocation<'_>, package: &Package, target: &Target) {
    let record = OneJob::new(&target.kernel, &target.arch);
    let mut text = serde_json::to_vec_pretty(&record).unwrap_or_default();
    text.push(b'\n');
    let mut plan = Builder::new(format!("record how {} is built", package.id), run.env.system.roots.clone());
    plan.push(verbs::MakeDirectory { location: package.id.one_job_dir() }, "records are kept for each version");
    let location = package.id.one_job_record();
    plan.push(verbs::WriteFile { location, contents: Bytes(text), mode: 0o644 }, "the build fails with several jobs");
    if let Err(error) = run.runner.run(plan) {
        run.runner
            .reporter
            .warning(&format!("The next build of {} will try several jobs again. {}", package.id, error.message));
    }
}

/// Failures that another number of jobs does not mend.
fn is_certain(class: Class) -> bool {
    matches!(
        class,
        Class::HeadersMissing
            | Class::OtherKernel
            | Class::CompilerMissing
            | Class::CompilerMismatch
            | Class::ToolMissing
            | Class::NoSpace
            | Class::PatchRejected
            | Class::ScriptFailed
            | Class::Confined
    )
}
