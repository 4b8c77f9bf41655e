//! The compiler that a kernel was built with: its modules want the same one.

use std::path::Path;
use std::time::Duration;

use modsmith_facts::kernel::Kernel;
use modsmith_facts::{find_program, inside};
use modsmith_sandbox::{Confinement, Limits, Readable, can_become_nobody, start};

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
    } else if let Some(compiler) = of_kernel_variables(kernel).filter(|name| installed(name)) {
        export("CC", &compiler);
    }
    if kernel.config("LD_IS_LLD") == Some("y") && installed("ld.lld") {
        export("LD", "ld.lld");
    }
    Toolchain { variables, llvm: kernel.built_with_clang().unwrap_or(clang) }
}

/// The CC of a `.kernelvariables` beside the headers: a part of a makefile that
/// some header packages bring, so make has to say what it comes to.
fn of_kernel_variables(kernel: &Kernel) -> Option<String> {
    let file = kernel.headers()?.join(".kernelvariables");
    // make could block on what is no regular file.
    inside::open(&file).ok()??;
    let file = inside::real(&file);
    let mut make = std::process::Command::new(find_program(Path::new("/"), "make")?);
    make.args(["--silent", "--no-print-directory", "--file"])
        .arg(&file)
        .args(["--eval", "print-cc:;@echo $(CC)", "print-cc"])
        .env_remove("CC")
        .env_remove("MAKEFLAGS")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null());
    // A makefile can run anything, and this is asked while a change is planned.
    let limits = Limits { cpu: Duration::from_secs(10), memory: 512 << 20, total_memory: 512 << 20, processes: 64 };
    let mut readable = Readable::system(can_become_nobody());
    readable.and_file(&file);
    make.current_dir("/").env_remove("TMPDIR");
    let way = file.parent().unwrap_or(Path::new("/"));
    let _leash = Confinement::reader(&readable, limits).find_way_to(way).prepare(&mut make).ok()?;
    let output = start(&mut make).and_then(std::process::Child::wait_with_output).ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty() && !text.contains(char::is_whitespace)).then_some(text)
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

    #[test]
    fn the_compiler_of_the_kernel_is_exported_when_it_is_installed() {
        let (_dir, kernel) = kernel("CONFIG_CC_VERSION_TEXT=\"make 4.3\"\nCONFIG_CC_IS_GCC=y\n");
        let chosen = toolchain(&kernel, Path::new("/"));
        assert_eq!(chosen.variables[0], ("CC".into(), "make".into()));
        assert!(!chosen.llvm);
    }

    #[test]
    fn header_packages_may_name_the_compiler_in_a_makefile() {
        let headers = tempfile::tempdir().unwrap();
        let text = "override ARCH = x86\nCC = $(if $(SOME_CACHE),ccache) $(CROSS_COMPILE)make\n";
        std::fs::write(headers.path().join(".kernelvariables"), text).unwrap();
        let kernel = Kernel::new(KernelInput { headers: Some(headers.path().into()), ..Default::default() });
        assert_eq!(toolchain(&kernel, Path::new("/")).variables[0], ("CC".into(), "make".into()));
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
