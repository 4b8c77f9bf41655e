//! Boot images, as far as their files tell without being read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::{Check, Problem, Repair, Stage};
use super::scene::{KernelScene, Scene};
use crate::flow::package_facts;
use crate::tree::Package;
use modsmith_facts::{Root, inside};
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

/// The image files of a kernel that are there, by the plugin that makes them.
fn images(scene: &Scene<'_, '_>, kernel: &KernelScene, packages: &[Arc<PackageFacts>]) -> Vec<PathBuf> {
    let change = Change { kernel: &kernel.kernel, occasion: Occasion::Installed, packages };
    let Ok(Answer::Given { value, .. }) = Initrd(&scene.run.env.plugins).images(change) else { return Vec::new() };
    let roots = scene.run.env.kernel_roots(&kernel.kernel);
    let paths = value.iter().filter_map(|location| roots.path(location));
    paths.filter(|path| inside::is_file(path)).collect()
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
    let image = images.first()?;
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
    let boot = scene.run.env.system.roots.get(Root::Boot).unwrap_or(Path::new("/boot"));
    let entries = std::fs::read_dir(inside::real(boot)).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    let mut found = Vec::new();
    for kernel in scene.kernels.iter().filter(|kernel| kernel.is_there()) {
        let release = &kernel.target.kernel;
        let of_kernel = |name: &&String| is_image_of(name, release);
        for path in names.iter().filter(of_kernel).map(|name| boot.join(name)) {
            let Some(why) = why_unfinished(&path, release) else { continue };
            let evidence = format!("{}: {why}{}", path.display(), space(boot));
            let text = format!(
                "Make room on the file system of {}: remove kernels that are not used. Then make the boot image of \
                 {release} again, and keep the image of another kernel until that one has started.",
                boot.display()
            );
            found.push(Problem::of(&UNFINISHED, evidence).target(&kernel.target).path(path).told(text));
        }
    }
    found
}

/// Whether a name in `/boot` is that of a kernel's boot image, or of one that was being
/// written: `initrd.img-K`, `initramfs-K.img`, `initrd-K`, with `.new` behind it.
fn is_image_of(name: &str, release: &str) -> bool {
    let name = name.strip_suffix(".new").unwrap_or(name);
    let name = name.strip_suffix(".img").unwrap_or(name);
    ["initrd.img-", "initramfs-", "initrd-"].iter().any(|begin| name.strip_prefix(begin) == Some(release))
}

fn why_unfinished(path: &Path, release: &str) -> Option<String> {
    let metadata = inside::metadata(path).ok()?;
    if metadata.len() == 0 {
        return Some("it is empty".to_owned());
    }
    let is_draft = path.to_string_lossy().ends_with(".new");
    is_draft.then(|| format!("the image of {release} was being written there, and did not get its name"))
}

/// What is free on a file system, as the end of a sentence.
fn space(directory: &Path) -> String {
    let Ok(system) = rustix::fs::statvfs(inside::real(directory)) else { return String::new() };
    let free = system.f_bavail.saturating_mul(system.f_frsize) >> 20;
    format!("; {free} MiB are free there")
}

#[cfg(test)]
mod tests {
    use super::is_image_of;

    #[test]
    fn a_boot_image_is_known_by_its_name() {
        for name in ["initrd.img-6.1", "initramfs-6.1.img", "initrd-6.1", "initrd.img-6.1.new"] {
            assert!(is_image_of(name, "6.1"), "{name}");
        }
        for name in
            ["initrd.img-6.1.0", "initrd.img-6.1.dpkg-bak", "vmlinuz-6.1", "initrd.img", "initramfs-6.1-fallback.img"]
        {
            assert!(!is_image_of(name, "6.1"), "{name}");
        }
    }
}
