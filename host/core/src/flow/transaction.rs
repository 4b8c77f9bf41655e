//! The end of a change of several packages: depmod and the boot image run once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::build::log_head;
use crate::conf::Variables;
use crate::conf::framework::Framework;
use crate::error::{Error, Result};
use crate::flow::boot_image::plan_boot_image;
use crate::flow::failures::forget_stale;
use crate::flow::install::plan_depmod;
use crate::flow::kernel_events::run_kernel_hooks;
use crate::flow::kernel_tree::clean_kernel_tree;
use crate::flow::packages;
use crate::flow::runner::TryLock;
use crate::flow::{Invocation, script};
use crate::tree::{Target, TreeLock};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root, TrustedDir, find_program};
use modsmith_plan::{Action, Builder, Bytes, Command, Environment, PRIVATE_DIR, RunsIn, Undo, verbs};
use modsmith_plugins::{Event, Occasion, PackageFacts};

/// The change that an invocation is: what its threads may do one at a time only,
/// and what waits for its end.
#[derive(Clone, Default)]
pub struct Transaction {
    /// Whether depmod and boot image wait for the end.
    is_open: bool,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Other kernels for which something waits for the end.
    waiting: Mutex<BTreeSet<Target>>,
    /// The packages whose modules change, by the kernel's release.
    packages: Mutex<BTreeMap<String, Vec<Arc<PackageFacts>>>>,
    /// Held while something is changed that packages have in common: a kernel's
    /// module directory, the signing key.
    common: Mutex<()>,
    /// Held while a kernel's own source tree is in the state of a build.
    kernel_tree: Mutex<()>,
}

impl Transaction {
    /// The same transaction; its end is [`finish`].
    pub(super) fn opened(&self) -> Self {
        Self { is_open: true, shared: self.shared.clone() }
    }

    /// Whether depmod and boot image wait for the end.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
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
        self.waiting().insert(target);
    }

    /// Remembers that modules of a package change for a kernel.
    pub(super) fn note_change(&self, kernel: &Kernel, package: PackageFacts) {
        let mut changed = self.shared.packages.lock().unwrap_or_else(PoisonError::into_inner);
        let packages = changed.entry(kernel.release().to_owned()).or_default();
        packages.retain(|known| known.name != package.name);
        packages.push(Arc::new(package));
    }

    /// The packages whose modules change for a kernel, in this invocation.
    pub(super) fn changed(&self, kernel: &Kernel) -> Vec<Arc<PackageFacts>> {
        let changed = self.shared.packages.lock().unwrap_or_else(PoisonError::into_inner);
        changed.get(kernel.release()).cloned().unwrap_or_default()
    }

    /// The kernels that it has to finish, each once.
    fn take_waiting(&self) -> BTreeSet<Target> {
        std::mem::take(&mut self.waiting())
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<Target>> {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the tree's lock and ends what a killed invocation began. A dry run
/// takes none: it changes nothing.
pub(super) fn begin(run: &Invocation<'_>) -> Result<Option<TreeLock>> {
    let Some(lock) = run.runner.lock()? else { return Ok(None) };
    recover(run, &lock)?;
    forget_stale(run);
    if !run.env.options.no_depmod {
        finish_forgotten(run)?;
    }
    Ok(Some(lock))
}

/// Ends what killed invocations began.
fn recover(run: &Invocation<'_>, lock: &TreeLock) -> Result<()> {
    let tree = run.env.tree.path();
    let (pending, untrusted) = modsmith_plan::pending(tree).map_err(|e| Error::io("read the journal in", tree, e))?;
    for why in &untrusted {
        run.runner.reporter.warning(&format!("{why}, so it was not recovered. {}", why.remedy()));
    }
    pending.iter().try_for_each(|journal| run.runner.executor().recover(journal))?;
    packages::clear_stale(lock.private());
    Ok(())
}

/// Ends what a killed invocation left before anything is said about states. `false`:
/// it cannot be ended now.
pub fn settle_killed(run: &Invocation<'_>) -> Result<bool> {
    let (pending, untrusted) = modsmith_plan::pending(run.env.tree.path()).unwrap_or_default();
    for why in &untrusted {
        run.runner.reporter.warning(&format!("{why}. {}", why.remedy()));
    }
    if pending.is_empty() {
        return Ok(true);
    }
    match run.runner.try_lock() {
        TryLock::Taken(lock) => recover(run, &lock).map(|()| true),
        TryLock::NotNeeded => Ok(true),
        TryLock::Refused => Ok(false),
    }
}

/// What a kernel still needs after its modules changed. A marker in the tree
/// remembers it, should the end of the transaction never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deferred {
    /// `T/depmod-pending-K-A`, which dkms has too.
    Depmod,
    /// `T/.modsmith/boot-image-pending-K-A`
    BootImage,
    /// `T/.modsmith/kernel-tree-pending-K-A`: the kernel's own source tree is in
    /// the state of a build.
    KernelTree,
}

impl Deferred {
    const ALL: [Deferred; 3] = [Deferred::Depmod, Deferred::BootImage, Deferred::KernelTree];

    /// The directory below the tree, and how markers in it begin.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Deferred::Depmod => ("", "depmod-pending-"),
            Deferred::BootImage => (PRIVATE_DIR, "boot-image-pending-"),
            Deferred::KernelTree => (PRIVATE_DIR, "kernel-tree-pending-"),
        }
    }

    pub(super) fn marker(self, kernel: &Kernel) -> Location {
        let (directory, prefix) = self.place();
        let name = Path::new(directory).join(format!("{prefix}{}-{}", kernel.release(), kernel.arch()));
        Location::new(Root::Tree, name).expect("checked names make a relative path")
    }

    /// The kernels that have a marker in the tree.
    fn kernels(self, tree: &Path) -> Vec<Target> {
        let (directory, prefix) = self.place();
        let below = |tree: TrustedDir| tree.below(Path::new(directory)).ok().flatten();
        let names = TrustedDir::top(tree).ok().and_then(below).and_then(|place| place.names().ok()).unwrap_or_default();
        let target = |name: &str| {
            let (kernel, arch) = name.strip_prefix(prefix)?.rsplit_once('-')?;
            let plain = |name: &str| !name.is_empty() && !name.starts_with(['-', '.']);
            (plain(kernel) && plain(arch)).then(|| Target { kernel: kernel.to_owned(), arch: arch.to_owned() })
        };
        names.iter().filter_map(|name| target(name)).collect()
    }
}

