//! Repairs by which something leaves the tree.
//!
//! No script of a package runs, and no dkms.conf is read: these packages have lost their
//! sources, or their kernels are gone. What was installed is known by the records and by
//! the contents of the files.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::check::kernels::INDEX_FILES;
use crate::flow::check::owners::Owners;
use crate::flow::failure_records::{plan_forget, plan_forget_package};
use crate::flow::install::installed::is_recorded;
use crate::tree::{PackageId, RecordedModule, Target};
use modsmith_facts::kernel::module_stem;
use modsmith_facts::{Location, Root, inside};
use modsmith_plan::{Builder, verbs};

/// Takes a version out of the tree, with what it installed for kernels.
pub fn remove_version(run: &Invocation<'_>, id: &PackageId, owners: &Owners) -> Result<()> {
    let mut plan = Builder::new(format!("remove {id}"), run.env.system.roots.clone());
    let module = run.env.tree.module(&id.module)?;
    for target in run.env.tree.targets(id) {
        plan_uninstall(run, id, &target, owners, &mut plan);
    }
    for target in run.env.tree.active_targets(&module, id) {
        plan.push(verbs::Remove { location: id.active_link(&target) }, "the version is leaving the tree");
    }
    plan.push(verbs::Remove { location: id.version_dir() }, "its source is gone, and no kernel uses it")
        .line(format!("Deleting module {id} completely from the DKMS tree."));
    plan.push(verbs::Prune::from(id.originals_root()), "directories that became empty are removed");
    plan.push(verbs::Prune::from(id.module_dir()), "directories that became empty are removed");
    plan.push(verbs::Prune::from(id.source_dir()), "no empty source directory is left");
    plan_forget_package(run, id, &mut plan);
    run.runner.run(plan)
}

/// Takes away what was installed for a kernel that is gone, and the builds for it.
pub fn forget_kernel(run: &Invocation<'_>, target: &Target, owners: &Owners) -> Result<()> {
    let title = format!("remove what is left of kernel {}", target.kernel);
    let mut plan = Builder::new(title, run.env.system.roots.clone());
    let is_there = inside::is_dir(&run.env.install_tree().join(&target.kernel));
    for entry in run.env.tree.entries()? {
        let id = entry.id;
        if !run.env.tree.is_built(&id, target) {
            continue;
        }
        plan_uninstall(run, &id, target, owners, &mut plan);
        if run.env.tree.is_installed(&id, target) {
            plan.push(verbs::Remove { location: id.active_link(target) }, "the kernel is gone");
        }
        plan.push(verbs::Remove { location: id.target_dir(target) }, "the kernel is gone");
        plan.push(verbs::Prune::from(id.kernel_dir(target)), "no empty kernel directory is left");
        if run.env.tree.has_originals(&id, target) {
            plan.push(verbs::Remove { location: id.originals_dir(target) }, "the kernel that they were of is gone");
            plan.push(verbs::Prune::from(id.originals_root()), "directories that became empty are removed");
        }
        plan_forget(run, &id, target, &mut plan);
    }
    if is_there {
        plan_directory(run, target, owners, &mut plan);
    }
    run.runner.run(plan)
}

/// What [`remove_version`] deletes below the kernels' module directories.
pub fn files_of_version(run: &Invocation<'_>, id: &PackageId) -> Vec<PathBuf> {
    let of_target = |target: &Target| {
        let module_dir = run.env.install_tree().join(&target.kernel);
        own_files(run, id, target, &module_dir).into_iter().map(|file| module_dir.join(file)).collect::<Vec<_>>()
    };
    run.env.tree.targets(id).iter().flat_map(of_target).collect()
}

