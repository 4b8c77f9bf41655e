//! What was built of a package for kernels.

use modsmith_plugin::packaging::ModInfo;
use modsmith_plugin::prelude::*;
use modsmith_plugin::system::EntryKind;

/// A module file in the tree.
pub struct Module {
    /// With its suffix, which may be that of a compression.
    pub file: String,
    pub path: Path,
    pub info: ModInfo,
}

impl Module {
    /// The name that a package provides it by: `demo.ko`.
    pub fn object(&self) -> &str {
        let end = self.file.find(".ko").map_or(self.file.len(), |at| at + ".ko".len());
        &self.file[..end]
    }
}

/// The modules that were built for a kernel, by name.
///
/// # Errors
/// `invalid` for a module that cannot be read.
pub fn modules(module: &ModulePackage, kernel: &Kernel) -> Result<Vec<Module>> {
    let directory = module.build(kernel).join("module");
    let mut modules = Vec::new();
    for entry in directory.entries()? {
        let is_module = entry.name.ends_with(".ko") || entry.name.contains(".ko.");
        if entry.kind != EntryKind::File || !is_module {
            continue;
        }
        let path = directory.join(&entry.name);
        let info = ModInfo::of(&path.read_unpacked()?.unwrap_or_default())
            .map_err(|why| invalid(format!("{} is no kernel module: {why}", entry.name)))?;
        modules.push(Module { file: entry.name, path, info });
    }
    Ok(modules)
}

/// The licence tag of a package: what the administrator set, or what the modules
/// say.
pub fn license(modules: &[Module]) -> Result<String> {
    if let Some(license) = setting("license")? {
        return Ok(license);
    }
    let said: std::collections::BTreeSet<&str> =
        modules.iter().filter_map(|module| module.info.first("license")).collect();
    Ok(match said.is_empty() {
        true => "Unknown".into(),
        false => said.into_iter().collect::<Vec<_>>().join(" and "),
    })
}
