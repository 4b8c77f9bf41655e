//! A kernel update that keeps the versions of the symbols that a module needs
//! can load the module as it is. Such a kernel gets a link to it in
//! `weak-updates`, where depmod(8) looks.
//!
//! The versions are CRCs of each symbol's type that the kernel's build makes
//! (CONFIG_MODVERSIONS); the kernel compares them again when it loads a module.

mod links;
mod offer;
mod symvers;

use modsmith_plugin::prelude::*;
use modsmith_plugin::system::EntryKind;

struct WeakLinks;

/// Words of os-release of systems whose kernel updates keep symbol versions.
const KEEPING: [&str; 4] = ["rhel", "suse", "opensuse", "sles"];

impl WeakModules for WeakLinks {
    fn link(request: &LinkRequest, plan: &mut Plan) -> Result<Vec<String>> {
        serves()?;
        let (package, built_for) = (request.package(), request.kernel());
        let offer = offer::Offer::of(&package, &built_for, plan)?;
        let mut changed = Vec::new();
        for kernel in others(&built_for)? {
            // A kernel that any version is built for needs no other's modules.
            let wanted = match package.versions_built(&kernel, &built_for.arch()).is_empty() {
                true => offer.fitting(&kernel, plan)?,
                false => Vec::new(),
            };
            if links::arrange(&kernel, &built_for, &offer.files, &wanted, plan)? {
                changed.push(kernel);
            }
        }
        Ok(changed)
    }

    fn unlink(request: &LinkRequest, plan: &mut Plan) -> Result<Vec<String>> {
        serves()?;
        let (files, built_for) = (request.package().installed_files(), request.kernel());
        let mut changed = Vec::new();
        for kernel in others(&built_for)? {
            if links::arrange(&kernel, &built_for, &files, &[], plan)? {
                changed.push(kernel);
            }
        }
        Ok(changed)
    }
}

/// Elsewhere the versions of many symbols change with each update, and links
/// would come and go.
fn serves() -> Result<()> {
    if setting_bool("enabled")? || distro_ids().iter().any(|id| KEEPING.contains(&id.as_str())) {
        return Ok(());
    }
    Err(unsupported("kernels of this system do not keep symbol versions; the setting `enabled` overrules that"))
}

/// The other kernels that are installed: those that have an index of modules.
fn others(built_for: &Kernel) -> Result<Vec<String>> {
    let mut kernels = Vec::new();
    for entry in Path::install_tree("").entries()? {
        let is_other = entry.kind == EntryKind::Directory && entry.name != built_for.release();
        if is_other && Path::install_tree(&entry.name).join("modules.dep").exists()? {
            kernels.push(entry.name);
        }
    }
    Ok(kernels)
}

export!(WeakLinks: WeakModules);
