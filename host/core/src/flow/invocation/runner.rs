//! Plans are carried out, or, in a dry run, kept to be shown. Flows do not ask which it is: they
//! say what comes after a plan that was carried out.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::build::Shims;
use crate::error::{Error, Result};
use crate::event::{Level, Observer, Work};
use crate::flow::depmod;
use crate::flow::invocation::env::Env;
use crate::flow::invocation::reporter::TaskReporter;
use crate::tree::{PackageId, Target, TreeLock};
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Builder, Executor, Files, Jobs, PRIVATE_DIR, Plan, STAGING_PREFIX, verbs};

/// Whether plans are run or shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Execute,
    DryRun,
}

/// Carries out plans, and says what comes of them.
#[derive(Clone)]
pub struct Runner<'a> {
    pub reporter: TaskReporter<'a>,
    env: Arc<Env>,
    shared: Arc<Shared>,
}

/// State that the threads of an invocation share.
struct Shared {
    kind: Kind,
    jobs: OnceLock<Jobs>,
    said: Mutex<BTreeSet<Vec<String>>>,
    /// How many pieces of work have begun.
    begun: AtomicUsize,
    /// How many paths of staging directories were given out.
    staged: AtomicUsize,
}

enum Kind {
    Live(Live),
    DryRun(DryRun),
}

#[derive(Default)]
struct Live {
    /// Made for the first build.
    shims: OnceLock<Option<Shims>>,
    /// Whether a plan about a kernel has been carried out.
    changed: AtomicBool,
}

#[derive(Default)]
struct DryRun {
    plans: Mutex<Vec<Plan>>,
}

