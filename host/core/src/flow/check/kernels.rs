//! Kernels: those that are gone and have left something behind, and those that lack a
//! module that is to be there for each kernel.

use std::path::Path;

use super::ours::Ours;
use super::problem::{Check, Problem, Repair, Stage};
use super::remedies::install_headers;
use super::scene::{KernelScene, Scene};
use crate::conf::version;
use crate::flow::install::installed::WEAK_LINKS;
use crate::flow::install::version_check::obsolete;
use crate::flow::invocation::image::has_image;
use crate::flow::recipe::preconditions::{check_exclusive, check_source};
use crate::tree::{Failures, Package};
use modsmith_facts::inside;
use modsmith_facts::kernel::module_stem;

pub(super) const ORPHANED: Check = Check {
    id: "orphaned-kernel",
    state: 7,
    title: "the kernel is gone, and its modules are left",
    stage: Stage::Installed,
    find: orphaned,
};

pub(super) const NOT_INSTALLED: Check = Check {
    id: "not-installed",
    state: 13,
    title: "a kernel has no module of a package that is to be there for each kernel",
    stage: Stage::Products,
    find: not_installed,
};

/// What depmod(8) writes, by name.
pub(super) const INDEX_FILES: [&str; 15] = [
    "modules.alias",
    "modules.alias.bin",
    "modules.builtin.alias.bin",
    "modules.builtin.bin",
    "modules.dep",
    "modules.dep.bin",
    "modules.devname",
    "modules.softdep",
    "modules.symbols",
    "modules.symbols.bin",
    "modules.weakdep",
    "modules.ccwmap",
    "modules.ieee1394map",
    "modules.pcimap",
    "modules.usbmap",
];

/// What is in the directory of a kernel.
enum Contents {
    /// Nothing but installed modules of packages and the index.
    Ours,
    /// Nothing that belongs to a kernel, and this besides.
    Others(String),
    /// A kernel, or its headers.
    Kernel,
}

fn orphaned(scene: &Scene<'_, '_>) -> Vec<Problem> {
    scene.kernels.iter().filter(|kernel| !kernel.kernel.running()).filter_map(|kernel| orphan(scene, kernel)).collect()
}

fn orphan(scene: &Scene<'_, '_>, kernel: &KernelScene) -> Option<Problem> {
    let tree = &scene.run.env.tree;
    let installed = scene.present().map(|package| package.id);
    let installed: Vec<_> = installed.filter(|id| tree.is_installed(id, &kernel.target)).collect();
    let names: Vec<String> = installed.iter().map(ToString::to_string).collect();
    let first = installed.first()?;
    let module_dir = kernel.kernel.module_dir();
    let problem =
        |evidence: String| Problem::of(&ORPHANED, evidence).package(first).target(&kernel.target).path(module_dir);
    let repair = |problem: Problem| {
        let text = "Remove the installed modules, the module index and the empty directories, and take the builds for \
                    this kernel out of the tree.";
        problem.automatic(text, Repair::ForgetKernel)
    };
    if has_image(&scene.run.env, &kernel.kernel) {
        return None;
    }
    if !kernel.is_there() {
        let evidence =
            format!("{} is not there, and {} counts as installed for it", module_dir.display(), names.join(", "));
        return Some(repair(problem(evidence)));
    }
    match contents(scene, kernel) {
        Contents::Kernel => None,
        Contents::Ours => {
            Some(repair(problem(format!("{} holds nothing but modules of {}", module_dir.display(), names.join(", ")))))
        }
        Contents::Others(path) => {
            let evidence = format!("{} has no kernel, and holds {path} besides modules", module_dir.display());
            let text = format!(
                "Look at {}. If the kernel is gone, run `dkms kernel_prerm -k {}` and remove the directory.",
                module_dir.display(),
                kernel.target.kernel
            );
            Some(problem(evidence).manual(text))
        }
    }
}

