//! Several files for one module of a kernel.

use std::path::{Path, PathBuf};

use super::ours::{Ours, same_module};
use super::problem::{Check, Problem, Repair, Stage};
use super::scene::{KernelScene, Scene};
use crate::conf::version;
use crate::flow::product_files::product_named;
use crate::tree::{Package, PackageId};
use modsmith_facts::kernel::module_stem;
use modsmith_facts::{Location, Root};

pub(super) const DUPLICATE: Check = Check {
    id: "duplicate-module",
    state: 9,
    title: "the kernel has a second file of the module",
    stage: Stage::Installed,
    find: duplicates,
};

pub(super) const SEVERAL_VERSIONS: Check = Check {
    id: "several-versions",
    state: 12,
    title: "several versions of the package have files in the kernel's directory",
    stage: Stage::Installed,
    find: several_versions,
};

/// A module of an installed package that the kernel has several files of.
struct Rivals {
    name: String,
    /// The installed one.
    own: PathBuf,
    /// The others, each with the version that it is of, if it is the program's.
    others: Vec<(PathBuf, Option<PackageId>)>,
}

/// Paths are below the kernel's module directory.
fn rivals(scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene) -> Vec<Rivals> {
    let products = scene.run.env.tree.products(&package.id, &kernel.target);
    let directory = scene.products_dir(&package.id, kernel);
    let module_dir = kernel.kernel.module_dir();
    let record = scene.run.env.tree.record(&package.id, &kernel.target);
    let of_product = |product: &String| {
        let (stem, _) = module_stem(product)?;
        let files = kernel.files().find(stem, "");
        if files.len() < 2 {
            return None;
        }
        let recorded = record.as_ref().and_then(|record| record.modules.iter().find(|module| module.name == stem));
        let recorded = recorded.and_then(|module| Some(module.installed_at()?.relative().to_path_buf()));
        let is_product = |file: &&PathBuf| same_module(&module_dir.join(file), &directory.join(product));
        let own = recorded.filter(|file| files.contains(file)).or_else(|| files.iter().find(is_product).cloned())?;
        let ours = Ours::of_module(scene, &package.id.module, kernel);
        let others = files.into_iter().filter(|file| *file != own);
        let others = others.map(|file| (file.clone(), ours.version_of(&module_dir.join(&file)).cloned())).collect();
        Some(Rivals { name: stem.to_owned(), own, others })
    };
    products.iter().filter_map(of_product).collect()
}

fn location(file: &Path) -> Option<Location> {
    Location::new(Root::Modules, file).ok()
}

fn duplicates(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let mut found = Vec::new();
    for (package, kernel) in scene.active() {
        for Rivals { name, own, others } in rivals(scene, &package, kernel) {
            for (file, version) in others {
                found.extend(duplicate(&package, kernel, &name, &own, &file, version.as_ref()));
            }
        }
    }
    found
}

fn duplicate(
    package: &Package,
    kernel: &KernelScene,
    name: &str,
    own: &Path,
    file: &Path,
    version: Option<&PackageId>,
) -> Option<Problem> {
    let module_dir = kernel.kernel.module_dir();
    let (shown, shown_own) = (module_dir.join(file), module_dir.join(own));
    let evidence = format!("{} beside {}", shown.display(), shown_own.display());
    let problem = Problem::of(&DUPLICATE, evidence).package(&package.id).target(&kernel.target).path(&shown);
    match version {
        Some(version) if *version == package.id => {
            let files = location(file)?;
            Some(problem.automatic("Remove the second file, and run depmod.", Repair::RemoveFiles(vec![files])))
        }
        // Another version's: a state of its own.
        Some(_) => None,
        None if kernel.indexed(name).as_deref() == Some(file) => Some(problem.manual(format!(
            "modprobe loads {}, which {} did not install, so it is kept. If it is not wanted, remove it, or the \
             package that has it; then run `depmod {}`.",
            shown.display(),
            package.id,
            kernel.target.kernel
        ))),
        None => None,
    }
}

fn several_versions(scene: &Scene<'_, '_>) -> Vec<Problem> {
    scene.active().iter().filter_map(|(package, kernel)| of_versions(scene, package, kernel)).collect()
}

fn of_versions(scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene) -> Option<Problem> {
    let module_dir = kernel.kernel.module_dir();
    let (mut versions, mut files) = (Vec::new(), Vec::new());
    for (file, version) in rivals(scene, package, kernel).into_iter().flat_map(|rivals| rivals.others) {
        if let Some(version) = version.filter(|version| *version != package.id) {
            versions.push(version);
            files.push(file);
        }
    }
    let first = files.first()?;
    let shown: Vec<String> = files.iter().map(|file| module_dir.join(file).display().to_string()).collect();
    let evidence = format!("{} is the installed version, and {} are of others", package.id.version, shown.join(", "));
    let problem = Problem::of(&SEVERAL_VERSIONS, evidence).package(&package.id).target(&kernel.target);
    let keep = keep(scene, package, kernel, versions);
    let text = match keep == package.id {
        true => format!("Keep {keep}, and remove the files of the others; these versions stay built."),
        false => format!("Install {keep}, the newest one, and remove the files of the others; these stay built."),
    };
    let others = files.iter().filter_map(|file| location(file)).collect();
    Some(problem.path(module_dir.join(first)).automatic(text, Repair::KeepVersion { keep, others }))
}

/// The newest of the versions that the kernel is not proven to refuse; the installed one,
/// where the source of that is gone.
fn keep(scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene, versions: Vec<PackageId>) -> PackageId {
    let is_usable =
        |id: &&PackageId| {
            let is_present = scene.present().any(|known| known.id == **id);
            let products = scene.run.env.tree.products(id, &kernel.target);
            let has_all =
                scene.run.env.tree.products(&package.id, &kernel.target).iter().all(|product| {
                    module_stem(product).is_some_and(|(stem, _)| product_named(&products, stem).is_some())
                });
            is_present && has_all && !kernel.refuses(scene, id)
        };
    let all: Vec<PackageId> = versions.into_iter().chain([package.id.clone()]).collect();
    let newest = all.iter().filter(is_usable).max_by(|a, b| version::compare(&a.version, &b.version));
    newest.unwrap_or(&package.id).clone()
}
