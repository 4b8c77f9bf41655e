//! Building and installing all registered packages for a kernel.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::conf::SettingsFile;
use crate::conf::criticality::{Criticality, FILE, Settings};
use crate::conf::{Strictness, version};
use crate::error::{Error, ExitCodes, Kind, Result};
use crate::event::{End as WorkEnd, Job, Level, Outcome, Skip};
use crate::flow::Invocation;
use crate::flow::actions::dependents::rebuild_each_dependent;
use crate::flow::actions::parallel::{self, End, Task};
use crate::flow::build::failures::remember;
use crate::flow::build::package::build_package;
use crate::flow::install::load_modules::plan_load;
use crate::flow::install::package::install_package;
use crate::flow::invocation::reporter::TaskReporter;
use crate::flow::recipe::preconditions::{check_dependencies, check_headers};
use crate::flow::transaction::{self, begin};
use crate::tree::{Package, PackageEntry, PackageId, SourceState, Target};
use modsmith_facts::Root;
use modsmith_facts::kernel::Kernel;
use modsmith_plan::Builder;
use modsmith_plugins::Occasion;

/// A package that is to be installed.
struct Wanted {
    package: Package,
    /// Packages that have to be installed before it.
    needs: BTreeSet<String>,
}

/// A package whose turn did not come.
struct Left<'p> {
    package: &'p Package,
    /// The packages that it needs and that were not installed.
    needs: BTreeSet<String>,
    /// Whether it waits for packages that are not registered: they may come later,
    /// as when a package manager installs several in any order.
    deferred: bool,
}

/// The names of the packages by their result.
#[derive(Default)]
struct Results {
    installed: Vec<String>,
    skipped: Vec<String>,
    failed: Vec<String>,
    /// Packages that failed and that a kernel can be used without.
    optional_failed: Vec<String>,
    /// Which packages these are.
    criticality: Settings,
    /// Whether anything was installed that was not.
    changed: bool,
}

/// The `autoinstall` action: builds and installs the newest version of each
/// package whose dkms.conf asks for it, as many at a time as there are jobs,
/// dependencies first, with one depmod and one boot image at the end.
///
/// Errors: headers that are missing end it at once; a package that fails
/// does not keep the others from being installed.
pub fn autoinstall(run: &Invocation<'_>, target: &Target) -> Result<()> {
    let etc = run.env.system.roots.get(Root::Etc).unwrap_or(std::path::Path::new("/etc"));
    let switch = etc.join("dkms/no-autoinstall");
    if switch.exists() {
        run.runner.say(format!("Nothing is installed automatically: {} exists.", switch.display()));
        return Ok(());
    }
    let _lock = begin(run)?;
    let kernel = run.kernel(target);
    let mut results = Results { criticality: criticality(run), ..Results::default() };
    let mut wanted = wanted(run, &kernel, target, &mut results)?;
    if wanted.is_empty() {
        return match results.failed.is_empty() && results.optional_failed.is_empty() {
            true => Ok(()),
            // A dkms.conf that cannot be read fails each time, not only when others have work.
            false => summarise(run, target, &results, Vec::new()),
        };
    }
    if let Err(error) = check_headers(run, &kernel) {
        return fail_without_headers(run, error, &wanted, &mut results, &kernel, target);
    }
    if run.runner.workers() > 1 {
        // The largest packages begin first, so that none of them is alone at the end.
        wanted.sort_by_cached_key(|w| Reverse(source_size(&w.package.source) / SMALL_SOURCE));
    }
    let task = |w: &Wanted| Task { name: w.package.id.module.clone(), needs: w.needs.clone() };
    let tasks: Vec<Task> = wanted.iter().map(task).collect();
    let together = run.in_transaction().building(tasks.len());
    let begin = |task: usize| together.begin_work(Job::Install, &wanted[task].package.id, target);
    let done = parallel::run(&tasks, run.runner.workers(), &run.runner.reporter, begin, |task, working| {
        let result = autoinstall_package(&working.run, &wanted[task].package, &kernel, target);
        working.end(&result);
        let end = match &result {
            Ok(_) => End::Settled,
            Err(error) if error.kind == Kind::Excluded => End::Settled,
            Err(error) if error.kind == Kind::Interrupted => End::Stop,
            Err(_) => End::Unsettled,
        };
        (end, result)
    });
    for (task, result) in done.results {
        count_with_dependents(&together, &wanted[task].package.id, result.map(drop), &mut results, &kernel, target)?;
    }
    let finished = transaction::finish(run, &kernel, Occasion::Installed);
    if results.changed {
        let mut plan = Builder::new(format!("load modules into {}", target.kernel), run.env.system.roots.clone());
        plan_load(run, &kernel, &mut plan)?;
        run.runner.run(plan)?;
    }
    let left: Vec<_> = done.left.into_iter().map(|(task, needs)| (&wanted[task].package, needs)).collect();
    let left = sort_left(run, left)?;
    left.iter().for_each(|left| tell_left(run, left, &kernel, target));
    summarise(run, target, &results, left)?;
    finished
}

