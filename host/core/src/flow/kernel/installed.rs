//! The kernels that are installed.

use std::path::Path;

use modsmith_facts::inside;

/// The kernels that have an index of modules.
pub(crate) fn installed_kernels(install_tree: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(inside::real(install_tree)).into_iter().flatten().filter_map(|entry| entry.ok());
    let mut names: Vec<String> = entries
        .filter(|entry| inside::is_file(&entry.path().join("modules.dep")))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
