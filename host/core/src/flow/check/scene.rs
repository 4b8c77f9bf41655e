//! What checks look at: the packages and the kernels of a system, read when a check asks
//! and then kept.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::conf::{PackageConf, Strictness};
use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::filter::{Filter, Matchers};
use crate::flow::install::installed::ModuleIndex;
use crate::flow::invocation::image::has_image;
use crate::flow::verify::{Verified, verify_built};
use crate::tree::{ModuleDirectory, Package, PackageEntry, PackageId, SourceState, Target, TreeLock};
use modsmith_facts::inside;
use modsmith_facts::kernel::{Kernel, machine};
use modsmith_verify::{Answer, Installed, Neighbours};

/// The system as it is now.
pub struct Scene<'s, 'r> {
    pub run: &'s Invocation<'r>,
    /// The registered packages that are asked about.
    pub packages: Vec<PackageEntry>,
    /// Every directory of the tree that may be a module's.
    pub modules: Vec<ModuleDirectory>,
    /// The kernels that are asked about.
    pub kernels: Vec<KernelScene>,
    /// Whether another invocation is changing the tree.
    pub is_busy: bool,
    matchers: Matchers,
}

/// One kernel.
pub struct KernelScene {
    pub target: Target,
    pub kernel: Arc<Kernel>,
    files: OnceCell<ModuleIndex>,
    index: OnceCell<Installed>,
    verified: OnceCell<BTreeMap<PackageId, Vec<Verified>>>,
}

impl<'s, 'r> Scene<'s, 'r> {
    /// Reads what there is of what the filter takes.
    ///
    /// # Errors
    /// The tree cannot be read, or a pattern is none.
    pub fn read(run: &'s Invocation<'r>, filter: &Filter, is_busy: bool) -> Result<Self> {
        let matchers = filter.compile()?;
        let tree = &run.env.tree;
        let modules: Vec<ModuleDirectory> =
            tree.modules()?.iter().map(|name| tree.module(name)).collect::<Result<_>>()?;
        let packages: Vec<PackageEntry> = modules.iter().flat_map(|module| tree.entries_of(module, |_| true)).collect();
        let mut targets: BTreeSet<Target> = packages.iter().flat_map(|entry| tree.targets(&entry.id)).collect();
        targets.extend(modules.iter().flat_map(ModuleDirectory::linked_targets));
        for kernel in installed_kernels(run.env.install_tree()) {
            if targets.iter().all(|target| target.kernel != kernel) {
                targets.insert(Target { kernel, arch: machine() });
            }
        }
        let mut scene = Self { run, packages, modules, kernels: Vec::new(), is_busy, matchers };
        scene.packages.retain(|entry| entry.id.fault().is_none() && scene.matchers.take_package(&entry.id));
        scene.modules.retain(|module| scene.matchers.take_module(&module.name));
        targets.retain(|target| scene.matchers.take_target(target));
        scene.kernels = targets.into_iter().map(|target| KernelScene::of(run, target)).collect();
        Ok(scene)
    }

    /// The packages whose source is there.
    pub fn present(&self) -> impl Iterator<Item = Package> {
        self.packages.iter().filter_map(|entry| match &entry.source {
            SourceState::Present(source) => Some(Package { id: entry.id.clone(), source: source.clone() }),
            SourceState::Broken => None,
        })
    }

    /// Each package with each kernel that it is built for; the kernel is installed.
    pub fn built(&self) -> Vec<(Package, &KernelScene)> {
        let pairs = self.present().flat_map(|package| {
            let kernels = self.kernels.iter();
            let built = kernels.filter(|kernel| self.run.env.tree.is_built(&package.id, &kernel.target));
            built.map(|kernel| (package.clone(), kernel)).collect::<Vec<_>>()
        });
        pairs.filter(|(_, kernel)| kernel.is_there()).collect()
    }

    /// Each package with each kernel that it is installed for.
    pub fn active(&self) -> Vec<(Package, &KernelScene)> {
        let mut pairs = self.built();
        pairs.retain(|(package, kernel)| self.run.env.tree.is_installed(&package.id, &kernel.target));
        pairs
    }

    /// Whether a version is asked about.
    pub fn takes(&self, id: &PackageId) -> bool {
        self.matchers.take_package(id)
    }

    pub fn conf(&self, package: &Package, kernel: &KernelScene) -> Result<PackageConf> {
        self.run.conf(package, &kernel.kernel, Strictness::Lenient)
    }

    /// The directory of a package's products for a kernel.
    pub fn products_dir(&self, id: &PackageId, kernel: &KernelScene) -> PathBuf {
        self.run.env.tree.real(&id.products_dir(&kernel.target))
    }
}

impl KernelScene {
    fn of(run: &Invocation<'_>, target: Target) -> Self {
        let kernel = run.kernel(&target);
        Self { target, kernel, files: OnceCell::new(), index: OnceCell::new(), verified: OnceCell::new() }
    }

    /// Whether the kernel has a module directory.
    pub fn is_there(&self) -> bool {
        inside::is_dir(self.kernel.module_dir())
    }

    /// Whether the kernel can be started: it has an image, and modules of its own.
    pub fn is_bootable(&self, run: &Invocation<'_>) -> bool {
        inside::is_dir(&self.kernel.module_dir().join("kernel")) && has_image(&run.env, &self.kernel)
    }

    /// All module files of the kernel, but for links to other kernels' modules.
    pub fn files(&self) -> &ModuleIndex {
        self.files.get_or_init(|| ModuleIndex::read(&self.kernel))
    }

    /// The file that modprobe loads for a module; `None` also where there is no index.
    pub fn indexed(&self, module: &str) -> Option<PathBuf> {
        let index = self.index.get_or_init(|| Installed::new(self.kernel.module_dir(), []));
        index.indexed(&module.replace('-', "_")).ok().flatten()
    }

    /// What the rules say about the modules of a package: as they are installed where
    /// they are, else as they are in the tree.
    pub fn verified<'k>(&'k self, scene: &Scene<'_, '_>, id: &PackageId) -> &'k [Verified] {
        let verified = self.verified.get_or_init(|| {
            let built = scene.packages.iter().filter(|entry| scene.run.env.tree.is_built(&entry.id, &self.target));
            built.map(|entry| (entry.id.clone(), verify_built(scene.run, &entry.id, &self.target))).collect()
        });
        verified.get(id).map_or(&[], Vec::as_slice)
    }

    /// Whether a rule proves that the kernel would not load a module of a package.
    pub fn refuses(&self, scene: &Scene<'_, '_>, id: &PackageId) -> bool {
        self.verified(scene, id).iter().any(|verified| verified.answer() == Answer::No)
    }
}

/// Names of the directories of kernels, without links.
fn installed_kernels(install_tree: &Path) -> Vec<String> {
    let entries =
        std::fs::read_dir(inside::real(install_tree)).into_iter().flatten().filter_map(std::result::Result::ok);
    let names = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| crate::tree::check_kernel_name("kernel", name).is_ok()).collect()
}

/// Whether another invocation holds the tree's lock.
pub fn is_busy(run: &Invocation<'_>) -> bool {
    TreeLock::is_held(run.env.tree.path())
}