/// What happens to plans that are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlanFate {
    CarriedOut,
    Shown,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(env: Arc<Env>, observer: &'a dyn Observer, mode: Mode) -> Self {
        let kind = match mode {
            Mode::Execute => Kind::Live(Live::default()),
            Mode::DryRun => Kind::DryRun(DryRun::default()),
        };
        let (jobs, said) = (OnceLock::new(), Mutex::default());
        let (begun, staged) = (AtomicUsize::default(), AtomicUsize::default());
        let shared = Arc::new(Shared { kind, jobs, said, begun, staged });
        Self { reporter: TaskReporter::new(observer), env, shared }
    }

    /// The same runner, with events about a piece of work.
    pub(crate) fn about(&self, work: Arc<Work>) -> Self {
        Self { reporter: self.reporter.about(work), ..self.clone() }
    }

    /// The number of the next piece of work.
    pub(crate) fn next_number(&self) -> usize {
        self.shared.begun.fetch_add(1, Ordering::Relaxed)
    }

    /// Carries a plan out, or keeps it to be shown.
    pub fn run(&self, plan: Builder) -> Result<()> {
        let plan = plan.finish();
        if plan.steps.is_empty() {
            return Ok(());
        }
        match &self.shared.kind {
            Kind::Live(live) => {
                // Packages may be added and removed by other programs meanwhile.
                if plan.roots.get(Root::Modules).is_some() {
                    live.changed.store(true, Ordering::Relaxed);
                }
                Ok(self.executor().run(&plan)?)
            }
            Kind::DryRun(dry_run) => {
                dry_run.plans().push(plan);
                Ok(())
            }
        }
    }

    /// Carries a plan out that changes nothing outside its staging directory: in a
    /// dry run, too.
    pub(crate) fn run_in_staging(&self, plan: Builder) -> Result<()> {
        Ok(self.executor().run(&plan.finish())?)
    }

    pub(crate) fn executor(&self) -> Executor<'_> {
        Executor {
            system: &self.env.system,
            guard: &self.env.plugins,
            reporter: &self.reporter,
            jobs: self.jobs(),
            reruns: depmod::command,
        }
    }

    /// Does what only makes sense once the plans so far have been carried out.
    /// `None` where they are only shown.
    pub fn after_success<T>(&self, next: impl FnOnce() -> T) -> Option<T> {
        matches!(self.shared.kind, Kind::Live(_)).then(next)
    }

    /// What becomes of the plans so far.
    pub(crate) fn fate_of_plans(&self) -> PlanFate {
        match self.shared.kind {
            Kind::Live(_) => PlanFate::CarriedOut,
            Kind::DryRun(_) => PlanFate::Shown,
        }
    }

    /// Where a directory is that the plans so far move: at its new path once they are carried out,
    /// at its old path if they are only shown.
    pub(crate) fn path_after_plans(&self, old: PathBuf, new: PathBuf) -> PathBuf {
        match self.fate_of_plans() {
            PlanFate::CarriedOut => new,
            PlanFate::Shown => old,
        }
    }

    /// A new path for a staging directory in the tree. `None` if plans are only shown: a dry run
    /// makes nothing in the tree.
    pub(crate) fn staging_path(&self) -> Option<PathBuf> {
        // A directory that is there when the invocation is killed is deleted by the next one.
        let number = || self.shared.staged.fetch_add(1, Ordering::Relaxed);
        let name = || format!("{STAGING_PREFIX}{}-{}", std::process::id(), number());
        self.after_success(|| self.env.tree.path().join(PRIVATE_DIR).join(name()))
    }

    /// Records a failure. A dry run records none: it has attempted nothing.
    pub(crate) fn after_failure(&self, error: Error, remember: impl FnOnce(Error) -> Error) -> Error {
        match self.shared.kind {
            Kind::Live(_) => remember(error),
            Kind::DryRun(_) => error,
        }
    }

    /// Takes the tree's lock, where something is going to be changed.
    pub(crate) fn lock(&self) -> Result<Option<TreeLock>> {
        let lock = || {
            TreeLock::acquire(self.env.tree.path(), self.env.environment.command(), |holder| {
                self.reporter.warning(&format!("Waiting for {holder}, which is changing the tree."));
            })
        };
        self.after_success(lock).transpose()
    }

    /// Makes a change under the tree's lock, if the lock is free and the tree can be written.
    /// `false` if not. A dry run makes no change and needs no lock.
    pub(crate) fn with_free_lock(&self, change: impl FnOnce(&TreeLock) -> Result<()>) -> Result<bool> {
        match self.after_success(|| TreeLock::try_acquire(self.env.tree.path(), self.env.environment.command())) {
            Some(Some(lock)) => change(&lock).map(|()| true),
            Some(None) => Ok(false),
            None => Ok(true),
        }
    }

    /// The budget of programs that run at the same time.
    pub fn jobs(&self) -> &Jobs {
        let limit = || self.env.options.jobs.unwrap_or_else(|| self.env.framework.parallel_jobs());
        self.shared.jobs.get_or_init(|| Jobs::new(limit()))
    }

    /// How many packages are worked on at once. Plans are shown in order.
    pub(crate) fn workers(&self) -> usize {
        match self.shared.kind {
            Kind::Live(_) => self.jobs().workers(),
            Kind::DryRun(_) => 1,
        }
    }

    /// The shims of this invocation's builds. `None` in another system, which has
    /// its own programs, and where nothing is built.
    pub(crate) fn shims(&self) -> Option<&Shims> {
        let Kind::Live(live) = &self.shared.kind else { return None };
        let make = || self.env.system.is_live().then(|| Shims::new(&self.env.environment)).flatten();
        live.shims.get_or_init(make).as_ref()
    }

    /// The module files that are built for a kernel. `None` where a plan that is
    /// only shown would build them.
    pub(crate) fn products(&self, id: &PackageId, target: &Target) -> Option<Vec<String>> {
        let tree = &self.env.tree;
        let is_there = match &self.shared.kind {
            Kind::Live(_) => true,
            Kind::DryRun(dry_run) => tree.is_built(id, target) && !dry_run.makes(&id.target_dir(target)),
        };
        is_there.then(|| tree.products(id, target))
    }

    /// Whether the plans so far leave a file in the tree.
    pub(crate) fn has_left(&self, file: &Location) -> bool {
        match &self.shared.kind {
            Kind::Live(_) => self.env.tree.real(file).exists(),
            Kind::DryRun(dry_run) => dry_run.writes(file),
        }
    }

    /// The directories of a version that the plans so far leave, but for its source, its build
    /// directory, and the results of package formats: names, sorted.
    pub(crate) fn directories_left(&self, id: &PackageId) -> Vec<String> {
        let mut names = self.env.tree.other_directories(id);
        if let Kind::DryRun(dry_run) = &self.shared.kind {
            let files = Files::new(self.env.system.roots.clone());
            names.retain(|name| !id.version_dir().join(name).is_ok_and(|path| dry_run.deletes(&path, &files)));
        }
        names
    }

    /// Whether anything has been changed for a kernel.
    pub(crate) fn has_changed_kernels(&self) -> bool {
        matches!(&self.shared.kind, Kind::Live(live) if live.changed.load(Ordering::Relaxed))
    }

    /// A warning that is the same for many packages.
    pub(crate) fn warn_once(&self, text: &str) {
        if self.shared.said.lock().unwrap_or_else(PoisonError::into_inner).insert(vec![text.to_owned()]) {
            self.reporter.warning(text);
        }
    }

    /// The plans that were kept, in order.
    pub(crate) fn take_plans(&self) -> Vec<Plan> {
        match &self.shared.kind {
            Kind::Live(_) => Vec::new(),
            Kind::DryRun(dry_run) => std::mem::take(&mut dry_run.plans()),
        }
    }

    /// A line for the user; a dry run shows plans instead.
    pub fn say(&self, text: impl AsRef<str>) {
        self.after_success(|| self.reporter.line(text.as_ref()));
    }

    /// A line for those who read dkms's lines: the events of the packages say the same.
    pub(crate) fn say_echo(&self, text: &str) {
        self.after_success(|| self.reporter.echo(Level::Line, text));
    }

    /// Several lines for the user.
    pub fn say_lines(&self, texts: &[String]) {
        self.after_success(|| self.reporter.lines(texts));
    }

    /// Lines that are the same for many packages: said the first time.
    pub(crate) fn say_once(&self, lines: &[String]) {
        if self.shared.said.lock().unwrap_or_else(PoisonError::into_inner).insert(lines.to_vec()) {
            lines.iter().for_each(|line| self.say(line));
        }
    }

    /// Lines of advice to the user that are the same for many packages: said the first time.
    pub(crate) fn advise_once(&self, lines: &[String]) {
        let is_new = || self.shared.said.lock().unwrap_or_else(PoisonError::into_inner).insert(lines.to_vec());
        if !lines.is_empty() && is_new() {
            self.after_success(|| self.reporter.advice(lines));
        }
    }
}