/// Leaves something to the end of the transaction.
pub(super) fn plan_marker(pending: Deferred, kernel: &Kernel, plan: &mut Builder) {
    let why = match pending {
        Deferred::Depmod => "depmod runs once, after all packages",
        Deferred::BootImage => "the boot image is made once, after all packages",
        Deferred::KernelTree => "if the build is killed, the next invocation restores the source tree",
    };
    let location = pending.marker(kernel);
    plan.push(verbs::WriteFile { location, contents: Bytes(Vec::new()), mode: 0o644 }, why);
}

/// What a transaction left to its end: depmod, then the boot image, each at
/// most once for the kernel.
///
/// Errors: a boot image that cannot be made after an installation. The
/// modules stay installed.
pub(super) fn finish(run: &Invocation<'_>, kernel: &Arc<Kernel>, occasion: Occasion) -> Result<()> {
    finish_kernel(run, kernel, occasion)?;
    // Kernels that other kernels' modules were offered to.
    run.transaction
        .take_waiting()
        .iter()
        .try_for_each(|target| finish_kernel(run, &run.kernel(target), Occasion::Removed))
}

fn finish_kernel(run: &Invocation<'_>, kernel: &Arc<Kernel>, occasion: Occasion) -> Result<()> {
    let roots = run.env.kernel_roots(kernel);
    if waits_for(run, Deferred::KernelTree, kernel) {
        clean_kernel_tree(run, kernel)?;
    }
    if waits_for(run, Deferred::Depmod, kernel) {
        let mut plan = Builder::new(format!("update the module index of {}", kernel.release()), roots.clone());
        plan_depmod(run, kernel, &mut plan);
        plan.push(verbs::Remove { location: Deferred::Depmod.marker(kernel) }, "depmod has run");
        run.runner.run(plan)?;
    }
    if waits_for(run, Deferred::BootImage, kernel) {
        let mut plan = Builder::new(format!("make the boot image of {}", kernel.release()), roots);
        // First, so that an image that cannot be made is not tried again and again.
        plan.push(
            verbs::Remove { location: Deferred::BootImage.marker(kernel) },
            "the boot image is made in this plan",
        )
        .on_undo(Undo::Keep);
        plan_boot_image(run, kernel, occasion, true, &mut plan)?;
        run.runner.run(plan)?;
    }
    Ok(())
}

fn waits_for(run: &Invocation<'_>, pending: Deferred, kernel: &Kernel) -> bool {
    run.runner.has_left(&pending.marker(kernel))
}

/// What killed invocations left to an end that they did not reach.
pub(super) fn finish_forgotten(run: &Invocation<'_>) -> Result<()> {
    let mut kernels: Vec<Target> =
        Deferred::ALL.iter().flat_map(|pending| pending.kernels(run.env.tree.path())).collect();
    kernels.sort();
    kernels.dedup();
    kernels.iter().try_for_each(|target| finish(run, &run.kernel(target), Occasion::Removed))
}

/// The end of a change that succeeded: what plugins do then, and the
/// `post_transaction` of framework.conf.
/// Its output is kept in the tree; its failure is a warning and changes nothing.
pub fn post_transaction(run: &Invocation<'_>, target: &Target) -> Result<()> {
    if run.runner.has_changed_kernels() {
        run_kernel_hooks(run, Event::PostTransaction, &run.kernel(target))?;
    }
    if run.env.framework.post_transaction().is_none() {
        return Ok(());
    }
    let etc = run.env.system.roots.get(Root::Etc).unwrap_or(Path::new("/etc")).join("dkms");
    // Read again, for the kernel that it may name.
    let variables = Variables { kernelver: target.kernel.clone(), arch: target.arch.clone(), ..Variables::default() };
    let framework =
        Framework::read(&etc, run.env.options.framework.as_deref(), &variables, run.env.environment.texts())?;
    let Some(text) = framework.post_transaction() else { return Ok(()) };
    let log = Location::new(Root::Tree, "post_transaction.log").expect("a plain name is a location");
    let mut plan = Builder::new("run the post-transaction command", run.env.system.roots.clone());
    let head = log_head(&format!("the post-transaction command for kernel {target}"));
    plan.push(
        verbs::WriteFile { location: log.clone(), contents: Bytes(head.into_bytes()), mode: 0o644 },
        "the log of the last transaction",
    );
    let mut command = Command::new("bash").args(["-c", text]);
    command.environment = Environment::Inherited(vec![("kernelver".to_owned(), target.kernel.clone())]);
    // The text of a system runs inside that system, or not at all.
    if find_program(&run.env.system.root, "bash").is_none() {
        let root = run.env.system.root.display();
        run.runner.reporter.warning(&format!(
            "The post-transaction command was not run: the system below {root} has no bash to run it."
        ));
        return Ok(());
    }
    command.runs_in = RunsIn::Target;
    let command = script::ignored(script::logged(command, &log, "Executing post-transaction command", text));
    plan.push(Action::Run(command), "post_transaction of framework.conf")
        .progress("Executing post-transaction command");
    run.runner.run(plan)
}
