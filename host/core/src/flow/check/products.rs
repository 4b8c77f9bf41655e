//! Built modules: missing and damaged ones.

use std::path::Path;

use super::problem::{Check, Problem, Stage};
use super::remedies::rebuild;
use super::scene::{KernelScene, Scene};
use crate::flow::product_files::product_of;
use crate::tree::Package;
use modsmith_facts::inside;
use modsmith_facts::kernel::Elf;
use modsmith_verify::Module;

pub(super) const INCOMPLETE: Check = Check {
    id: "products-incomplete",
    state: 2,
    title: "built modules are missing or damaged",
    stage: Stage::Products,
    find: incomplete,
};

fn incomplete(scene: &Scene<'_, '_>) -> Vec<Problem> {
    scene.built().into_iter().filter_map(|(package, kernel)| faults(scene, &package, kernel)).collect()
}

fn faults(scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene) -> Option<Problem> {
    let (id, target) = (&package.id, &kernel.target);
    let directory = scene.products_dir(id, kernel);
    let conf = match scene.conf(package, kernel) {
        Ok(conf) => conf,
        // A source that is lost is a state of its own.
        Err(_) if !inside::exists(&scene.run.env.conf_file(package)) => return None,
        Err(error) => {
            let evidence = format!("which modules there should be is not known: {}", error.message);
            let remedy =
                format!("Correct the dkms.conf; `modsmith conf {id} -k {}` shows its mistakes.", target.kernel);
            return Some(Problem::unknown(&INCOMPLETE, evidence, remedy).package(id).target(target).path(directory));
        }
    };
    let products = scene.run.env.tree.products(id, target);
    let fault = |module| match product_of(&products, module) {
        None => Some(format!("{} has no {}", directory.display(), module.dest_name)),
        Some(file) => {
            let file = directory.join(file);
            damage(&file).map(|why| format!("{}: {why}", file.display()))
        }
    };
    let faults: Vec<String> = conf.modules.iter().filter_map(fault).collect();
    if faults.is_empty() {
        return None;
    }
    let problem = Problem::of(&INCOMPLETE, faults.join("; ")).package(id).target(target).path(directory);
    Some(rebuild(problem, scene, package, kernel))
}

/// Why a file is no whole module; `None` for one that is.
pub(super) fn damage(file: &Path) -> Option<String> {
    let bytes = match inside::read_file(file) {
        Ok(bytes) => bytes,
        Err(error) => return Some(format!("it cannot be read: {error}")),
    };
    if bytes.is_empty() {
        return Some("it is empty".to_owned());
    }
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let module = Module::new(&name, bytes);
    match module.damage() {
        Some(why) => Some(format!("it cannot be unpacked: {why}")),
        None => Elf::parse(module.content()).is_err().then(|| "it is not a module".to_owned()),
    }
}
