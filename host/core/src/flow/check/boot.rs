//! Boot images, as far as their files tell without being read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::{Check, Problem, Repair, Stage};
use super::scene::{KernelScene, Scene};
use crate::flow::package_facts;
use crate::tree::Package;
use modsmith_facts::inside;
use modsmith_plan::Builder;
use modsmith_plugins::{Answer, Change, Initrd, Occasion, PackageFacts};

pub(super) const IMAGE_OLDER: Check = Check {
    id: "boot-image-older",
    state: 16,
    title: "the boot image is older than a module that belongs into it",
    stage: Stage::BootImage,
    find: older,
};

pub(super) const UNFINISHED: Check = Check {
    id: "boot-image-unfinished",
    state: 18,
    title: "a boot image was not written to its end",
    stage: Stage::BootImage,
    find: unfinished,
};

/// Where the image files of a kernel are, there or not, by the plugin that makes them.
fn images(scene: &Scene<'_, '_>, kernel: &KernelScene, packages: &[Arc<PackageFacts>]) -> Vec<PathBuf> {
    let change = Change { kernel: &kernel.kernel, occasion: Occasion::Installed, packages };
    let Ok(Answer::Given { value, .. }) = Initrd(&scene.run.env.plugins).images(change) else { return Vec::new() };
    let roots = scene.run.env.kernel_roots(&kernel.kernel);
    value.iter().filter_map(|location| roots.path(location)).collect()
}

fn older(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let mut found = Vec::new();
    for (package, kernel) in scene.active() {
        found.extend(older_than_module(scene, &package, kernel));
    }
    found
}

/// Only a package that asks for the image says that its modules belong into it.
fn older_than_module(scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene) -> Option<Problem> {
    let conf = scene.conf(package, kernel).ok().filter(|conf| conf.remake_initrd)?;
    let packages = [Arc::new(package_facts(package, &conf))];
    let images = images(scene, kernel, &packages);
    let image = images.iter().find(|image| inside::is_file(image))?;
    // The link is made anew with each installation.
    let link = scene.run.env.tree.real(&package.id.active_link(&kernel.target));
    let (installed, made) = (std::fs::symlink_metadata(&link).ok()?, inside::metadata(image).ok()?);
    if installed.modified().ok()? <= made.modified().ok()? {
        return None;
    }
    let evidence = format!("{} is older than {}, which was made at the installation", image.display(), link.display());
    let problem = Problem::of(&IMAGE_OLDER, evidence).package(&package.id).target(&kernel.target).path(image);
    Some(match is_made_here(scene, kernel, &packages) {
        true => problem.automatic(format!("Make the boot image of {} again.", kernel.target.kernel), Repair::BootImage),
        false => problem.told(format!("Make the boot image of {} again.", kernel.target.kernel)),
    })
}

/// Whether a plugin has steps that make the image.
fn is_made_here(scene: &Scene<'_, '_>, kernel: &KernelScene, packages: &[Arc<PackageFacts>]) -> bool {
    let change = Change { kernel: &kernel.kernel, occasion: Occasion::Installed, packages };
    let mut unused = Builder::new(String::new(), scene.run.env.kernel_roots(&kernel.kernel));
    matches!(Initrd(&scene.run.env.plugins).refresh(change, &mut unused), Ok(Answer::Given { .. }))
}

fn unfinished(scene: &Scene<'_, '_>) -> Vec<Problem> {
    let mut found = Vec::new();
    // Kernels that no package has anything for are not asked about.
    for kernel in scene.kernels.iter().filter(|kernel| kernel.is_there() && has_builds(scene, kernel)) {
        for image in images(scene, kernel, &[]) {
            let Some((path, why)) = why_unfinished(&image) else { continue };
            let directory = image.parent().unwrap_or(&image);
            let evidence = format!("{}: {why}{}", path.display(), space(directory));
            let release = &kernel.target.kernel;
            let text = format!(
                "Make room on the file system of {}: remove kernels that are not used. Then make the boot image of \
                 {release} again, and keep that of another kernel until this one has started.",
                directory.display()
            );
            found.push(Problem::of(&UNFINISHED, evidence).target(&kernel.target).path(path).told(text));
        }
    }
    found
}

fn has_builds(scene: &Scene<'_, '_>, kernel: &KernelScene) -> bool {
    scene.packages.iter().any(|entry| scene.run.env.tree.is_built(&entry.id, &kernel.target))
}

/// An image that is empty, or the draft of one that never got its name, with the reason.
fn why_unfinished(image: &Path) -> Option<(PathBuf, &'static str)> {
    if inside::metadata(image).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0) {
        return Some((image.to_path_buf(), "it is empty"));
    }
    let mut draft = image.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    inside::is_file(&draft).then_some((draft, "the image was being written there, and did not get its name"))
}

/// What is free on a file system, as the end of a sentence.
fn space(directory: &Path) -> String {
    let Ok(system) = rustix::fs::statvfs(inside::real(directory)) else { return String::new() };
    let free = system.f_bavail.saturating_mul(system.f_frsize) >> 20;
    format!("; {free} MiB are free there")
}
