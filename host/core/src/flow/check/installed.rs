//! Installed files: different from the built ones, gone, writable for others.

use std::path::Path;

use super::ours::same_module;
use super::problem::{Check, Problem, Repair, Stage};
use super::products::damage;
use super::remedies::{rebuild, reinstall};
use super::scene::{KernelScene, Scene};
use super::sources::who_may_write;
use crate::conf::ModuleRecord;
use crate::flow::install::installed::{Found, Sought, find_installed};
use crate::flow::install::version_check::obsolete;
use crate::flow::product_files::product_of;
use crate::tree::{BuildRecord, Package};
use modsmith_facts::inside;

pub(super) const DIFFERS: Check = Check {
    id: "installed-differs",
    state: 4,
    title: "the installed module is not the built one",
    stage: Stage::Installed,
    find: differs,
};

pub(super) const MISSING: Check = Check {
    id: "installed-missing",
    state: 5,
    title: "the module counts as installed, and its file is gone",
    stage: Stage::Installed,
    find: missing,
};

pub(super) const WRITABLE: Check = Check {
    id: "module-writable",
    state: 24,
    title: "others than root can change an installed module",
    stage: Stage::Installed,
    find: writable,
};

/// A module of an installed package, where it is installed, and its whole product.
struct Placed {
    module: ModuleRecord,
    found: Found,
    product: std::path::PathBuf,
    record: Option<BuildRecord>,
}

/// The modules of an installed package whose products are whole: those that are not are
/// a state of their own.
fn placed(scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene) -> Vec<Placed> {
    let Ok(conf) = scene.conf(package, kernel) else { return Vec::new() };
    if conf.obsolete_by.as_deref().is_some_and(|directive| obsolete(directive, &kernel.kernel)) {
        return Vec::new();
    }
    let products = scene.run.env.tree.products(&package.id, &kernel.target);
    let directory = scene.products_dir(&package.id, kernel);
    let record = scene.run.env.tree.record(&package.id, &kernel.target);
    let place = |module: ModuleRecord| {
        let product = directory.join(product_of(&products, &module)?);
        if damage(&product).is_some() {
            return None;
        }
        let recorded = record.as_ref().and_then(|r| r.modules.iter().find(|known| known.name == module.dest_name));
        let sought = Sought { module: Some(&module), recorded };
        let found = find_installed(scene.run, &kernel.kernel, sought, Some(&product)).ok()?;
        Some(Placed { module, found, product, record: record.clone() })
    };
    conf.modules.into_iter().filter_map(place).collect()
}

fn each<'s>(
    scene: &'s Scene<'_, '_>,
    judge: impl Fn(&Package, &'s KernelScene, Placed) -> Option<Problem>,
) -> Vec<Problem> {
    let mut found = Vec::new();
    for (package, kernel) in scene.active() {
        let placed = placed(scene, &package, kernel);
        found.extend(placed.into_iter().filter_map(|placed| {
            judge(&package, kernel, placed).map(|problem| problem.package(&package.id).target(&kernel.target))
        }));
    }
    found
}

fn differs(scene: &Scene<'_, '_>) -> Vec<Problem> {
    each(scene, |package, kernel, Placed { module, found, product, record }| {
        let module_dir = kernel.kernel.module_dir();
        let name = &module.dest_name;
        match found {
            Found::At(location) => {
                let file = module_dir.join(location.relative());
                if same_module(&file, &product) {
                    return None;
                }
                let evidence = format!("{} is not {}", file.display(), product.display());
                let problem = Problem::of(&DIFFERS, evidence).path(&file);
                let is_recorded = record
                    .and_then(|record| record.modules.into_iter().find(|known| known.name == *name)?.digest)
                    .is_some_and(|digest| is_of_digest(&file, &digest));
                let damaged = damage(&file).is_some();
                if is_recorded || damaged || is_newer(&product, &file) {
                    return Some(reinstall(problem, scene, package, kernel));
                }
                Some(problem.manual(by_hand(package, kernel)))
            }
            Found::Nowhere { instead: Some(location) } => {
                let file = module_dir.join(location.relative());
                if same_module(&file, &product) {
                    return None;
                }
                let evidence = format!("{} was replaced after {} was installed", file.display(), package.id);
                let problem = Problem::of(&DIFFERS, evidence).path(&file);
                // A damaged file in the module's place is worth nothing: to replace it loses nothing.
                match damage(&file) {
                    Some(_) if is_own_place(&file) => Some(reinstall(problem, scene, package, kernel)),
                    _ => Some(problem.manual(by_hand(package, kernel))),
                }
            }
            Found::Nowhere { instead: None } => None,
        }
    })
}

/// A regular file, not a link that leads elsewhere.
fn is_own_place(file: &Path) -> bool {
    std::fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_file())
}

fn is_of_digest(file: &Path, digest: &str) -> bool {
    inside::is_file(file) && modsmith_facts::kernel::content_digest(file).is_ok_and(|found| found == digest)
}

fn is_newer(a: &Path, b: &Path) -> bool {
    let time = |path: &Path| inside::metadata(path).and_then(|metadata| metadata.modified()).ok();
    time(a).zip(time(b)).is_some_and(|(a, b)| a >= b)
}

fn by_hand(package: &Package, kernel: &KernelScene) -> String {
    format!(
        "The file is not one that {id} is known to have installed, so it is kept. To have the one of {id}, run \
         `modsmith install {id} -k {} --force`.",
        kernel.target.kernel,
        id = package.id
    )
}

fn missing(scene: &Scene<'_, '_>) -> Vec<Problem> {
    each(scene, |package, kernel, Placed { module, found, record, .. }| {
        if !matches!(found, Found::Nowhere { instead: None }) {
            return None;
        }
        let name = &module.dest_name;
        let recorded = record.as_ref().and_then(|record| record.modules.iter().find(|known| known.name == *name));
        let was_installed = match (&record, recorded) {
            (Some(record), Some(module)) if record.modules.iter().any(|known| known.installed.is_some()) => {
                module.installed.is_some()
            }
            // Of what dkms has installed there is no record: it may have kept the
            // kernel's own module.
            _ => kernel.files().find(name, "").is_empty(),
        };
        let path = match recorded.and_then(crate::tree::RecordedModule::installed_at) {
            Some(location) => kernel.kernel.module_dir().join(location.relative()),
            None => kernel.kernel.module_dir().to_path_buf(),
        };
        let evidence = match path == kernel.kernel.module_dir() {
            true => format!("{} has no module {name}", path.display()),
            false => format!("{} is not there", path.display()),
        };
        let problem = Problem::of(&MISSING, evidence).path(path);
        was_installed.then(|| reinstall(problem, scene, package, kernel))
    })
}

fn writable(scene: &Scene<'_, '_>) -> Vec<Problem> {
    each(scene, |package, kernel, Placed { found, product, .. }| {
        let file = kernel.kernel.module_dir().join(found.location()?.relative());
        let why = who_may_write(&file)?;
        let problem = Problem::of(&WRITABLE, format!("{}: {why}", file.display())).path(&file);
        if std::fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_symlink())
            || who_may_write(&product).is_some()
        {
            return Some(rebuild(problem, scene, package, kernel));
        }
        Some(problem.automatic("Copy it from the tree again, for root alone to write.", Repair::Reinstall))
    })
}
