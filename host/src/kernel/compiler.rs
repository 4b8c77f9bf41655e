//! The compiler that a kernel was built with: its modules want the same one.

use std::path::Path;

use super::Kernel;
use crate::system::find_program;

/// Environment for building a kernel's modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toolchain {
    /// Variables to export: CC, KERNEL_CC, LD, KERNEL_LD.
    pub variables: Vec<(String, String)>,
    /// Whether make has to be told `LLVM=1`.
    pub llvm: bool,
}

/// Chooses the toolchain from the kernel's configuration, taking only programs
/// that are installed below `root`.
pub fn toolchain(kernel: &Kernel, root: &Path) -> Toolchain {
    let installed = |name: &str| find_program(root, name).is_some() || find_program(Path::new("/"), name).is_some();
    let mut variables = Vec::new();
    let mut export = |name: &str, value: &str| {
        variables.push((name.to_owned(), value.to_owned()));
        variables.push((format!("KERNEL_{name}"), value.to_owned()));
    };
    let clang = kernel.config("CC_IS_CLANG") == Some("y");
    let named = kernel.config("CC_VERSION_TEXT").and_then(|text| text.split_whitespace().next());
    if clang && installed("clang") {
        export("CC", "clang");
    } else if let Some(compiler) = named.filter(|name| installed(name)) {
        export("CC", compiler);
    }
    if kernel.config("LD_IS_LLD") == Some("y") && installed("ld.lld") {
        export("LD", "ld.lld");
    }
    Toolchain { variables, llvm: built_with_clang(kernel).unwrap_or(clang) }
}

/// What the kernel image beside the headers says; `None` without an image.
fn built_with_clang(kernel: &Kernel) -> Option<bool> {
    use object::{Object, ObjectSection};
    let image = std::fs::read(kernel.headers()?.join("vmlinux")).ok()?;
    let image = object::File::parse(image.as_slice()).ok()?;
    let comment = image.section_by_name(".comment")?.data().ok()?;
    Some(comment.windows(5).any(|word| word == b"clang"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::KernelInput;

    fn kernel(config: &str) -> (tempfile::TempDir, Kernel) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config");
        std::fs::write(&file, config).unwrap();
        let kernel = Kernel::new(KernelInput { config_file: Some(file), ..Default::default() });
        (dir, kernel)
    }

    #[test]
    fn the_compiler_of_the_kernel_is_exported_when_it_is_installed() {
        let (_dir, kernel) = kernel("CONFIG_CC_VERSION_TEXT=\"make 4.3\"\nCONFIG_CC_IS_GCC=y\n");
        let chosen = toolchain(&kernel, Path::new("/"));
        assert_eq!(chosen.variables[0], ("CC".into(), "make".into()));
        assert!(!chosen.llvm);
    }

    #[test]
    fn a_compiler_that_is_not_installed_is_not_named() {
        let (_dir, kernel) = kernel("CONFIG_CC_VERSION_TEXT=\"no-such-gcc-99 (X) 1\"\n");
        assert_eq!(toolchain(&kernel, Path::new("/")), Toolchain::default());
    }

    #[test]
    fn a_clang_kernel_without_image_wants_llvm() {
        let (_dir, kernel) = kernel("CONFIG_CC_IS_CLANG=y\n");
        assert!(toolchain(&kernel, Path::new("/")).llvm);
    }
}
