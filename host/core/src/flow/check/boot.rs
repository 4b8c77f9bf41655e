//! Boot images: what they hold, and when they were made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::{Check, Problem, Repair, Stage};
use super::scene::{KernelScene, Scene};
use crate::conf::PackageConf;
use crate::flow::boot_contents::{boot_contents, in_image};
use crate::flow::package_facts::package_facts;
use crate::tree::Package;
use modsmith_facts::boot_image::BootImageError;
use modsmith_facts::inside;
use modsmith_plan::Builder;
use modsmith_plugins::{Answer, Change, Initrd, Occasion, PackageFacts};
use modsmith_verdict::InImage;

pub(super) const IMAGE_OLDER: Check = Check {
    id: "boot-image-older",
    state: 16,
    title: "the boot image does not have a module as it is installed",
    stage: Stage::BootImage,
    find: older,
};

pub(super) const UNFINISHED: Check = Check {
    id: "boot-image-unfinished",
    state: 18,
    title: "a boot image is not whole",
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
    let active = scene.active();
    active.iter().filter_map(|(package, kernel)| older_than_package(scene, package, kernel)).collect()
}

fn older_than_package(scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene) -> Option<Problem> {
    let conf = scene.conf(package, kernel).ok()?;
    let packages = [Arc::new(package_facts(package, &conf))];
    let images = images(scene, kernel, &packages);
    let image = images.iter().find(|image| inside::is_file(image))?;
    let evidence = match copies(image, &conf, kernel) {
        Copies::Other(evidence) => evidence,
        Copies::AsInstalled => return None,
        // Only a package that asks for the image says that its modules belong into it.
        Copies::NotAll if conf.remake_initrd => older_than_link(scene, package, kernel, image)?,
        Copies::NotAll => return None,
    };
    let problem = Problem::of(&IMAGE_OLDER, evidence).package(&package.id).target(&kernel.target).path(image);
    Some(match is_made_here(scene, kernel, &packages) {
        true => problem.automatic(format!("Make the boot image of {} again.", kernel.target.kernel), Repair::BootImage),
        false => problem.manual(format!("Make the boot image of {} again.", kernel.target.kernel)),
    })
}

/// A package's modules in a boot image.
enum Copies {
    /// A module in the image has other code than the installed file; the evidence.
    Other(String),
    AsInstalled,
    /// Some are not there, or cannot be compared.
    NotAll,
}

fn copies(image: &Path, conf: &PackageConf, kernel: &KernelScene) -> Copies {
    let Ok(contents) = boot_contents(image) else { return Copies::NotAll };
    let mut are_all_there = true;
    for module in &conf.modules {
        let name = module.dest_name.replace('-', "_");
        let installed = kernel.indexed(&name).map(|file| kernel.kernel.module_dir().join(file));
        match in_image(&contents, &kernel.target.kernel, &name, installed.as_deref()) {
            InImage::Different { file, by } => {
                let installed = installed.unwrap_or_default();
                let evidence =
                    format!("{} has /{file}, which is not {}: the {by} differs", image.display(), installed.display());
                return Copies::Other(evidence);
            }
            InImage::Same => {}
            _ => are_all_there = false,
        }
    }
    if are_all_there { Copies::AsInstalled } else { Copies::NotAll }
}

/// Whether an image was made before the package was installed: the link is made anew with each
/// installation.
fn older_than_link(scene: &Scene<'_, '_>, package: &Package, kernel: &KernelScene, image: &Path) -> Option<String> {
    let link = scene.run.env.tree.real(&package.id.active_link(&kernel.target));
    let (installed, made) = (std::fs::symlink_metadata(&link).ok()?, inside::metadata(image).ok()?);
    (installed.modified().ok()? > made.modified().ok()?)
        .then(|| format!("{} is older than {}, which was made at the installation", image.display(), link.display()))
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
            found.push(Problem::of(&UNFINISHED, evidence).target(&kernel.target).path(path).manual(text));
        }
    }
    found
}

fn has_builds(scene: &Scene<'_, '_>, kernel: &KernelScene) -> bool {
    scene.packages.iter().any(|entry| scene.run.env.tree.is_built(&entry.id, &kernel.target))
}

/// An image that is empty or that the kernel does not unpack to its end, or the draft of one that
/// never got its name, with the reason.
fn why_unfinished(image: &Path) -> Option<(PathBuf, String)> {
    let metadata = inside::metadata(image).ok().filter(|metadata| metadata.is_file());
    if metadata.as_ref().is_some_and(|metadata| metadata.len() == 0) {
        return Some((image.to_path_buf(), "it is empty".into()));
    }
    if metadata.is_some()
        && let Err(damage @ BootImageError::Damaged { .. }) = boot_contents(image)
    {
        return Some((image.to_path_buf(), damage.to_string()));
    }
    let mut draft = image.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    inside::is_file(&draft).then(|| (draft, "the image was being written there, and did not get its name".into()))
}

/// What is free on a file system, as the end of a sentence.
fn space(directory: &Path) -> String {
    let Ok(system) = rustix::fs::statvfs(inside::real(directory)) else { return String::new() };
    let free = system.f_bavail.saturating_mul(system.f_frsize) >> 20;
    format!("; {free} MiB are free there")
}
