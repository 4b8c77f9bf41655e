//! What all actions of one invocation share.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::build::Shims;
use crate::conf::framework::Framework;
use crate::conf::{self, PackageConf, ReaderChoice, Request, Strictness, Variables};
use crate::error::{Error, Result};
use crate::flow::packages;
use crate::tree::{Package, PackageId, SourceState, Target, Tree, TreeLock};
use modsmith_facts::kernel::{Kernel, Lookup};
use modsmith_facts::{Location, Root, Roots, System, find_program};
use modsmith_plan::{Action, Builder, Executor, Jobs, Plan, Reporter};
use modsmith_plugins::Plugins;

/// Whether plans are run or shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Execute,
    DryRun,
}

/// What the command line says beside action, module and kernels.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub force: bool,
    pub force_version_override: bool,
    pub no_depmod: bool,
    pub no_initrd: bool,
    pub symlink_modules: bool,
    pub modprobe_on_install: bool,
    /// `--rpm_safe_upgrade`
    pub safe_upgrade: bool,
    /// `-j`: `Some(0)` is without limit.
    pub jobs: Option<u32>,
    /// `--directive`
    pub directives: Vec<(String, String)>,
    /// `--dkmsframework`
    pub framework: Option<PathBuf>,
    /// `-c`
    pub conf: Option<PathBuf>,
    /// `--config`
    pub kernel_config: Option<PathBuf>,
    /// `--no-prepare-kernel`
    pub no_prepare_kernel: bool,
    /// `--no-clean-kernel`
    pub no_clean_kernel: bool,
    /// `--kernelsourcedir`
    pub kernel_source_dir: Option<PathBuf>,
}

/// One invocation at work, or one of its threads: cheap to clone.
#[derive(Clone)]
pub struct Session<'a> {
    pub system: Arc<System>,
    pub tree: Arc<Tree>,
    pub framework: Arc<Framework>,
    pub plugins: Arc<Plugins>,
    pub reporter: &'a dyn Reporter,
    pub options: Arc<Options>,
    mode: Mode,
    /// Whether build commands run inside the target system: it has a shell and
    /// make of its own.
    builds_inside: bool,
    /// Whether depmod and boot image wait for the end of a transaction.
    pub(super) deferred: bool,
    /// Whether each build has a directory of its own, because others of the same
    /// package go on at the same time.
    pub(super) apart: bool,
    /// See [`Session::builds_several`].
    several: bool,
    pub(super) addon_modules_dir: Arc<OnceLock<Option<String>>>,
    pub(super) shared: Arc<Shared>,
}

/// What the threads of an invocation have in common.
pub(super) struct Shared {
    jobs: OnceLock<Jobs>,
    /// Made for the first build.
    shims: OnceLock<Option<Shims>>,
    plans: Mutex<Vec<Plan>>,
    said: Mutex<BTreeSet<Vec<String>>>,
    /// See [`Session::notice_once`].
    pub(super) said_of_packages: Mutex<BTreeSet<Vec<String>>>,
    /// Other kernels for which something waits for the end of the transaction.
    waiting: Mutex<BTreeSet<Target>>,
    /// Held while something is changed that packages have in common: a kernel's
    /// module directory, the signing key.
    common: Mutex<()>,
    /// Held while a kernel's own source tree is in the state of a build.
    kernel_tree: Mutex<()>,
    /// Whether a plan about a kernel has been carried out.
    changed: AtomicBool,
}

