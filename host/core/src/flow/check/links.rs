//! Links: those that say which version is installed, and those that offer a module to
//! other kernels.

use std::path::Path;

use super::ours::same_module;
use super::problem::{Check, Problem, Repair, Stage};
use super::scene::{KernelScene, Scene};
use crate::flow::install::weak_links::{WeakLink, links_to, weak_links};
use crate::flow::verify::refusal_for;
use crate::tree::{ModuleDirectory, PackageId, Target};
use modsmith_facts::{Location, Root, inside};

pub(super) const ACTIVE: Check = Check {
    id: "active-link-dangling",
    state: 22,
    title: "the link that names the installed version leads to nothing",
    stage: Stage::Sources,
    find: active,
};

pub(super) const WEAK: Check = Check {
    id: "weak-link-broken",
    state: 11,
    title: "a link to another kernel's module leads to nothing, or to one that this kernel refuses",
    stage: Stage::Links,
    find: weak,
};

fn active(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let mut found = Vec::new();
    for module in &scene.modules {
        for target in module.linked_targets() {
            if let Some(kernel) = scene.kernels.iter().find(|kernel| kernel.target == target) {
                found.extend(dangling(scene, module, &target, kernel));
            }
        }
    }
    found
}

fn dangling(scene: &Scene<'_, '_>, module: &ModuleDirectory, target: &Target, kernel: &KernelScene) -> Option<Problem> {
    let tree = &scene.run.env.tree;
    // Any version's name makes the link's: it is the module's.
    let any = PackageId { module: module.name.clone(), version: String::new() };
    let link = tree.real(&any.active_link(target));
    let leads_to = std::fs::read_link(&link).ok()?;
    let built = |version: &String| PackageId { module: module.name.clone(), version: version.clone() };
    let built: Vec<PackageId> = module.versions.iter().map(built).filter(|id| tree.is_built(id, target)).collect();
    if tree.active_version(&module.name, target).is_some_and(|version| built.iter().any(|id| id.version == version)) {
        return None;
    }
    let evidence = format!("{} leads to {}, where nothing is built", link.display(), leads_to.display());
    let problem = Problem::of(&ACTIVE, evidence).target(target).path(&link);
    let problem = Problem { package: Some(named(module, &leads_to)), ..problem };
    let installed = built.into_iter().find(|id| is_installed(scene, id, kernel));
    Some(match installed {
        Some(id) => problem.automatic(format!("Have it lead to {id}, which is installed."), Repair::PointLink(id)),
        None => problem.automatic("Remove the link: no version is installed.", Repair::RemoveLink),
    })
}

/// The version that a link is for, there or not.
fn named(module: &ModuleDirectory, leads_to: &Path) -> PackageId {
    let version = leads_to.iter().rev().nth(2).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    PackageId { module: module.name.clone(), version }
}

/// Whether all products of a version are in the kernel's directory.
fn is_installed(scene: &Scene<'_, '_>, id: &PackageId, kernel: &KernelScene) -> bool {
    let products = scene.run.env.tree.products(id, &kernel.target);
    let directory = scene.products_dir(id, kernel);
    let is_there = |product: &String| {
        let stem = modsmith_facts::kernel::module_stem(product).map(|(stem, _)| stem.to_owned()).unwrap_or_default();
        let files = kernel.files().find(&stem, "");
        files.iter().any(|file| same_module(&kernel.kernel.module_dir().join(file), &directory.join(product)))
    };
    !products.is_empty() && products.iter().all(is_there)
}

fn weak(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let links = weak_links(scene.run);
    if links.is_empty() {
        return Vec::new();
    }
    let ours: Vec<(PackageId, WeakLink)> = scene
        .packages
        .iter()
        .flat_map(|entry| scene.run.env.tree.targets(&entry.id).into_iter().map(move |target| (&entry.id, target)))
        .flat_map(|(id, target)| {
            links_to(scene.run, &links, id, &target)
                .into_iter()
                .map(|link| (id.clone(), link.clone()))
                .collect::<Vec<_>>()
        })
        .collect();
    let mut found = Vec::new();
    for link in links.all() {
        let Some(kernel) = scene.kernels.iter().find(|kernel| kernel.target.kernel == link.kernel) else { continue };
        let install_tree = scene.run.env.install_tree();
        let (path, file) =
            (install_tree.join(&link.kernel).join(&link.path), install_tree.join(&link.from).join(&link.file));
        let owner = ours.iter().find(|(_, known)| known == link).map(|(id, _)| id);
        let why = match inside::exists(&file) {
            false => Some(format!("leads to {}, which is not there", file.display())),
            // modsmith does not judge modules that other programs have installed.
            true => owner.and_then(|_| refusal_for(scene.run, &file, &kernel.target)),
        };
        let (Some(why), Ok(location)) =
            (why, Location::new(Root::InstallTree, Path::new(&link.kernel).join(&link.path)))
        else {
            continue;
        };
        let problem = Problem::of(&WEAK, format!("{} {why}", path.display())).target(&kernel.target).path(path);
        let problem = Problem { package: owner.cloned(), ..problem };
        found.push(problem.automatic("Remove the link, and run depmod.", Repair::RemoveWeakLinks(vec![location])));
    }
    found.retain(|problem| problem.package.as_ref().is_none_or(|id| scene.takes(id)));
    found
}
