//! The names of a kernel's modules, as depmod(8) has listed them.
//!
//! Source: modules.dep(5), and the kernel's `Documentation/kbuild/kbuild.rst` (`modules.builtin`).

use std::io;
use std::path::{Path, PathBuf};

use super::module_stem;
use crate::inside;

/// The largest file of the index, in bytes.
const LIMIT: u64 = 64 << 20;

/// A line of `modules.dep`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedModule {
    /// Its name, with `_` for `-`.
    pub name: String,
    /// Below the module directory.
    pub file: PathBuf,
    /// Names of the modules that it needs.
    pub needs: Vec<String>,
}

/// The name that the kernel has for the module in a file.
pub fn module_name(file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    module_stem(&name).map_or(&*name, |(stem, _)| stem).replace('-', "_")
}

/// The modules that `modules.dep` of a module directory names.
///
/// # Errors
/// The file cannot be read, or is too large.
pub fn indexed_modules(module_dir: &Path) -> io::Result<Vec<IndexedModule>> {
    let text = index_file(module_dir, "modules.dep")?;
    let module = |line: &str| {
        let (file, needs) = line.split_once(':')?;
        let needs = needs.split_whitespace().map(|file| module_name(Path::new(file))).collect();
        Some(IndexedModule { name: module_name(Path::new(file)), file: PathBuf::from(file), needs })
    };
    Ok(text.lines().filter_map(module).collect())
}

/// Names of the modules that are built into the kernel.
///
/// # Errors
/// `modules.builtin` cannot be read, or is too large.
pub fn builtin_modules(module_dir: &Path) -> io::Result<Vec<String>> {
    let text = index_file(module_dir, "modules.builtin")?;
    Ok(text.lines().filter(|line| !line.is_empty()).map(|line| module_name(Path::new(line))).collect())
}

/// A text file of the index.
///
/// # Errors
/// It cannot be read, or is too large; the error names it.
pub fn index_file(module_dir: &Path, name: &str) -> io::Result<String> {
    let path = module_dir.join(name);
    if inside::metadata(&path).is_ok_and(|metadata| metadata.len() > LIMIT) {
        return Err(io::Error::other(format!("{} is too large", path.display())));
    }
    let bytes = inside::read_within(&path, LIMIT)
        .map_err(|error| io::Error::new(error.kind(), format!("{} cannot be read", path.display())))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_names_modules_their_files_and_what_they_need() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("modules.dep"), "kernel/a-b.ko.xz: kernel/c.ko\nno line\n").unwrap();
        std::fs::write(dir.path().join("modules.builtin"), "kernel/fs/ext4-x.ko\n").unwrap();
        let expected =
            IndexedModule { name: "a_b".into(), file: "kernel/a-b.ko.xz".into(), needs: vec!["c".to_owned()] };
        assert_eq!(indexed_modules(dir.path()).unwrap(), [expected]);
        assert_eq!(builtin_modules(dir.path()).unwrap(), ["ext4_x"]);
        let error = indexed_modules(&dir.path().join("missing")).unwrap_err().to_string();
        assert!(error.contains("missing/modules.dep cannot be read"), "{error}");
    }
}