impl<'a> Session<'a> {
    pub fn new(
        system: Arc<System>,
        framework: Framework,
        plugins: Plugins,
        reporter: &'a dyn Reporter,
        options: Options,
        mode: Mode,
    ) -> Self {
        let builds_inside =
            system.is_live() || ["bash", "make"].iter().all(|name| find_program(&system.root, name).is_some());
        Self {
            tree: Arc::new(Tree::new(&system.roots)),
            system,
            framework: Arc::new(framework),
            plugins: Arc::new(plugins),
            reporter,
            options: Arc::new(options),
            mode,
            builds_inside,
            deferred: false,
            apart: false,
            several: false,
            addon_modules_dir: Arc::default(),
            shared: Arc::new(Shared {
                jobs: OnceLock::new(),
                shims: OnceLock::new(),
                plans: Mutex::default(),
                said: Mutex::default(),
                said_of_packages: Mutex::default(),
                waiting: Mutex::default(),
                common: Mutex::default(),
                kernel_tree: Mutex::default(),
                changed: AtomicBool::default(),
            }),
        }
    }

    /// The same invocation, heard by another reporter.
    pub(super) fn reporting_to<'b>(&self, reporter: &'b dyn Reporter) -> Session<'b>
    where
        'a: 'b,
    {
        Session { reporter, ..self.clone() }
    }

    /// The same invocation, as part of a transaction whose end is
    /// [`Session::finish_deferred`].
    pub(super) fn deferring(&self) -> Self {
        Self { deferred: true, ..self.clone() }
    }

    /// The same invocation, building this number of packages for one kernel.
    pub(super) fn building(&self, packages: usize) -> Self {
        Self { several: packages > 1, ..self.clone() }
    }

    /// The same invocation, building the same package for several kernels at
    /// once.
    pub(super) fn building_apart(&self) -> Self {
        Self { apart: true, ..self.clone() }
    }

    /// The budget of programs that run at the same time.
    pub fn jobs(&self) -> &Jobs {
        let limit = || self.options.jobs.unwrap_or_else(|| self.framework.parallel_jobs());
        self.shared.jobs.get_or_init(|| Jobs::new(limit()))
    }

    /// The shims of this invocation's builds. `None` in another system, which has
    /// its own programs.
    pub fn shims(&self) -> Option<&Shims> {
        let make = || {
            let used = self.system.is_live() && !self.is_dry_run();
            used.then(Shims::new).flatten()
        };
        self.shared.shims.get_or_init(make).as_ref()
    }

    /// Whether other packages are built for the same kernel meanwhile or next.
    pub fn builds_several(&self) -> bool {
        self.several
    }

    /// Keeps other threads from what packages have in common.
    pub(super) fn hold_common(&self) -> MutexGuard<'_, ()> {
        self.shared.common.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps other threads from preparing a kernel's source tree, or building
    /// against it, meanwhile.
    pub(super) fn hold_kernel_tree(&self) -> MutexGuard<'_, ()> {
        self.shared.kernel_tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the end of the transaction look after another kernel, too.
    pub(super) fn wait_for(&self, target: Target) {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(target);
    }

    /// The kernels that it has to look after, each told once.
    pub(super) fn waiting(&self) -> BTreeSet<Target> {
        std::mem::take(&mut *self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn is_dry_run(&self) -> bool {
        self.mode == Mode::DryRun
    }

    /// Takes the tree's lock and ends what a killed invocation began. A dry run
    /// takes none: it changes nothing.
    pub fn begin(&self) -> Result<Option<TreeLock>> {
        if self.is_dry_run() {
            return Ok(None);
        }
        let lock = TreeLock::acquire(self.tree.path(), |holder| {
            self.reporter.warning(&format!("Waiting for {holder}, which is changing the tree."));
        })?;
        self.recover(&lock)?;
        self.forget_stale();
        if !self.options.no_depmod {
            self.finish_forgotten()?;
        }
        Ok(Some(lock))
    }

    /// Ends what killed invocations began.
    pub fn recover(&self, lock: &TreeLock) -> Result<()> {
        let (pending, untrusted) = modsmith_plan::pending(self.tree.path())
            .map_err(|e| Error::io("read the journal in", self.tree.path(), e))?;
        for why in &untrusted {
            self.reporter.warning(&format!("{why}, so nothing was done about it. {}", why.remedy()));
        }
        pending.iter().try_for_each(|journal| self.executor().recover(journal))?;
        packages::clear_stale(lock.private());
        Ok(())
    }

    /// The plans of a dry run, in order.
    pub fn into_plans(self) -> Vec<Plan> {
        std::mem::take(&mut *self.shared.plans.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs a plan, or keeps it to be shown.
    pub fn run(&self, plan: Builder) -> Result<()> {
        let plan = plan.finish();
        if plan.steps.is_empty() {
            return Ok(());
        }
        match self.mode {
            Mode::Execute => {
                // Packages come and go without anybody's being told.
                if plan.roots.get(Root::Modules).is_some() {
                    self.shared.changed.store(true, Ordering::Relaxed);
                }
                Ok(self.executor().run(&plan)?)
            }
            Mode::DryRun => {
                self.shared.plans.lock().unwrap_or_else(PoisonError::into_inner).push(plan);
                Ok(())
            }
        }
    }

    /// Whether this invocation has changed anything for a kernel.
    pub(super) fn has_changed(&self) -> bool {
        self.shared.changed.load(Ordering::Relaxed)
    }

    /// Whether a dry run's plans so far write a file.
    pub(super) fn plans_write(&self, file: &Location) -> bool {
        let plans = self.shared.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let writes = |action: &Action| matches!(action, Action::WriteFile(write) if write.at == *file);
        plans.iter().any(|plan| plan.steps.iter().any(|step| writes(&step.action)))
    }

    /// A line for the user; a dry run shows plans instead.
    pub fn say(&self, text: impl AsRef<str>) {
        if !self.is_dry_run() {
            self.reporter.line(text.as_ref());
        }
    }

    /// Several lines for the user.
    pub fn say_lines(&self, texts: &[String]) {
        if !self.is_dry_run() {
            self.reporter.lines(texts);
        }
    }

    /// Lines that are the same for many packages: said the first time.
    pub(super) fn say_once(&self, lines: &[String]) {
        if self.shared.said.lock().unwrap_or_else(PoisonError::into_inner).insert(lines.to_vec()) {
            lines.iter().for_each(|line| self.say(line));
        }
    }

    pub(super) fn executor(&self) -> Executor<'_> {
        Executor { system: &self.system, guard: &*self.plugins, reporter: self.reporter, jobs: self.jobs() }
    }

    /// The facts of a kernel.
    pub fn kernel(&self, target: &Target) -> Arc<Kernel> {
        let lookup = Lookup {
            system: &self.system,
            source_dir: self.options.kernel_source_dir.as_deref(),
            config: self.options.kernel_config.as_deref(),
        };
        Arc::new(lookup.kernel(&target.kernel, &target.arch, |kernel| {
            let kernel = Arc::new(self.bare_kernel(kernel));
            self.plugins.header_dirs(&kernel).unwrap_or_else(|e| {
                self.reporter.warning(&e.message);
                Vec::new()
            })
        }))
    }

    /// A kernel without headers, as plugins are asked about it.
    fn bare_kernel(&self, kernel: &Kernel) -> Kernel {
        Kernel::new(modsmith_facts::kernel::KernelInput {
            release: kernel.release().to_owned(),
            arch: kernel.arch().to_owned(),
            machine: kernel.machine().to_owned(),
            module_dir: kernel.module_dir().to_path_buf(),
            headers: None,
            source_dir: kernel.source_dir().to_path_buf(),
            config_file: None,
            running: kernel.running(),
        })
    }

    /// The roots of a plan for a package and, where given, a kernel.
    pub fn roots(&self, package: &Package, kernel: Option<&Kernel>) -> Roots {
        let mut roots = self.system.roots.clone();
        roots.set(Root::Source, &package.source);
        if let Some(kernel) = kernel {
            roots.set(Root::Modules, kernel.module_dir());
            if let Some(headers) = kernel.headers() {
                roots.set(Root::Headers, headers);
            }
        }
        roots
    }

    /// A path of this machine as build commands will see it.
    pub fn seen_by_build(&self, path: &Path) -> String {
        let seen = if self.builds_inside { self.system.inside(path) } else { path.to_path_buf() };
        seen.display().to_string()
    }

    /// The kernel's build directory as build commands will see it.
    pub fn kernel_source_dir(&self, kernel: &Kernel) -> String {
        match (self.builds_inside, kernel.headers()) {
            (false, Some(headers)) => headers.display().to_string(),
            _ => kernel.source_dir().display().to_string(),
        }
    }

    /// The shell variables that a dkms.conf may read.
    pub fn variables(&self, package: &Package, kernel: &Kernel) -> Variables {
        let root = |root| self.system.roots.get(root).map(|p| self.seen_by_build(p)).unwrap_or_default();
        Variables {
            kernelver: kernel.release().to_owned(),
            arch: kernel.arch().to_owned(),
            kernel_source_dir: self.kernel_source_dir(kernel),
            kernel_config: kernel.config_file().map(|p| self.seen_by_build(p)).unwrap_or_default(),
            dkms_tree: root(Root::Tree),
            source_tree: root(Root::SourceTree),
            install_tree: root(Root::InstallTree),
            module: package.id.module.clone(),
            module_version: package.id.version.clone(),
        }
    }

    /// Reads and validates a package's dkms.conf for a kernel.
    pub fn conf(&self, package: &Package, kernel: &Kernel, strictness: Strictness) -> Result<PackageConf> {
        self.conf_with(package, kernel, strictness, self.override_files(package, kernel))
    }

    /// The same with the override files that may exist.
    pub(super) fn conf_with(
        &self,
        package: &Package,
        kernel: &Kernel,
        strictness: Strictness,
        overrides: Vec<PathBuf>,
    ) -> Result<PackageConf> {
        let evaluated = self.evaluate_with(package, kernel, overrides)?;
        if strictness == Strictness::Strict {
            evaluated.stderr.trim_end().lines().for_each(|line| self.notice_once(&evaluated, line));
        }
        let mut conf = PackageConf::from_evaluated(&evaluated, kernel.release(), strictness)?;
        conf.exclude(kernel);
        Ok(conf)
    }

    /// Reads a package's dkms.conf for a kernel.
    pub fn evaluate(&self, package: &Package, kernel: &Kernel) -> Result<conf::Evaluated> {
        self.evaluate_with(package, kernel, self.override_files(package, kernel))
    }

    fn override_files(&self, package: &Package, kernel: &Kernel) -> Vec<PathBuf> {
        let (module, version) = (&package.id.module, &package.id.version);
        conf::override_files(&self.overrides_dir(), module, version, kernel.release(), kernel.arch())
    }

    fn evaluate_with(&self, package: &Package, kernel: &Kernel, overrides: Vec<PathBuf>) -> Result<conf::Evaluated> {
        let file = self.conf_file(package);
        let variables = self.variables(package, kernel);
        conf::evaluate(&Request {
            conf: &file,
            overrides,
            variables: &variables,
            directives: &self.options.directives,
            reader: ReaderChoice::Auto,
        })
    }

    /// A registered package, ready to be worked on.
    pub fn package(&self, id: &PackageId) -> Result<Package> {
        let entry = self.tree.entry(id).ok_or_else(|| crate::tree::not_in_tree(&self.tree, id))?;
        match entry.source {
            SourceState::Present(source) => Ok(Package { id: entry.id, source }),
            SourceState::Broken => Err(Error::new(
                crate::error::Kind::Broken,
                format!("{id} is broken: {} leads to nothing.", self.tree.real(&id.source_link()).display()),
            )
            .hint(format!(
                "Put the source back at {} and run `dkms add {id}`, or delete {}.",
                self.system.roots.path(&id.source_dir()).unwrap_or_default().display(),
                self.tree.real(&id.version_dir()).display()
            ))),
        }
    }
}