/// What [`forget_kernel`] deletes there.
pub fn files_for_kernel(run: &Invocation<'_>, target: &Target) -> Vec<PathBuf> {
    let module_dir = run.env.install_tree().join(&target.kernel);
    // A tree that cannot be read stops the repair.
    let entries = run.env.tree.entries().unwrap_or_default();
    let built = entries.iter().filter(|entry| run.env.tree.is_built(&entry.id, target));
    let own = built.flat_map(|entry| own_files(run, &entry.id, target, &module_dir));
    let index = INDEX_FILES.iter().map(PathBuf::from).filter(|name| inside::is_file(&module_dir.join(name)));
    own.chain(index).map(|file| module_dir.join(file)).collect()
}

/// The files that a version has installed for a kernel, as far as they are known to be
/// its own, and no package owns them.
fn plan_uninstall(run: &Invocation<'_>, id: &PackageId, target: &Target, owners: &Owners, plan: &mut Builder) {
    let module_dir = run.env.install_tree().join(&target.kernel);
    for file in own_files(run, id, target, &module_dir) {
        if owners.has(&module_dir.join(&file)) {
            continue;
        }
        let Ok(location) = Location::new(Root::InstallTree, Path::new(&target.kernel).join(&file)) else { continue };
        let parent = location.parent();
        plan.push(verbs::Remove { location }, format!("installed by {id}"))
            .line(format!("Deleting {}", module_dir.join(&file).display()));
        if let Some(parent) = parent {
            plan.push(verbs::Prune::from(parent), "directories that became empty are removed");
        }
    }
}

/// Below the kernel's module directory: those that the record names, and those with the
/// contents of a product.
fn own_files(run: &Invocation<'_>, id: &PackageId, target: &Target, module_dir: &Path) -> Vec<PathBuf> {
    let directory = run.env.tree.real(&id.products_dir(target));
    let record = run.env.tree.record(id, target).map(|record| record.modules).unwrap_or_default();
    let products = run.env.tree.products(id, target);
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(inside::real(module_dir)).sort_by_file_name().into_iter().filter_map(Result::ok)
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((stem, _)) = module_stem(&name).filter(|_| entry.file_type().is_file()) else { continue };
        let Ok(file) = entry.path().strip_prefix(inside::real(module_dir)) else { continue };
        let recorded = record.iter().find(|module| is_at(module, file)).and_then(|module| module.digest.as_deref());
        let product = products.iter().find(|product| module_stem(product).is_some_and(|(known, _)| known == stem));
        let product = product.map(|product| directory.join(product));
        let is_ours = match (recorded, &product) {
            (Some(digest), product) => is_recorded(entry.path(), Some(digest), product.as_deref()),
            (None, Some(product)) => super::super::ours::same_module(entry.path(), product),
            (None, None) => false,
        };
        if is_ours {
            files.push(file.to_path_buf());
        }
    }
    files
}

fn is_at(module: &RecordedModule, file: &Path) -> bool {
    module.installed_at().is_some_and(|location| location.relative() == file)
}

/// The module index of a kernel, and its directory with all that is empty below it.
fn plan_directory(run: &Invocation<'_>, target: &Target, owners: &Owners, plan: &mut Builder) {
    let at = |name: &str| Location::new(Root::InstallTree, Path::new(&target.kernel).join(name));
    for name in INDEX_FILES {
        if let Ok(location) = at(name)
            && run.env.system.roots.path(&location).is_some_and(|path| inside::is_file(&path) && !owners.has(&path))
        {
            plan.push(verbs::Remove { location }, "made by depmod, for modules that are gone");
        }
    }
    let top = run.env.install_tree().join(&target.kernel);
    let directories = walkdir::WalkDir::new(inside::real(&top)).contents_first(true).sort_by_file_name();
    for entry in directories.into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_dir()) {
        let below = entry.path().strip_prefix(inside::real(&top)).unwrap_or(Path::new(""));
        if let Ok(location) = Location::new(Root::InstallTree, Path::new(&target.kernel).join(below)) {
            plan.push(verbs::Prune::from(location), "no empty directory is left");
        }
    }
}
