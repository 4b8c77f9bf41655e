//! Records of failed builds: written, read and deleted.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use build_diagnosis::{self as diagnosis, Class, Diagnosis, Facts, Refusal, Stop, mention, remedy};

use crate::build::begins_log_of;
use crate::conf::confinement;
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::build::decisions::Decisions;
use crate::flow::recipe::confinement::Confined;
use crate::flow::recipe::workplace::build_log;
use crate::tree::{FailureRecord, Package, PackageId, Target};
use modsmith_facts::kernel::{Kernel, running_release};
use modsmith_plan::{Builder, Bytes, verbs};
use modsmith_plugins::KernelLayout;

/// Keeps what is known of a failed build, and returns its error with the first
/// error line and the remedy. `begun` is what a build goes by that has begun a log. That the
/// record cannot be written is a warning: the build's own error counts.
pub(crate) fn remember(
    run: &Invocation<'_>,
    error: Error,
    begun: Option<&Decisions>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Error {
    if !is_failed_build(&error, kernel) {
        return error;
    }
    run.runner.after_failure(error, |error| record_failure(run, error, begun, package, kernel, target))
}

fn record_failure(
    run: &Invocation<'_>,
    mut error: Error,
    decisions: Option<&Decisions>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Error {
    let begun = decisions.is_some();
    let id = &package.id;
    let log = run.env.tree.real(&build_log(run, id, target));
    let log = Some(log).filter(|log| begun && is_log_of(log, id, target));
    let mut found = log.as_deref().map(diagnose).unwrap_or_default();
    // In the build directory there are no walls.
    let own = run.env.seen_by_build(&run.env.tree.real(&id.build_dir()));
    if let Some(Refusal::Read(path) | Refusal::Write(path)) = &found.refusal
        && Path::new(path).starts_with(own)
    {
        (found.class, found.refusal) = (Class::Unknown, None);
    }
    if let Some(line) = &mut found.first_error {
        line.text = without_build_dir(run, id, &line.text);
    }
    let texts = [error.message.as_str()].into_iter().chain(error.details.iter().map(String::as_str));
    let found = found.with_error(stop(error.kind), texts).for_kernel(&target.kernel, &running_release());

    // The error may know what to do, with the facts at hand where it was made.
    let own = error.hints.first().filter(|_| !begun).cloned();
    let has_own_hint = own.is_some();
    let remedy = own.unwrap_or_else(|| remedy_for(run, &found, package, kernel, target));
    if let Some(line) = &found.first_error {
        let of = if found.of_pre_build { ", of PRE_BUILD, which reported success" } else { "" };
        error.details.push(format!("First error (make.log, line {}{of}): {}", line.line, line.text));
    }
    if !has_own_hint && !error.hints.contains(&remedy) {
        error.hints.insert(0, remedy.clone());
    }
    let record = FailureRecord {
        class: found.class,
        first_error: found.first_error,
        remedy,
        confinement: decisions.and_then(|decisions| decisions.place.confined.as_ref()).map(Confined::record),
        ..FailureRecord::new(id, target, error.message.clone(), run.env.options.exit_codes.of(error.kind))
    };
    let kept = run
        .runner
        .run(plan_failure(run, &record, package, target, log.is_some()))
        // A full file system may still have room for the record.
        .or_else(|error| {
            if log.is_some() { run.runner.run(plan_failure(run, &record, package, target, false)) } else { Err(error) }
        });
    if let Err(why) = kept {
        run.runner.reporter.warning(&format!("The failed build could not be recorded. {}", why.message));
    }
    error
}

/// Records the failed build whose log is in the package's build directory, as of the
/// time at which the log was last written.
pub(crate) fn remember_log(run: &Invocation<'_>, package: &Package, target: &Target) -> Result<()> {
    let (id, kernel) = (&package.id, run.kernel(target));
    let log = run.env.tree.real(&build_log(run, id, target));
    let written = std::fs::symlink_metadata(&log).and_then(|metadata| metadata.modified());
    let time = written.ok().and_then(|time| jiff::Timestamp::try_from(time).ok()).unwrap_or_else(jiff::Timestamp::now);
    let message = format!("The build of {id} for kernel {target} failed, and left no record but its log.");
    let mut found =
        diagnose(&log).with_error(Stop::Make, [message.as_str()]).for_kernel(&target.kernel, &running_release());
    if let Some(line) = &mut found.first_error {
        line.text = without_build_dir(run, id, &line.text);
    }
    let record = FailureRecord {
        time,
        class: found.class,
        remedy: remedy_for(run, &found, package, &kernel, target),
        first_error: found.first_error,
        ..FailureRecord::new(id, target, message, run.env.options.exit_codes.of(Kind::BuildFailed))
    };
    run.runner.run(plan_failure(run, &record, package, target, true))
}

/// The class of a build that has just failed.
pub(crate) fn class_of_failure(run: &Invocation<'_>, error: &Error, package: &Package, target: &Target) -> Class {
    let found = diagnose(&run.env.tree.real(&build_log(run, &package.id, target)));
    found.with_error(stop(error.kind), [error.message.as_str()]).for_kernel(&target.kernel, &running_release()).class
}

fn plan_failure(
    run: &Invocation<'_>,
    record: &FailureRecord,
    package: &Package,
    target: &Target,
    with_log: bool,
) -> Builder {
    let directory = package.id.failure_dir(target);
    let location = |name: &str| directory.join(name).expect("a plain name is a location");
    let mut text = serde_json::to_vec_pretty(record).unwrap_or_default();
    text.push(b'\n');
    let mut plan =
        Builder::new(format!("record the failed build of {} for {target}", package.id), run.env.system.roots.clone());
    plan.push(verbs::Remove { location: directory.clone() }, "the record of an earlier failure is replaced");
    plan.push(verbs::MakeDirectory { location: directory.clone() }, "failed builds are recorded");
    if with_log {
        let log = verbs::Copy { from: build_log(run, &package.id, target), to: location("make.log") };
        plan.push(log, "the next build overwrites the log");
    }
    let contents = Bytes(text);
    plan.push(
        verbs::WriteFile { location: location("record.json"), contents, mode: 0o644 },
        "the record of the failure",
    );
    plan
}

fn remedy_for(
    run: &Invocation<'_>,
    found: &Diagnosis,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> String {
    let versions = run.env.tree.versions(&package.id.module).unwrap_or_default().into_iter();
    let header_package = match found.class {
        Class::HeadersMissing => KernelLayout(&run.env.plugins).header_package(kernel).ok().flatten(),
        _ => None,
    };
    remedy(
        found.class,
        &Facts {
            package: &package.id.to_string(),
            kernel: &target.kernel,
            header_package,
            compiler: kernel.config("CC_VERSION_TEXT"),
            program: found.program.as_deref(),
            refusal: found.refusal.as_ref(),
            confinement_file: confinement::FILE,
            has_error: found.first_error.is_some(),
            of_pre_build: found.of_pre_build,
            other_kernel: found.other_kernel.as_deref(),
            asks_running: mention(&package.source).filter(|_| found.class == Class::OtherKernel),
            other_versions: versions.map(|e| e.id.version).filter(|v| *v != package.id.version).collect(),
            built_for: run.env.tree.targets(&package.id).into_iter().map(|built| built.kernel).collect(),
            source: run.env.system.inside(&package.source).display().to_string(),
            tree: run.env.tree.path().display().to_string(),
        },
    )
}

/// Whether a log is of this package and kernel: the build directory is shared
/// by all kernels.
fn is_log_of(log: &Path, id: &PackageId, target: &Target) -> bool {
    let mut first = String::new();
    std::fs::File::open(log).and_then(|file| BufReader::new(file).read_line(&mut first)).is_ok()
        && begins_log_of(&first, &format!("{id} for kernel {target}"))
}

/// Names of files as the source has them.
fn without_build_dir(run: &Invocation<'_>, id: &PackageId, text: &str) -> String {
    let real = run.env.tree.real(&id.build_dir());
    let seen = format!("{}/", run.env.seen_by_build(&real));
    text.replace(&seen, "").replace(&format!("{}/", real.display()), "")
}

/// Whether an error is worth remembering: not what the user typed or stopped, not
/// a kernel that the package excludes, or that this system does not have.
fn is_failed_build(error: &Error, kernel: &Kernel) -> bool {
    use Kind::*;
    match error.kind {
        Excluded | Interrupted | Permission | Usage | NotInTree | Broken => false,
        HeadersMissing => kernel.module_dir().is_dir(),
        _ => true,
    }
}

fn diagnose(log: &Path) -> Diagnosis {
    std::fs::File::open(log).and_then(|file| diagnosis::of_log(BufReader::new(file))).unwrap_or_default()
}

/// What the build stopped at.
fn stop(kind: Kind) -> Stop {
    match kind {
        Kind::HeadersMissing => Stop::Headers,
        Kind::DependencyMissing => Stop::Dependency,
        Kind::PatchMissing | Kind::SourceEmpty => Stop::Source,
        Kind::ConfInvalid | Kind::ConfUnreadable => Stop::Configuration,
        Kind::PatchFailed => Stop::Patch,
        Kind::Script(_) => Stop::Script,
        Kind::BuildFailed => Stop::Make,
        Kind::ProductMissing => Stop::Product,
        _ => Stop::Other,
    }
}
