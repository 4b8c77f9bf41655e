//! `modsmith log`: why a build failed, and its log.

mod follow;

use std::path::PathBuf;

use serde::Serialize;

use super::arguments::LogArguments;
use super::failures::FailedView;
use super::output;
use super::setup::read_only;
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::tree::{
    Failure, Failures, PackageId, RecordedConfinement, Target, Tree, check_kernel_name, check_name,
};
use modsmith_facts::inside;
use modsmith_facts::text::line;

/// The build for one kernel, as it is shown.
struct Build {
    target: Target,
    time: jiff::Timestamp,
    failure: Option<Failure>,
    /// How it was confined.
    confinement: Option<RecordedConfinement>,
    log: Option<PathBuf>,
}

/// `modsmith log --json`; described by `docs/reference/log-schema.json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema_version: u32,
    module: &'a str,
    version: &'a str,
    kernel: &'a str,
    arch: &'a str,
    state: &'static str,
    time: String,
    log: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confinement: Option<&'a RecordedConfinement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<FailedView<'a>>,
    /// Other kernels that there is something to show of, newest first.
    others: Vec<Other<'a>>,
}

#[derive(Debug, Serialize)]
struct Other<'a> {
    kernel: &'a str,
    arch: &'a str,
    state: &'static str,
}

/// Prints what is known of the build that was asked for, or of the newest one.
pub fn run(arguments: &LogArguments, environment: &Environment) -> Result<()> {
    let run = read_only(&arguments.directories, environment)?;
    let tree = &run.env.tree;
    let id = package(tree, &arguments.package)?;
    let (kernel, arch) = match arguments.kernel.as_deref().and_then(|kernel| kernel.split_once('/')) {
        Some((kernel, arch)) => (Some(kernel), Some(arch)),
        None => (arguments.kernel.as_deref(), arguments.arch.as_deref()),
    };
    kernel.map_or(Ok(()), |kernel| check_kernel_name("kernel", kernel))?;
    arch.map_or(Ok(()), |arch| check_kernel_name("architecture", arch))?;
    let asked = |target: &Target| kernel.is_none_or(|k| k == target.kernel) && arch.is_none_or(|a| a == target.arch);
    if arguments.follow {
        return follow::follow(tree, &id, asked);
    }
    let mut all = builds(tree, &id);
    if arguments.previous {
        all.extend(earlier(tree, &id));
        all.sort_by_key(|build| std::cmp::Reverse(build.time));
    }
    let (mut found, others): (Vec<Build>, Vec<Build>) = all.into_iter().partition(|b| asked(&b.target));
    for why in tree.untrusted() {
        output::warning(&format!("{why}. {}", why.remedy()));
    }
    if found.is_empty() {
        return Err(nothing(&id, kernel, &others));
    }
    if arguments.previous {
        let newest = found.remove(0);
        if found.is_empty() {
            return Err(no_previous(&id, kernel, &newest));
        }
    }
    let build = found.remove(0);
    let others: Vec<&Build> = match kernel {
        None => found.iter().collect(),
        Some(_) => found.iter().chain(&others).collect(),
    };
    if arguments.json {
        return json(&id, &build, &others);
    }
    if arguments.path {
        return match &build.log {
            Some(log) => {
                output::lines(&line(&log.display().to_string()));
                Ok(())
            }
            None => Err(Error::new(
                Kind::NotInTree,
                format!("{id} has no log for {}: the build failed before a log was begun.", build.target),
            )
            .hint(format!("`modsmith log {id} -k {}` says why.", build.target.kernel))),
        };
    }
    let mut text = format!("{}\n", head(&id, &build, &others)).into_bytes();
    match &build.log {
        Some(log) => text.extend(inside::read_file(log).map_err(|e| Error::io("read the log", log, e))?),
        None => text.extend(b"There is no log: the build failed before a log was begun.\n"),
    }
    output::paged(&text, environment);
    Ok(())
}

/// The package that is named: its version may be left out where there is one.
fn package(tree: &Tree, word: &str) -> Result<PackageId> {
    if let Some((module, version)) = word.split_once('/') {
        let id = PackageId::new(module, version)?;
        return tree.entry(&id).map(|entry| entry.id).ok_or_else(|| modsmith_core::tree::not_in_tree(tree, &id));
    }
    check_name("module", word)?;
    let mut versions = tree.versions(word)?;
    match versions.len() {
        1 => Ok(versions.remove(0).id),
        0 => Err(Error::new(Kind::NotInTree, format!("{word} is not in the tree {}.", tree.path().display()))
            .hint("`modsmith status` lists the packages in the tree.")),
        _ => {
            let names: Vec<String> = versions.iter().map(|entry| entry.id.to_string()).collect();
            Err(Error::new(Kind::Usage, format!("The tree has several versions of {word}."))
                .hint(format!("Name one: {}.", names.join(", "))))
        }
    }
}

