//! Red Hat's first two forms: modules in one compressed archive, and tables of
//! the devices that they are for.

use std::collections::BTreeSet;

use modsmith_plugin::packaging::{Files, gzip};
use modsmith_plugin::prelude::*;

use super::{Disk, FileSystem};
use crate::built::kernel_name;
use crate::built::{Built, kernels_name};
use cpio::Form;

/// Directory of the source with what only the driver's author can write.
const TABLES: &str = "redhat_driver_disk";

/// The files that are taken from there.
const FROM_SOURCE: [&str; 6] = ["modinfo", "disk-info", "modules.dep", "pcitable", "modules.pcimap", "pci.ids"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Modules by kernel.
    One,
    /// Modules by kernel and architecture.
    Two,
}

/// A disk with the modules of some kernels.
///
/// # Errors
/// Refused, with 3, for kernels of more architectures than the first form can
/// tell apart.
pub fn disk(form: Layout, title: &str, kernels: &[Built], date: u32) -> Result<Disk> {
    if form == Layout::One {
        check_architectures(kernels)?;
    }
    let marker = if form == Layout::One { "rhdd-6.1" } else { "rhdd" };
    let mut files = Files::new();
    files.add("modules.cgz", gzip(&cpio::archive(&members(form, kernels), Form::Crc, "", false, date)), 0o644);
    files.add(marker, format!("{title} driver disk\n"), 0o644);
    files.add("modules.alias", aliases(kernels), 0o644);
    let mut missing = Vec::new();
    for name in FROM_SOURCE {
        match Path::source(format!("{TABLES}/{name}")).read()? {
            Some(contents) => files.add(name, contents, 0o644),
            None => missing.push(name),
        }
    }
    let note = |missing: &[&str]| {
        let list = missing.join(", ");
        format!(
            "Warning: the source's directory {TABLES} has no {list}, so the disk has none: the installer may not find the driver."
        )
    };
    let notes = if missing.is_empty() { Vec::new() } else { vec![note(&missing)] };
    let name = format!("{title}-{}-dd", kernels_name(kernels));
    Ok(Disk { name, files, system: FileSystem::Fat, label: None, notes })
}

/// The first form is for one architecture, or for i386 and another.
fn check_architectures(kernels: &[Built]) -> Result<()> {
    let architectures: BTreeSet<&str> = kernels.iter().map(Built::installer_arch).collect();
    let releases: BTreeSet<&str> = kernels.iter().map(|built| built.release.as_str()).collect();
    let advice = "With --distro redhat2, a disk tells all architectures apart; or make one for each.";
    if architectures.len() > 2 || (architectures.len() == 2 && !architectures.contains("i386")) {
        let list = architectures.into_iter().collect::<Vec<_>>().join(", ");
        let reason = format!("This kind of disk is for one architecture, or i386 and one more, not for {list}.");
        return Err(refuse(3, reason).hint(advice));
    }
    if releases.len() < kernels.len() {
        let reason = "This kind of disk cannot hold modules of two architectures for one kernel release.";
        return Err(refuse(3, reason).hint(advice));
    }
    Ok(())
}

fn members(form: Layout, kernels: &[Built]) -> Files {
    let mut members = Files::new();
    for built in kernels {
        let directory = match form {
            Layout::One => built.release.clone(),
            Layout::Two => format!("{}/{}", built.release, built.installer_arch()),
        };
        for module in &built.modules {
            members.add(format!("{directory}/{}", module.file_name()), module.contents.clone(), 0o644);
        }
    }
    members
}

/// What depmod(8) writes into `modules.alias`, each line once.
fn aliases(kernels: &[Built]) -> String {
    let mut lines = vec!["# Aliases extracted from modules themselves.".to_owned()];
    let mut known = BTreeSet::new();
    for module in kernels.iter().flat_map(|built| &built.modules) {
        for alias in module.info.all("alias") {
            let line = format!("alias {alias} {}", kernel_name(&module.name));
            if known.insert(line.clone()) {
                lines.push(line);
            }
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built::samples::built;

    fn paths(form: Layout, kernels: &[Built]) -> Vec<String> {
        let members = members(form, kernels);
        members.iter().map(|(path, _)| path.to_owned()).filter(|path| path.ends_with(".ko")).collect()
    }

    #[test]
    fn modules_are_by_kernel_or_by_kernel_and_architecture() {
        let kernels = [built("2.4.21", "i686", &["a", "b"]), built("2.4.21smp", "ia64", &["a"])];
        assert_eq!(paths(Layout::One, &kernels), ["2.4.21/a.ko", "2.4.21/b.ko", "2.4.21smp/a.ko"]);
        assert_eq!(paths(Layout::Two, &kernels), ["2.4.21/i386/a.ko", "2.4.21/i386/b.ko", "2.4.21smp/ia64/a.ko"]);
    }

    #[test]
    fn the_first_form_is_for_one_architecture_or_i386_and_another() {
        let check = |kernels: &[(&str, &str)]| {
            let kernels: Vec<Built> = kernels.iter().map(|(release, arch)| built(release, arch, &["a"])).collect();
            check_architectures(&kernels).map_err(|refusal| refusal.code)
        };
        assert_eq!(check(&[("1", "x86_64"), ("2", "x86_64")]), Ok(()));
        assert_eq!(check(&[("1", "i586"), ("2", "i686"), ("3", "x86_64")]), Ok(()));
        assert_eq!(check(&[("1", "ia64"), ("2", "x86_64")]), Err(Some(3)));
        assert_eq!(check(&[("1", "ia64"), ("2", "i386"), ("3", "ppc64")]), Err(Some(3)));
        assert_eq!(check(&[("1", "i386"), ("1", "x86_64")]), Err(Some(3)));
    }
}