impl DryRun {
    /// Whether one of the plans renames something to a place.
    fn makes(&self, place: &Location) -> bool {
        let makes = |action: &Action| matches!(action, Action::Rename(verbs::Rename { to, .. }) if to == place);
        self.plans().iter().any(|plan| plan.steps.iter().any(|step| makes(&step.action)))
    }

    /// Whether the plans delete a directory: it is removed, or all that it holds is removed and it
    /// is pruned.
    fn deletes(&self, directory: &Location, files: &Files) -> bool {
        let (mut removed, mut pruned) = (BTreeSet::new(), BTreeSet::new());
        for step in self.plans().iter().flat_map(|plan| &plan.steps) {
            match &step.action {
                Action::Remove(verbs::Remove { location }) => _ = removed.insert(location.clone()),
                Action::Prune(verbs::Prune { location, .. }) => _ = pruned.insert(location.clone()),
                _ => {}
            }
        }
        let is_emptied = || {
            let is_removed = |name: &OsString| directory.join(name).is_ok_and(|path| removed.contains(&path));
            files.entries(directory).is_ok_and(|names| names.iter().all(is_removed))
        };
        removed.contains(directory) || (pruned.contains(directory) && is_emptied())
    }

    fn plans(&self) -> MutexGuard<'_, Vec<Plan>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one of the plans writes a file.
    fn writes(&self, file: &Location) -> bool {
        let writes = |action: &Action| matches!(action, Action::WriteFile(verbs::WriteFile { location, .. }) if location == file);
        self.plans().iter().any(|plan| plan.steps.iter().any(|step| writes(&step.action)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::Roots;

    /// Whether plans delete a kernel's directory that has these directories, if they remove some of
    /// them and prune the kernel's directory.
    fn deletes(directories: &[&str], removed: &[&str]) -> bool {
        let tree = tempfile::tempdir().unwrap();
        for directory in directories {
            std::fs::create_dir_all(tree.path().join("m/1/6.1").join(directory)).unwrap();
        }
        let roots = Roots::default().with(Root::Tree, tree.path());
        let kernel = Location::new(Root::Tree, "m/1/6.1").unwrap();
        let mut plan = Builder::new("unbuild m/1", roots.clone());
        for name in removed {
            plan.push(verbs::Remove { location: kernel.join(name).unwrap() }, "");
        }
        plan.push(verbs::Prune::from(kernel.clone()), "");
        let dry_run = DryRun::default();
        dry_run.plans().push(plan.finish());
        dry_run.deletes(&kernel, &Files::new(roots))
    }

    #[test]
    fn a_directory_is_deleted_by_the_plans_that_remove_all_it_holds() {
        assert!(deletes(&["x86_64/module"], &["x86_64"]));
        assert!(deletes(&["x86_64/module", "aarch64/module"], &["x86_64", "aarch64"]));
        assert!(!deletes(&["x86_64/module", "aarch64/log"], &["x86_64"]));
        assert!(!deletes(&["x86_64/module", ".tmp_x86_64_1"], &["x86_64"]));
        assert!(!deletes(&["x86_64/log"], &[]));
    }

    #[test]
    fn a_directory_that_no_plan_names_stays() {
        let roots = Roots::default().with(Root::Tree, "/nonexistent");
        let kernel = Location::new(Root::Tree, "m/1/6.1").unwrap();
        assert!(!DryRun::default().deletes(&kernel, &Files::new(roots)));
    }
}