/// Every kernel that there is something to show of, newest first.
fn builds(tree: &Tree, id: &PackageId) -> Vec<Build> {
    let failed = Failures(tree).all().into_iter().filter(|failure| failure.id == *id);
    let mut builds: Vec<Build> = failed
        .map(|failure| Build {
            target: failure.target.clone(),
            time: failure.record.time,
            log: failure.log.clone(),
            confinement: failure.record.confinement.clone(),
            failure: Some(failure),
        })
        .collect();
    let succeeded = tree.targets(id).into_iter().filter(|target| builds.iter().all(|build| build.target != *target));
    let succeeded: Vec<Build> = succeeded.filter_map(|target| kept(tree, id, target)).collect();
    builds.extend(succeeded);
    builds.sort_by_key(|build| std::cmp::Reverse(build.time));
    builds
}

/// The successful builds that a failed one came after: the tree has them still.
fn earlier(tree: &Tree, id: &PackageId) -> Vec<Build> {
    let failed: Vec<Target> =
        Failures(tree).all().into_iter().filter(|failure| failure.id == *id).map(|failure| failure.target).collect();
    tree.targets(id).into_iter().filter(|target| failed.contains(target)).filter_map(|t| kept(tree, id, t)).collect()
}

fn no_previous(id: &PackageId, kernel: Option<&str>, newest: &Build) -> Error {
    let whom = kernel.map(|kernel| format!(" for kernel {kernel}")).unwrap_or_default();
    Error::new(Kind::NotInTree, format!("{id} has one build{whom}, and none before it."))
        .detail(format!(
            "Of each kernel, the last build that succeeded is kept, and the last one that failed after it: {} {}.",
            newest.target,
            state(newest)
        ))
        .hint("Leave out --previous.")
}

/// A successful build, where its log is kept.
fn kept(tree: &Tree, id: &PackageId, target: Target) -> Option<Build> {
    let location = id.kept_log(&target);
    let log = tree.real(&location);
    let modified = || std::fs::symlink_metadata(&log).and_then(|data| data.modified()).ok();
    let time = modified().filter(|_| tree.is_believed(&location))?.try_into().unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let confinement = tree.record(id, &target).and_then(|record| record.confinement);
    Some(Build { target, time, failure: None, confinement, log: Some(log) })
}

fn nothing(id: &PackageId, kernel: Option<&str>, others: &[Build]) -> Error {
    let whom = kernel.map(|kernel| format!(" for kernel {kernel}")).unwrap_or_default();
    let error = Error::new(
        Kind::NotInTree,
        format!("{id} has no build{whom}: neither a successful nor a failed one is recorded."),
    );
    match others {
        [] => error.hint(format!("`dkms build {id} -k KERNEL` builds it.")),
        others => error.hint(format!("Known builds: {}.", names(&others.iter().collect::<Vec<_>>()))),
    }
}

fn names(builds: &[&Build]) -> String {
    builds.iter().map(|b| format!("{} {}", b.target, state(b))).collect::<Vec<_>>().join(", ")
}

fn state(build: &Build) -> &'static str {
    if build.failure.is_some() { "failed" } else { "built" }
}

fn head(id: &PackageId, build: &Build, others: &[&Build]) -> String {
    let time = build.time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z");
    let mut rows = vec![("when", time.to_string())];
    let outcome = match &build.failure {
        None => "the build succeeded",
        Some(Failure { record, .. }) => {
            rows.push(("why", format!("{} (exit code {})", record.class.title(), record.exit_code)));
            rows.push(("error", record.message.clone()));
            if let Some(first) = &record.first_error {
                rows.push(("first error", format!("line {}: {}", first.line, first.text)));
            }
            rows.push(("remedy", record.remedy.clone()));
            "the build failed"
        }
    };
    rows.extend(build.confinement.iter().map(|confinement| ("confinement", confinement.words())));
    rows.extend(build.log.iter().map(|log| ("log", log.display().to_string())));
    if !others.is_empty() {
        rows.push(("others", format!("{}; name one with -k", names(others))));
    }
    let rows: String = rows.iter().map(|(name, text)| format!("  {name:<12} {}\n", line(text))).collect();
    format!("{}\n{rows}", line(&format!("{id} for kernel {}: {outcome}", build.target)))
}

fn json(id: &PackageId, build: &Build, others: &[&Build]) -> Result<()> {
    let document = Document {
        schema_version: 1,
        module: &id.module,
        version: &id.version,
        kernel: &build.target.kernel,
        arch: &build.target.arch,
        state: state(build),
        time: build.time.to_string(),
        log: build.log.as_ref().map(|log| log.display().to_string()),
        confinement: build.confinement.as_ref(),
        failed: build.failure.as_ref().map(FailedView::new),
        others: others
            .iter()
            .map(|other| Other { kernel: &other.target.kernel, arch: &other.target.arch, state: state(other) })
            .collect(),
    };
    output::json(&document)
}