/// Fails all packages, because the headers are missing. If all of them are optional, that is no
/// error.
fn fail_without_headers(
    run: &Invocation<'_>,
    error: Error,
    wanted: &[Wanted],
    results: &mut Results,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Result<()> {
    for Wanted { package, .. } in wanted.iter().filter(|w| !run.env.tree.is_built(&w.package.id, target)) {
        remember(run, error.repeated(), None, package, kernel, target);
    }
    if !wanted.iter().all(|w| results.is_optional(&w.package.id)) {
        return Err(error);
    }
    report_error(&error, &run.runner.reporter);
    wanted.iter().for_each(|w| results.fail(&w.package.id, run.env.options.exit_codes.of(error.kind)));
    summarise(run, target, results, Vec::new())
}

/// Counts a package. If it was installed, the packages that depend on it are built again, and those
/// of them that fail are counted, too.
///
/// Errors: the user's interruption.
fn count_with_dependents(
    run: &Invocation<'_>,
    id: &PackageId,
    result: Result<()>,
    results: &mut Results,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Result<()> {
    let installed = result.is_ok();
    results.count(id, result, run.env.options.exit_codes)?;
    if !installed {
        return Ok(());
    }
    for (dependent, error) in rebuild_each_dependent(run, id, kernel, target)? {
        report_error(&error, &run.runner.reporter);
        results.count(&dependent, Err(error), run.env.options.exit_codes)?;
    }
    Ok(())
}

/// The administrator's file about criticality. If it cannot be read, no package is optional, so that
/// every failure counts.
fn criticality(run: &Invocation<'_>) -> Settings {
    Settings::read().unwrap_or_else(|error| {
        run.runner.reporter.warning(&error.message);
        Settings::default()
    })
}

/// The packages of the tree, but for those with names that no package has now.
pub(crate) fn usable_entries(run: &Invocation<'_>) -> Result<Vec<PackageEntry>> {
    let mut entries = run.env.tree.entries()?;
    entries.retain(|entry| match entry.id.fault() {
        None => true,
        Some(why) => {
            let directory = run.env.tree.real(&entry.id.version_dir());
            run.runner.reporter.warning(&format!(
                "{} is skipped because of its name: {why}. Delete {}, or give it another name.",
                entry.id,
                directory.display()
            ));
            false
        }
    });
    Ok(entries)
}

/// The newest version of each module that is not installed yet.
fn wanted(run: &Invocation<'_>, kernel: &Arc<Kernel>, target: &Target, results: &mut Results) -> Result<Vec<Wanted>> {
    let mut newest: BTreeMap<String, PackageEntry> = BTreeMap::new();
    for entry in usable_entries(run)? {
        if entry.source == SourceState::Broken {
            run.runner.reporter.warning(&format!(
                "{} is broken: {}. It is skipped.",
                entry.id,
                run.env.why_broken(&entry.id).0
            ));
            continue;
        }
        let known = newest.get(&entry.id.module);
        if known.is_none_or(|known| version::compare(&known.id.version, &entry.id.version).is_lt()) {
            newest.insert(entry.id.module.clone(), entry);
        }
    }
    let mut wanted = Vec::new();
    for entry in newest.into_values() {
        if run.env.tree.active_version(&entry.id.module, target).as_deref() == Some(entry.id.version.as_str()) {
            run.skip_work(Job::Install, &entry.id, target, Skip::AlreadyInstalled, String::new());
            results.installed.push(entry.id.module);
            continue;
        }
        let SourceState::Present(source) = entry.source else { continue };
        let package = Package { id: entry.id, source };
        match run.conf(&package, kernel, Strictness::Lenient) {
            Ok(conf) if conf.autoinstall => {
                wanted.push(Wanted { needs: conf.build_depends.into_iter().collect(), package });
            }
            Ok(_) => {}
            // A dkms.conf that cannot be read does not keep other packages from being installed.
            Err(error) => {
                run.runner.reporter.echo(Level::Warning, &error.message);
                error.details.iter().for_each(|line| run.runner.reporter.echo(Level::Notice, line));
                run.fail_work(Job::Install, &package.id, target, &error);
                results.fail(&package.id, run.env.options.exit_codes.of(error.kind));
            }
        }
    }
    for package in &mut wanted {
        package.needs.retain(|needed| !results.installed.contains(needed));
    }
    Ok(wanted)
}

fn autoinstall_package(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
) -> Result<WorkEnd> {
    run.runner.say(format!("Autoinstall of module {} for kernel {target}", package.id));
    let built = match run.env.tree.is_built(&package.id, target) {
        true => Ok(()),
        false => build_package(run, package, kernel, target),
    };
    let result = built.and_then(|()| install_package(run, package, kernel, target));
    if let Err(error) = &result {
        report_error(error, &run.runner.reporter);
    }
    run.runner.say("");
    result.map(|()| WorkEnd::Done(Outcome::Installed))
}

/// Tells packages that wait for one that is not registered from those whose
/// dependency could not be installed. A package that waits for a waiting package is
/// treated like that one.
fn sort_left<'p>(run: &Invocation<'_>, left: Vec<(&'p Package, BTreeSet<String>)>) -> Result<Vec<Left<'p>>> {
    let registered: BTreeSet<String> = run.env.tree.entries()?.into_iter().map(|entry| entry.id.module).collect();
    let mut left: Vec<_> = left.into_iter().map(|(package, needs)| Left { package, needs, deferred: false }).collect();
    loop {
        let deferred: BTreeSet<String> =
            left.iter().filter(|left| left.deferred).map(|left| left.package.id.module.clone()).collect();
        let comes = |needed: &String| !registered.contains(needed) || deferred.contains(needed);
        for left in &mut left {
            left.deferred = left.needs.iter().all(comes);
        }
        if left.iter().filter(|left| left.deferred).count() == deferred.len() {
            return Ok(left);
        }
    }
}

/// Reports why a package was not installed. If only its dependencies failed, a failed build is
/// recorded.
fn tell_left(run: &Invocation<'_>, left: &Left<'_>, kernel: &Arc<Kernel>, target: &Target) {
    let Left { package, needs, deferred } = left;
    if *deferred {
        let needs = needs.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let text = format!("{} needs packages that are not registered: {needs}.", package.id);
        return run.skip_work(Job::Install, &package.id, target, Skip::Deferred, text);
    }
    let conf = run.conf(package, kernel, Strictness::Lenient);
    if let Err(error) = conf.and_then(|conf| check_dependencies(run, package, &conf, target)) {
        let error = remember(run, error, None, package, kernel, target);
        run.fail_work(Job::Install, &package.id, target, &error);
    }
}

fn summarise(run: &Invocation<'_>, target: &Target, results: &Results, left: Vec<Left<'_>>) -> Result<()> {
    let kernel = &target.kernel;
    for (what, modules) in
        [("succeeded", &results.installed), ("was skipped", &results.skipped), ("failed", &results.failed)]
    {
        if !modules.is_empty() {
            run.runner.say_echo(&format!("Autoinstall on {kernel} {what} for module(s) {}.", modules.join(" ")));
        }
    }
    for Left { package, needs, deferred } in &left {
        let missing = needs.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        run.runner.say_echo(&match deferred {
            true => {
                format!("{} autoinstall deferred: it needs packages that are not registered: {missing}.", package.id)
            }
            false => format!("{} autoinstall failed due to missing dependencies: {missing}.", package.id),
        });
    }
    if !results.optional_failed.is_empty() {
        run.runner.say(format!(
            "Autoinstall on {kernel} failed for optional module(s) {}, which fails nothing else ({FILE}).",
            results.optional_failed.join(" ")
        ));
    }
    if results.failed.is_empty() && left.iter().all(|left| left.deferred || results.is_optional(&left.package.id)) {
        return Ok(());
    }
    Err(Error::new(Kind::AutoinstallFailed, format!("Not all modules could be installed for kernel {target}."))
        .hint("The lines above say which and why; `dkms autoinstall` tries the missing ones again."))
}

impl Results {
    /// Whether a kernel can be used without a package.
    fn is_optional(&self, id: &PackageId) -> bool {
        self.criticality.criticality(&id.module, &id.version) == Some(Criticality::Optional)
    }

    /// Counts a package that failed with this exit code.
    fn fail(&mut self, id: &PackageId, code: u8) {
        let failed = format!("{}({code})", id.module);
        if self.is_optional(id) { self.optional_failed.push(failed) } else { self.failed.push(failed) }
    }

    /// Errors: the user's interruption.
    fn count(&mut self, id: &PackageId, result: Result<()>, codes: ExitCodes) -> Result<()> {
        match result {
            Ok(()) => {
                self.installed.push(id.module.clone());
                self.changed = true;
            }
            Err(error) if error.kind == Kind::Interrupted => return Err(error),
            Err(error) if error.kind == Kind::Excluded => self.skipped.push(id.module.clone()),
            Err(error) => self.fail(id, codes.of(error.kind)),
        }
        Ok(())
    }
}

/// Bytes of C source below which packages take about as long as each other: they
/// keep their order.
const SMALL_SOURCE: u64 = 256 * 1024;

/// Bytes of C source in a directory: how long a build takes, roughly.
fn source_size(directory: &Path) -> u64 {
    let size = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => source_size(&entry.path()),
        Ok(kind) if kind.is_file() && entry.path().extension().is_some_and(|suffix| suffix == "c") => {
            entry.metadata().map_or(0, |metadata| metadata.len())
        }
        _ => 0,
    };
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(size).sum()
}

/// An error that is not the end of the action.
fn report_error(error: &Error, reporter: &TaskReporter<'_>) {
    match error.kind {
        Kind::Interrupted => {}
        Kind::Excluded => reporter.echo(Level::Warning, &error.message),
        _ => {
            reporter.echo(Level::Notice, &format!("Error! {}", error.message));
            error.details.iter().chain(&error.hints).for_each(|line| reporter.echo(Level::Notice, line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::source_size;

    #[test]
    fn only_c_sources_count_wherever_they_are() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("src/deep")).unwrap();
        for (file, size) in [("a.c", 10), ("src/b.c", 20), ("src/deep/c.c", 40), ("firmware.bin", 5000), ("c", 7)] {
            std::fs::write(dir.path().join(file), vec![b'x'; size]).unwrap();
        }
        assert_eq!(source_size(dir.path()), 70);
        assert_eq!(source_size(&dir.path().join("missing")), 0);
    }
}
