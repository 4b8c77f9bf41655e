//! The compiler that a kernel was built with: its modules are built with the same one.

use std::path::Path;

use crate::error::Result;
use modsmith_facts::find_program;
use modsmith_facts::kernel::Kernel;

/// Environment for building a kernel's modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toolchain {
    /// Variables to export: CC, KERNEL_CC, LD, KERNEL_LD.
    pub variables: Vec<(String, String)>,
    /// Whether make needs `LLVM=1`.
    pub llvm: bool,
}

/// Chooses the toolchain from the kernel's configuration, taking only programs
/// that are installed below `root`. `of_headers` is asked where the configuration names
/// no compiler that is.
///
/// # Errors
/// Those of `of_headers`.
pub fn toolchain(
    kernel: &Kernel,
    root: &Path,
    of_headers: impl FnOnce() -> Result<Option<String>>,
) -> Result<Toolchain> {
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
    } else if let Some(compiler) = of_headers()?.filter(|name| installed(name)) {
        export("CC", &compiler);
    }
    if kernel.config("LD_IS_LLD") == Some("y") && installed("ld.lld") {
        export("LD", "ld.lld");
    }
    Ok(Toolchain { variables, llvm: kernel.built_with_clang().unwrap_or(clang) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::kernel::KernelInput;

    fn kernel(config: &str) -> (tempfile::TempDir, Kernel) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config");
        std::fs::write(&file, config).unwrap();
        let kernel = Kernel::new(KernelInput { config_file: Some(file), ..Default::default() });
        (dir, kernel)
    }

    /// The toolchain where headers name the compiler `make`.
    fn chosen(config: &str) -> Toolchain {
        let (_dir, kernel) = kernel(config);
        toolchain(&kernel, Path::new("/"), || Ok(Some("make".into()))).unwrap()
    }

    fn cc(compiler: &str) -> Vec<(String, String)> {
        ["CC", "KERNEL_CC"].map(|name| (name.into(), compiler.into())).into()
    }

    #[test]
    fn the_compiler_of_the_kernel_is_exported_when_it_is_installed() {
        let chosen = chosen("CONFIG_CC_VERSION_TEXT=\"cp 4.3\"\nCONFIG_CC_IS_GCC=y\n");
        assert_eq!(chosen, Toolchain { variables: cc("cp"), llvm: false });
    }

    #[test]
    fn headers_name_the_compiler_where_the_configuration_names_none_that_is_installed() {
        for config in ["", "CONFIG_CC_VERSION_TEXT=\"no-such-gcc-99 (X) 1\"\n"] {
            assert_eq!(chosen(config).variables, cc("make"), "{config}");
        }
    }

    #[test]
    fn a_compiler_that_is_not_installed_is_not_named() {
        let (_dir, kernel) = kernel("CONFIG_CC_VERSION_TEXT=\"no-such-gcc-99 (X) 1\"\n");
        for of_headers in [None, Some("no-such-gcc-98".to_owned())] {
            assert_eq!(toolchain(&kernel, Path::new("/"), || Ok(of_headers)).unwrap(), Toolchain::default());
        }
    }

    #[test]
    fn a_clang_kernel_without_image_wants_llvm() {
        assert!(chosen("CONFIG_CC_IS_CLANG=y\n").llvm);
    }
}