fn contents(scene: &Scene<'_, '_>, kernel: &KernelScene) -> Contents {
    let top = kernel.kernel.module_dir();
    if inside::is_dir(&top.join("kernel")) || inside::exists(&top.join("build")) {
        return Contents::Kernel;
    }
    let ours: Vec<Ours> = scene.modules.iter().map(|module| Ours::of_module(scene, &module.name, kernel)).collect();
    for entry in walkdir::WalkDir::new(top).min_depth(1).sort_by_file_name() {
        let Ok(entry) = entry else { return Contents::Others(top.display().to_string()) };
        let is_index =
            || entry.depth() == 1 && entry.file_name().to_str().is_some_and(|name| INDEX_FILES.contains(&name));
        let is_ours = || is_module(entry.path()) && ours.iter().any(|ours| ours.version_of(entry.path()).is_some());
        let is_known = match entry.file_type() {
            kind if kind.is_dir() => true,
            kind if kind.is_file() => is_index() || is_ours(),
            _ => false,
        };
        if !is_known {
            return Contents::Others(entry.path().display().to_string());
        }
    }
    Contents::Ours
}

fn is_module(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| module_stem(name).is_some())
}

fn not_installed(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let run = scene.run;
    if inside::exists(&run.env.overrides_dir().join("no-autoinstall")) {
        return Vec::new();
    }
    let newest = newest(scene);
    let kernels = scene.kernels.iter().filter(|kernel| kernel.is_bootable(run));
    let pairs = kernels.flat_map(|kernel| newest.iter().map(move |package| (package, kernel)));
    pairs.filter_map(|(package, kernel)| lacking(scene, package, kernel)).collect()
}

/// The newest version of each module.
fn newest(scene: &Scene<'_, '_>) -> Vec<Package> {
    let mut newest: Vec<Package> = Vec::new();
    for package in scene.present() {
        match newest.iter_mut().find(|known| known.id.module == package.id.module) {
            Some(known) if version::compare(&known.id.version, &package.id.version).is_lt() => *known = package,
            Some(_) => {}
            None => newest.push(package),
        }
    }
    newest
}

fn lacking(scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene) -> Option<Problem> {
    let (id, target) = (&package.id, &kernel.target);
    let tree = &scene.run.env.tree;
    let conf = scene.conf(package, kernel).ok()?;
    let is_due = conf.autoinstall
        && check_exclusive(package, &conf, &kernel.kernel).is_ok()
        && !conf.modules.is_empty()
        && !conf.obsolete_by.as_deref().is_some_and(|directive| obsolete(directive, &kernel.kernel))
        && check_source(package).is_ok();
    if !is_due || tree.active_version(&id.module, target).is_some() || is_offered(kernel, &conf) {
        return None;
    }
    let state = if tree.is_built(id, target) { "is built and not installed" } else { "is not built" };
    let evidence = format!("AUTOINSTALL is yes in its dkms.conf, and it {state} for {}", target.kernel);
    let problem = Problem::of(&NOT_INSTALLED, evidence).package(id).target(target);
    let problem = problem.path(kernel.kernel.module_dir());
    if let Some(failure) = Failures(tree).of(id, target) {
        let text = format!(
            "The last build failed. {} `modsmith log {id} -k {}` has the log.",
            failure.record.remedy, target.kernel
        );
        return Some(problem.manual(text));
    }
    if kernel.kernel.headers().is_none() && !tree.is_built(id, target) {
        let headers = kernel.kernel.source_dir().display();
        let problem = Problem { evidence: format!("{}; {headers} has no headers", problem.evidence), ..problem };
        return Some(problem.manual(format!("{} Then run `modsmith check --repair`.", install_headers(scene, kernel))));
    }
    Some(problem.rebuild(format!("Build and install it for {}.", target.kernel), Repair::Install))
}

/// Whether the kernel has the modules in another way: as links, or of another package.
fn is_offered(kernel: &KernelScene, conf: &crate::conf::PackageConf) -> bool {
    let weak = kernel.kernel.module_dir().join(WEAK_LINKS);
    let has = |name: &str| {
        let links = walkdir::WalkDir::new(&weak).into_iter().filter_map(Result::ok);
        links
            .filter_map(|entry| entry.file_name().to_str().map(str::to_owned))
            .any(|file| module_stem(&file).is_some_and(|(stem, _)| stem == name))
    };
    conf.modules.iter().all(|module| has(&module.dest_name))
}
