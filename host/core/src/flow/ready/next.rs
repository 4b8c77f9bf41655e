//! Which kernel starts next.

use std::path::Path;

use super::boot_files::BootFiles;
use crate::error::Result;
use crate::flow::Invocation;
use modsmith_facts::inside;
use modsmith_facts::kernel::image_release;
use modsmith_facts::machine::Machine;
use modsmith_plugins::{BootEntry, BootLoader, BootMenu, NextBoot};

/// What is known of the next start.
#[derive(Debug, Clone)]
pub enum Next {
    Known(NextKernel),
    /// With the reason, a clause.
    Unknown(String),
}

/// The kernel that starts next.
#[derive(Debug, Clone)]
pub struct NextKernel {
    pub release: String,
    /// The boot loader's name.
    pub loader: String,
    /// The entry of its menu.
    pub id: String,
    pub title: String,
    /// `one-shot`, `saved`, `default` or `first`.
    pub rule: &'static str,
    /// The file or setting that says so.
    pub evidence: String,
    pub(super) files: BootFiles,
}

/// Asks the plugins for the boot loaders' menus.
pub(super) fn next(run: &Invocation<'_>, machine: &Machine) -> Result<Next> {
    if machine.is_kexec_loaded() == Some(true) {
        let why = "a kernel is loaded by kexec (/sys/kernel/kexec_loaded), and nothing says which one";
        return Ok(Next::Unknown(why.to_owned()));
    }
    let menus = BootLoader(&run.env.plugins).menus()?;
    let in_use: Vec<&BootMenu> = menus.iter().filter(|menu| menu.in_use.is_some()).collect();
    let menu = match (menus.as_slice(), in_use.as_slice()) {
        ([], _) => return Ok(Next::Unknown("no boot loader was found that a plugin knows".to_owned())),
        ([one], _) => one,
        (_, [one]) => *one,
        (several, _) => {
            let names: Vec<&str> = several.iter().map(|menu| menu.loader.as_str()).collect();
            return Ok(Next::Unknown(format!(
                "there are several boot loaders ({}), and nothing says which one the firmware starts",
                names.join(", ")
            )));
        }
    };
    Ok(match &menu.next {
        NextBoot::Unknown(why) => Next::Unknown(format!("{}: {why}", menu.loader)),
        NextBoot::Known { entry, rule, evidence } => match kernel(run, entry) {
            Err(why) => Next::Unknown(format!("{}: the entry `{}` {why}", menu.loader, entry.id)),
            Ok((release, files)) => Next::Known(NextKernel {
                release,
                loader: menu.loader.clone(),
                id: entry.id.clone(),
                title: entry.title.clone(),
                rule: rule.name(),
                evidence: evidence.clone(),
                files,
            }),
        },
    })
}

/// The release of an entry's kernel, and its files: the image's own word counts before the
/// entry's, and both before the file's name.
fn kernel(run: &Invocation<'_>, entry: &BootEntry) -> std::result::Result<(String, BootFiles), String> {
    let path = |location| run.env.system.roots.path(location);
    let image = entry.image.as_ref().and_then(path).ok_or("starts no kernel of this system")?;
    let boot_images = entry.initrds.iter().filter_map(path).collect();
    let of_image = inside::read_file(&image).ok().and_then(|image| image_release(&image));
    let release = of_image.or_else(|| entry.release.clone()).or_else(|| of_name(run, &image));
    let release = release.or_else(|| of_missing(&image));
    let release = release.filter(|release| crate::tree::check_kernel_name("kernel", release).is_ok());
    match release {
        Some(release) => Ok((release, BootFiles { image, boot_images })),
        None => Err(format!("starts {}, and nothing says which kernel that is", image.display())),
    }
}

/// The kernel release that the name of a missing image gives: the next start fails with this kernel.
fn of_missing(image: &Path) -> Option<String> {
    let name = image.file_name()?.to_str()?;
    let release = name.split_once('-').map_or(name, |(_, release)| release);
    (!inside::is_file(image)).then(|| release.to_owned())
}

/// `vmlinuz-K` is the kernel K where that has a module directory.
fn of_name(run: &Invocation<'_>, image: &Path) -> Option<String> {
    let (_, release) = image.file_name()?.to_str()?.split_once('-')?;
    inside::is_dir(&run.env.install_tree().join(release)).then(|| release.to_owned())
}
