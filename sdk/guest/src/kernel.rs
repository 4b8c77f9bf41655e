//! The kernel and the module package that a call concerns.

pub use crate::bindings::imports::modsmith::plugin::context::{Kernel, Module, ModulePackage};
use crate::{Path, Result};

/// How module files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Compression {
    /// gzip(1)
    Gzip,
    /// xz(1)
    Xz,
    /// zstd(1)
    Zstd,
}

impl Compression {
    /// As the interface names it: `gzip`, `xz`, `zstd`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }

    /// The compression of this name; `None` for a name that this SDK does not know.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Gzip, Self::Xz, Self::Zstd].into_iter().find(|compression| compression.name() == name)
    }
}

/// Methods about the modules of a package.
impl ModulePackage {
    /// Installed base names of the modules.
    pub fn module_names(&self) -> Vec<String> {
        self.modules().iter().map(Module::name).collect()
    }

    /// The files that the call's kernel gets or has, below its module directory.
    pub fn installed_files(&self) -> Vec<String> {
        self.modules().iter().filter_map(Module::file).map(|file| file.relative).collect()
    }
}

impl Kernel {
    /// How a distribution that leaves the choice to its kernel packages stores
    /// module files: as the kernel's own are. Where several are found the later
    /// of gzip, xz and zstd wins, as in dkms; none means plain files.
    pub fn found_compression(&self) -> Option<Compression> {
        self.compressions().iter().filter_map(|name| Compression::from_name(name)).max()
    }

    /// The name of the kernel's package, where the package says it in a file of
    /// that name in the module directory; `None` where it does not. Needs
    /// `modules/pkgbase` in the manifest's `[read]`.
    pub fn pkgbase() -> Result<Option<String>> {
        let text = Path::modules("pkgbase").read_text()?.unwrap_or_default();
        let name = text.lines().next().unwrap_or_default().trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
        Ok((!name.is_empty() && !name.starts_with('.') && name.chars().all(plain)).then(|| name.to_owned()))
    }
}

/// The kernel's name for a machine, as in its `arch/` directory, from what
/// `uname -m` prints. The rule is that of `scripts/subarch.include` in the
/// kernel's source; an unknown machine keeps its name.
pub fn kernel_arch(machine: &str) -> &str {
    match machine {
        "x86_64" | "amd64" => "x86",
        "aarch64" | "aarch64_be" | "arm64" => "arm64",
        "s390x" | "s390" => "s390",
        "sun4u" | "sparc64" => "sparc",
        "parisc64" => "parisc",
        "sa110" => "arm",
        m if m.len() == 4 && m.starts_with('i') && m.ends_with("86") => "x86",
        m if m.starts_with("arm") => "arm",
        m if m.starts_with("ppc") => "powerpc",
        m if m.starts_with("mips") => "mips",
        m if m.starts_with("riscv") => "riscv",
        m if m.starts_with("loongarch") => "loongarch",
        m if m.starts_with("sh") && m[2..].starts_with(|c: char| c.is_ascii_digit()) => "sh",
        m => m,
    }
}

#[cfg(test)]
mod tests {
    use super::kernel_arch;

    #[test]
    fn machines_are_named_as_the_kernel_names_their_arch_directory() {
        let cases = [
            ("x86_64", "x86"),
            ("i686", "x86"),
            ("aarch64", "arm64"),
            ("armv7l", "arm"),
            ("ppc64le", "powerpc"),
            ("s390x", "s390"),
            ("riscv64", "riscv"),
            ("mips64el", "mips"),
            ("loongarch64", "loongarch"),
            ("sparc64", "sparc"),
            ("sh4", "sh"),
        ];
        for (machine, arch) in cases {
            assert_eq!(kernel_arch(machine), arch, "{machine}");
        }
    }

    #[test]
    fn an_unknown_machine_keeps_its_name() {
        for machine in ["alpha", "ia64", "shark", "sh", ""] {
            assert_eq!(kernel_arch(machine), machine);
        }
    }
}
