//! The module index, which depmod writes and modprobe reads.

use super::problem::{Check, Problem, Repair, Stage};
use super::scene::{KernelScene, Scene};
use crate::flow::install::installed::{Found, Sought, find_installed};
use crate::flow::product_files::product_of;
use crate::tree::Package;
use modsmith_facts::inside;

pub(super) const NOT_INDEXED: Check = Check {
    id: "not-in-module-index",
    state: 17,
    title: "the module index does not name the installed module",
    stage: Stage::Index,
    find: not_indexed,
};

fn not_indexed(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let mut found = Vec::new();
    for (package, kernel) in scene.active() {
        // A kernel without an index is not completely installed.
        if inside::is_file(&kernel.kernel.module_dir().join("modules.dep")) {
            found.extend(of_package(scene, &package, kernel));
        }
    }
    found
}

fn of_package(scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene) -> Option<Problem> {
    let conf = scene.conf(package, kernel).ok()?;
    let module_dir = kernel.kernel.module_dir();
    let products = scene.run.env.tree.products(&package.id, &kernel.target);
    let record = scene.run.env.tree.record(&package.id, &kernel.target);
    let missing = conf.modules.iter().find_map(|module| {
        let product = scene.products_dir(&package.id, kernel).join(product_of(&products, module)?);
        let recorded = record.as_ref().and_then(|r| r.modules.iter().find(|known| known.name == module.dest_name));
        let sought = Sought { module: Some(module), recorded };
        let Found::At(location) = find_installed(scene.run, &kernel.kernel, sought, Some(&product)).ok()? else {
            return None;
        };
        match kernel.indexed(&module.dest_name) {
            None => Some((location, "does not name it".to_owned())),
            Some(file) if inside::exists(&module_dir.join(&file)) => None,
            Some(file) => Some((location, format!("names {}, which is not there", file.display()))),
        }
    });
    let (location, what) = missing?;
    let file = module_dir.join(location.relative());
    let evidence = format!("{}: {} {what}", file.display(), module_dir.join("modules.dep").display());
    let problem = Problem::of(&NOT_INDEXED, evidence).package(&package.id).target(&kernel.target).path(file);
    Some(problem.automatic(format!("Run depmod for {}.", kernel.target.kernel), Repair::Depmod))
}
