//! Module files in a kernel's module directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::conf::ModuleRecord;
use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::product_files::{module_file_names, same_contents};
use crate::tree::RecordedModule;
use modsmith_facts::kernel::{Kernel, ModInfo, content_digest, module_stem};
use modsmith_facts::{Location, Root};
use modsmith_plugins::{InstallPolicy, PackageFacts};

/// The directory of such links below a kernel's module directory.
pub(crate) const WEAK_LINKS: &str = "weak-updates";

/// All module files of a kernel, by name without suffixes.
pub struct ModuleIndex(BTreeMap<String, Vec<PathBuf>>);

impl ModuleIndex {
    /// Reads the whole module directory; paths are relative to it, shallow ones
    /// first.
    pub fn read(kernel: &Kernel) -> Self {
        let mut index: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        // Links to other kernels' modules are no modules of its own.
        let own = |entry: &walkdir::DirEntry| entry.depth() != 1 || entry.file_name() != WEAK_LINKS;
        let entries = walkdir::WalkDir::new(kernel.module_dir()).sort_by_file_name().into_iter();
        let entries = entries.filter_entry(own).filter_map(Result::ok);
        for entry in entries.filter(|e| !e.file_type().is_dir()) {
            let name = entry.file_name().to_string_lossy();
            if let (Some((stem, _)), Ok(path)) = (module_stem(&name), entry.path().strip_prefix(kernel.module_dir())) {
                index.entry(stem.to_owned()).or_default().push(path.to_path_buf());
            }
        }
        Self(index)
    }

    /// Files of a module in order of preference: `extra`, `updates`, then the
    /// destination, then anywhere else.
    pub fn find(&self, module: &str, destination: &str) -> Vec<PathBuf> {
        let mut found = self.0.get(module).cloned().unwrap_or_default();
        let rank = |path: &PathBuf| {
            let parent = path.parent().unwrap_or(Path::new(""));
            ["extra", "updates", destination].iter().position(|p| parent == Path::new(p)).unwrap_or(3)
        };
        found.sort_by_key(rank);
        found
    }
}

/// The directory that a module is installed to, below the kernel's module
/// directory, without slashes at its ends.
pub(crate) fn destination(
    run: &Invocation<'_>,
    kernel: &std::sync::Arc<Kernel>,
    package: Option<&std::sync::Arc<PackageFacts>>,
    module: &ModuleRecord,
) -> Result<String> {
    let requested = module.dest_location.trim_matches('/');
    let chosen = match run.facts.addon_modules_dir(&run.env) {
        Some(directory) => directory.to_owned(),
        None => {
            let chosen = InstallPolicy(&run.env.plugins).destination(kernel, package, requested)?;
            chosen.unwrap_or_else(|| requested.to_owned())
        }
    };
    Ok(chosen.trim_matches('/').to_owned())
}

/// Where a module of a package is installed now: where its record says, else
/// below the destination of the policy, else the location that dkms.conf requests.
///
/// A recorded file is known by its contents. One that is found otherwise counts
/// as the package's when its version is that of the one in the tree.
pub(crate) fn find_installed(
    run: &Invocation<'_>,
    kernel: &std::sync::Arc<Kernel>,
    sought: Sought<'_>,
    product: Option<&Path>,
) -> Result<Found> {
    let Sought { module, recorded } = sought;
    let real = |location: &Location| kernel.module_dir().join(location.relative());
    let recorded_at = recorded.and_then(RecordedModule::installed_at);
    let recorded_at =
        recorded_at.filter(|location| std::fs::symlink_metadata(real(location)).is_ok_and(|m| !m.is_dir()));
    if let Some(location) = &recorded_at
        && is_recorded(&real(location), recorded.and_then(|recorded| recorded.digest.as_deref()), product)
    {
        return Ok(Found::At(location.clone()));
    }
    let Some(module) = module else { return Ok(Found::Nowhere { instead: recorded_at }) };
    let places = [destination(run, kernel, None, module)?, module.dest_location.trim_matches('/').to_owned()];
    for place in places {
        for name in module_file_names(&module.dest_name) {
            let Ok(location) = Location::new(Root::Modules, Path::new(&place).join(name)) else { continue };
            let there = recorded_at.as_ref() != Some(&location) && std::fs::symlink_metadata(real(&location)).is_ok();
            if there && product.is_some_and(|product| may_be_same_version(&real(&location), product)) {
                return Ok(Found::At(location));
            }
        }
    }
    Ok(Found::Nowhere { instead: recorded_at })
}

/// An installed module that is looked for: as dkms.conf has it, as the record has
/// it, or both.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    pub module: Option<&'a ModuleRecord>,
    pub recorded: Option<&'a RecordedModule>,
}

/// Where an installed module was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    At(Location),
    /// The module was not found. `instead`: another file is at the path of its installation.
    Nowhere {
        instead: Option<Location>,
    },
}

impl Found {
    /// The installed file.
    pub fn location(&self) -> Option<&Location> {
        match self {
            Found::At(location) => Some(location),
            Found::Nowhere { .. } => None,
        }
    }
}

/// Whether a file is the one that was installed: by the digest of the record, or
/// because it is what is in the tree. Older records have no digest. Where there is
/// nothing to compare with, no file is.
pub fn is_recorded(file: &Path, digest: Option<&str>, product: Option<&Path>) -> bool {
    if product.is_some_and(|product| same_contents(product, file)) {
        return true;
    }
    match digest.zip(content_digest(file).ok()) {
        Some((recorded, found)) => recorded == found,
        None => !is_special(file) && product.is_some_and(|product| may_be_same_version(file, product)),
    }
}

/// A pipe, a device or another thing that no module is in, and that nothing is read from.
fn is_special(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|found| !found.is_file())
}

/// Whether a file's version is that of the one in the tree, or is unknown.
fn may_be_same_version(file: &Path, product: &Path) -> bool {
    let version = |path: &Path| ModInfo::read(path).ok().map(|info| info.version);
    let (ours, theirs) = (version(product), version(file));
    ours.is_none() || theirs.is_none() || ours == theirs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_ours_only_where_there_is_something_to_compare_it_with() {
        let dir = tempfile::tempdir().unwrap();
        let (file, product) = (dir.path().join("ext4.ko"), dir.path().join("product.ko"));
        std::fs::write(&file, "the kernel's own").unwrap();
        let digest = content_digest(&file).unwrap();
        assert!(!is_recorded(&file, None, None), "a record without digest, and no product");
        assert!(is_recorded(&file, Some(&digest), None));
        assert!(!is_recorded(&file, Some("other"), None));
        std::fs::write(&product, "another build").unwrap();
        assert!(is_recorded(&file, None, Some(&product)), "versions are unknown, as in trees of dkms");
        assert!(!is_recorded(&file, Some("other"), Some(&product)));
        std::fs::copy(&file, &product).unwrap();
        assert!(is_recorded(&file, Some("other"), Some(&product)), "the same contents");
        std::fs::remove_file(&file).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(!is_recorded(&file, Some(&digest), Some(&product)), "a pipe");
    }
}
