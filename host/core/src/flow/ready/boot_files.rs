//! The files that a boot loader loads for a kernel: its image, and the initial RAM file
//! system.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::uses::Uses;
use crate::flow::Invocation;
use crate::flow::boot_contents::boot_contents;
use crate::flow::invocation::image::{image_places, known};
use crate::tree::Target;
use modsmith_facts::boot_image::{BootImage, BootImageError};
use modsmith_facts::inside;
use modsmith_facts::kernel::{ImageError, Kernel, section_of_pe, unpack_image};
use modsmith_plugins::{Answer, Change, Initrd, Occasion};
use modsmith_verdict::{BootImageState, Grade, KernelFile};
use modsmith_verify::{Installed, Neighbours};

/// The files that an entry of a boot loader names.
#[derive(Debug, Clone)]
pub(super) struct BootFiles {
    pub image: PathBuf,
    pub boot_images: Vec<PathBuf>,
}

/// The initial RAM file system of a kernel.
pub(super) struct Boot {
    pub files: Vec<PathBuf>,
    pub state: BootImageState,
    /// The contents, if the image was read to its end.
    pub contents: Option<BootImage>,
}

/// The kernel's image, and whether it is whole.
pub(super) fn kernel_file(
    run: &Invocation<'_>,
    kernel: &Kernel,
    files: Option<&BootFiles>,
) -> (Option<PathBuf>, KernelFile) {
    let places = match files {
        Some(files) => vec![files.image.clone()],
        None => image_places(&run.env, kernel),
    };
    let Some(image) = places.iter().find(|place| inside::is_file(place)) else {
        let names: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        return (None, KernelFile::Missing(names.join(", ")));
    };
    let file = || image.display().to_string();
    let state = match known(image) {
        Ok(_) => KernelFile::Good,
        Err(why) => match inside::read_file(image).map(|bytes| unpack_image(&bytes).err()) {
            Err(error) => KernelFile::Unknown(format!("{} cannot be read: {error}", file())),
            Ok(Some(ImageError::Damaged(_))) => KernelFile::Damaged { file: file(), why },
            // A kernel of another machine's form: nothing says that it is damaged.
            Ok(_) => KernelFile::Unknown(format!("{} cannot be checked: {why}", file())),
        },
    };
    (Some(image.clone()), state)
}

/// The kernel's boot image: the files that the boot loader's entry names, else the one of
/// the plugin that makes boot images.
pub(super) fn boot_image(run: &Invocation<'_>, kernel: &Arc<Kernel>, files: Option<&BootFiles>, uses: &Uses) -> Boot {
    let unknown = |why: String| Boot { files: Vec::new(), state: BootImageState::Unknown(why), contents: None };
    let (named, must_exist) = match files {
        Some(files) if !files.boot_images.is_empty() => (files.boot_images.clone(), true),
        Some(files) if has_own_boot_image(&files.image) => (vec![files.image.clone()], true),
        _ => match made_by_plugin(run, kernel) {
            Err(why) => return unknown(why),
            Ok(candidates) => match candidates.iter().find(|file| inside::is_file(file)) {
                Some(first) => (vec![first.clone()], true),
                None => (candidates.into_iter().take(1).collect(), false),
            },
        },
    };
    let missing = |file: &Path, is_needed| BootImageState::Missing { file: file.display().to_string(), is_needed };
    if let Some(file) = named.iter().find(|file| !inside::is_file(file)) {
        let is_needed = if must_exist { Some(true) } else { needs_boot_image(kernel, uses) };
        return Boot { state: missing(file, is_needed), files: Vec::new(), contents: None };
    }
    let mut contents = BootImage::default();
    for file in &named {
        let path = file.display().to_string();
        match boot_contents(file) {
            Ok(image) => contents.append(image),
            Err(BootImageError::Damaged { .. }) if inside::metadata(file).is_ok_and(|file| file.len() == 0) => {
                return Boot {
                    state: BootImageState::Damaged { file: path, why: "it is empty".into() },
                    files: named,
                    contents: None,
                };
            }
            Err(error @ BootImageError::Damaged { .. }) => {
                let state = BootImageState::Damaged { file: path, why: error.to_string() };
                return Boot { state, files: named, contents: None };
            }
            Err(error) => {
                let state = BootImageState::Unknown(format!("what {path} holds is not known: {error}"));
                return Boot { state, files: named, contents: None };
            }
        }
    }
    let file = named.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    let state = match (contents.archives.is_empty(), not_unpacked(run, kernel, &contents)) {
        (true, _) => BootImageState::Damaged { file, why: "it holds no archive".into() },
        (false, Some(why)) => BootImageState::Damaged { file, why },
        (false, None) => BootImageState::Whole { file },
    };
    Boot { files: named, state, contents: Some(contents) }
}

/// The images that a plugin would make for the kernel, the likeliest first.
fn made_by_plugin(run: &Invocation<'_>, kernel: &Arc<Kernel>) -> Result<Vec<PathBuf>, String> {
    let change = Change { kernel, occasion: Occasion::Installed, packages: &[] };
    match Initrd(&run.env.plugins).images(change) {
        Err(error) => Err(format!("which boot image the kernel has is not known: {error}")),
        Ok(Answer::Given { value, .. }) => {
            let roots = run.env.kernel_roots(kernel);
            Ok(value.iter().filter_map(|location| roots.path(location)).collect())
        }
        Ok(Answer::Unsupported(_)) => Err("no plugin says which boot image the kernel has".to_owned()),
    }
}

fn has_own_boot_image(image: &Path) -> bool {
    inside::read_file(image).is_ok_and(|bytes| section_of_pe(&bytes, b".initrd\0").is_some())
}

/// Whether the system cannot start without a boot image: a module holds its root file
/// system.
fn needs_boot_image(kernel: &Kernel, uses: &Uses) -> Option<bool> {
    let neighbours = Installed::new(kernel.module_dir(), []);
    let critical: BTreeSet<&str> =
        uses.critical().filter(|(_, grade)| *grade == Grade::BootCritical).map(|(module, _)| module).collect();
    critical.iter().any(|module| neighbours.indexed(module).is_ok_and(|file| file.is_some())).then_some(true)
}

/// Which compression of the image the kernel does not unpack, by its configuration.
fn not_unpacked(run: &Invocation<'_>, kernel: &Kernel, contents: &BootImage) -> Option<String> {
    let target = Target { kernel: kernel.release().to_owned(), arch: kernel.arch().to_owned() };
    let facts = run.facts.image(&run.env, &target, kernel);
    let compressed = contents.archives.iter().filter(|archive| archive.compression != "none");
    compressed.map(|archive| archive.compression.as_str()).find_map(|compression| {
        let symbol = format!("RD_{}", compression.to_uppercase());
        let is_missing = facts.is_configured(&symbol).is_ok_and(|is_configured| !is_configured);
        is_missing.then(|| format!("it is compressed with {compression}, and the kernel has no CONFIG_{symbol}"))
    })
}
