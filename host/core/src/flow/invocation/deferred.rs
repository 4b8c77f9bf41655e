//! The change of several packages that an invocation is, and what waits for its end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::tree::Target;
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root, TrustedDir};
use modsmith_plan::{Builder, Bytes, PRIVATE_DIR, verbs};
use modsmith_plugins::PackageFacts;

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
    pub(crate) fn opened(&self) -> Self {
        Self { is_open: true, shared: self.shared.clone() }
    }

    /// Whether depmod and boot image wait for the end.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Keeps other threads from what packages have in common.
    pub(crate) fn hold_common(&self) -> MutexGuard<'_, ()> {
        self.shared.common.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps other threads from preparing a kernel's source tree, or building
    /// against it, meanwhile.
    pub(crate) fn hold_kernel_tree(&self) -> MutexGuard<'_, ()> {
        self.shared.kernel_tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the end of the transaction look after another kernel, too.
    pub(crate) fn wait_for(&self, target: Target) {
        self.waiting().insert(target);
    }

    /// Remembers that modules of a package change for a kernel.
    pub(crate) fn note_change(&self, kernel: &Kernel, package: PackageFacts) {
        let mut changed = self.shared.packages.lock().unwrap_or_else(PoisonError::into_inner);
        let packages = changed.entry(kernel.release().to_owned()).or_default();
        packages.retain(|known| known.name != package.name);
        packages.push(Arc::new(package));
    }

    /// The packages whose modules change for a kernel, in this invocation.
    pub(crate) fn changed(&self, kernel: &Kernel) -> Vec<Arc<PackageFacts>> {
        let changed = self.shared.packages.lock().unwrap_or_else(PoisonError::into_inner);
        changed.get(kernel.release()).cloned().unwrap_or_default()
    }

    /// The kernels that it has to finish, each once.
    pub(crate) fn take_waiting(&self) -> BTreeSet<Target> {
        std::mem::take(&mut self.waiting())
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<Target>> {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub(crate) const ALL: [Deferred; 3] = [Deferred::Depmod, Deferred::BootImage, Deferred::KernelTree];

    /// The directory below the tree, and how markers in it begin.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Deferred::Depmod => ("", "depmod-pending-"),
            Deferred::BootImage => (PRIVATE_DIR, "boot-image-pending-"),
            Deferred::KernelTree => (PRIVATE_DIR, "kernel-tree-pending-"),
        }
    }

    pub(crate) fn marker(self, kernel: &Kernel) -> Location {
        let (directory, prefix) = self.place();
        let name = Path::new(directory).join(format!("{prefix}{}-{}", kernel.release(), kernel.arch()));
        Location::new(Root::Tree, name).expect("checked names make a relative path")
    }

    /// The kernels that have a marker in the tree.
    pub(crate) fn kernels(self, tree: &Path) -> Vec<Target> {
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
pub(crate) fn plan_marker(pending: Deferred, kernel: &Kernel, plan: &mut Builder) {
    let why = match pending {
        Deferred::Depmod => "depmod runs once, after all packages",
        Deferred::BootImage => "the boot image is made once, after all packages",
        Deferred::KernelTree => "if the build is killed, the next invocation restores the source tree",
    };
    let location = pending.marker(kernel);
    plan.push(verbs::WriteFile { location, contents: Bytes(Vec::new()), mode: 0o644 }, why);
}
