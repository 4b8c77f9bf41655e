//! Modules of the kernel that were put aside, and never put back.

use std::path::{Path, PathBuf};

use super::problem::{Check, Problem, Repair, Stage};
use super::scene::{KernelScene, Scene};
use crate::flow::verify::refusal_for;
use crate::tree::{ModuleDirectory, PackageId};
use modsmith_facts::kernel::module_stem;
use modsmith_facts::{Location, Root};

pub(super) const NOT_RESTORED: Check = Check {
    id: "original-not-restored",
    state: 8,
    title: "a module of the kernel was put aside, and nothing has put it back",
    stage: Stage::Installed,
    find: not_restored,
};

fn not_restored(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let mut found = Vec::new();
    for module in scene.modules.iter().filter(|module| module.has_originals) {
        for kernel in scene.kernels.iter().filter(|kernel| kernel.is_there()) {
            if scene.run.env.tree.active_version(&module.name, &kernel.target).is_none() {
                found.extend(of_kernel(scene, module, kernel));
            }
        }
    }
    found
}

fn of_kernel(scene: &Scene<'_, '_>, module: &ModuleDirectory, kernel: &KernelScene) -> Vec<Problem> {
    let id = PackageId { module: module.name.clone(), version: String::new() };
    let archive = id.originals_dir(&kernel.target);
    let real = scene.run.env.tree.real(&archive);
    let names = std::fs::read_dir(&real).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> = names
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| module_stem(name).is_some())
        .collect();
    names.sort();
    let original = |name: String| {
        let kept = real.join(&name);
        let problem = |evidence: String| Problem::of(&NOT_RESTORED, evidence).target(&kernel.target).path(&kept);
        let Some(place) = place(scene, &archive, &name, kernel) else {
            let evidence = format!("{}; where it was is not recorded", kept.display());
            return problem(evidence).manual(reinstall_kernel(kernel));
        };
        let shown = kernel.kernel.module_dir().join(&place);
        if std::fs::symlink_metadata(&shown).is_ok() {
            let evidence = format!("{}, and {} is there again", kept.display(), shown.display());
            let text =
                format!("Compare the two. If the kernel's own is the right one, run `rm -r {}`.", real.display());
            return problem(evidence).manual(text);
        }
        if let Some(why) = refusal_for(scene.run, &kept, &kernel.target) {
            return problem(format!("{} {why}", kept.display())).manual(reinstall_kernel(kernel));
        }
        let evidence = format!("{}; {} is not there", kept.display(), shown.display());
        let moves = archive.join(&name).ok().zip(Location::new(Root::Modules, &place).ok());
        match moves {
            Some(moves) => problem(evidence).automatic(
                format!("Put it back to {}, and run depmod.", shown.display()),
                Repair::RestoreOriginals(vec![moves]),
            ),
            None => problem(evidence).manual(reinstall_kernel(kernel)),
        }
    };
    names.into_iter().map(original).collect()
}

fn reinstall_kernel(kernel: &KernelScene) -> String {
    format!("Install the package of kernel {} again: it has the module.", kernel.target.kernel)
}

/// Where an original was, below the kernel's module directory.
fn place(scene: &Scene<'_, '_>, archive: &Location, name: &str, kernel: &KernelScene) -> Option<PathBuf> {
    let text = scene.run.env.tree.believed(&archive.join(format!("{name}.origin")).ok()?)?;
    let text = String::from_utf8(text).ok()?;
    let module_dir = scene.run.env.system.inside(kernel.kernel.module_dir());
    let below = Path::new(text.trim()).strip_prefix(module_dir).ok()?.to_path_buf();
    (!below.as_os_str().is_empty()).then_some(below)
}
