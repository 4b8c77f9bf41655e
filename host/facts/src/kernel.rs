//! Facts about one kernel: release, architecture, headers, configuration,
//! compiler.

mod btf;
mod certificates;
mod elf;
mod export;
mod image;
pub mod kbuild;
mod locate;
mod modinfo;
mod module_index;
mod signature;
mod symbol_versions;
mod vmlinux;

pub use elf::{Elf, ElfFault, Section, Symbol};
pub use export::{Export, Exports, SymversLine, module_exports, symvers};
pub use image::{ImageError, image_release, section_of_pe, unpack_image};
pub use locate::{Lookup, machine, running_release};
pub use modinfo::{ModInfo, content_digest, module_stem, read_module, unsigned_digest};
pub use module_index::{IndexedModule, builtin_modules, index_file, indexed_modules, module_name};
pub use signature::{Signature, SignatureFault, signature};
pub use symbol_versions::{SymbolVersions, VersionTables};
pub use vmlinux::Vmlinux;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::{Compression, inside};

/// A kernel that modules are built for; not necessarily the running one.
#[derive(Debug)]
pub struct Kernel {
    release: String,
    arch: String,
    machine: String,
    /// `/lib/modules/K` of the target, links in the parents resolved.
    module_dir: PathBuf,
    /// The build directory, resolved; `None` when it is missing.
    headers: Option<PathBuf>,
    /// The build directory as the target names it.
    source_dir: PathBuf,
    config_file: Option<PathBuf>,
    config: OnceLock<BTreeMap<String, String>>,
    compressions: OnceLock<Vec<Compression>>,
    running: bool,
}

/// The facts that a [`Kernel`] is made from.
#[derive(Debug, Clone, Default)]
pub struct KernelInput {
    pub release: String,
    /// The architecture of the tree's directories (`-a`).
    pub arch: String,
    /// As `uname -m` prints.
    pub machine: String,
    pub module_dir: PathBuf,
    pub headers: Option<PathBuf>,
    /// The build directory as the target names it, there or not.
    pub source_dir: PathBuf,
    /// `--config`; otherwise found below the headers.
    pub config_file: Option<PathBuf>,
    pub running: bool,
}

impl Kernel {
    pub fn new(input: KernelInput) -> Self {
        let found = || {
            let headers = input.headers.as_deref()?;
            [headers.join("include/config/auto.conf"), headers.join(".config")].into_iter().find(|p| inside::is_file(p))
        };
        let config_file = input.config_file.clone().or_else(found);
        Self {
            release: input.release,
            arch: input.arch,
            machine: input.machine,
            module_dir: input.module_dir,
            headers: input.headers,
            source_dir: input.source_dir,
            config_file,
            config: OnceLock::new(),
            compressions: OnceLock::new(),
            running: input.running,
        }
    }

    /// As `uname -r` prints on it.
    pub fn release(&self) -> &str {
        &self.release
    }

    pub fn arch(&self) -> &str {
        &self.arch
    }

    /// As `uname -m` prints on it.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    pub fn module_dir(&self) -> &Path {
        &self.module_dir
    }

    pub fn headers(&self) -> Option<&Path> {
        self.headers.as_deref()
    }

    /// The build directory as the target names it: `/lib/modules/K/build`,
    /// whether it is there or not.
    pub fn source_dir(&self) -> &Path {
        &self.source_dir
    }

    pub fn config_file(&self) -> Option<&Path> {
        self.config_file.as_deref()
    }

    pub fn running(&self) -> bool {
        self.running
    }

    /// A Kconfig symbol without `CONFIG_`; quotes removed.
    pub fn config(&self, symbol: &str) -> Option<&str> {
        let read = || {
            let text = self.config_file.as_ref().and_then(|p| inside::read_configuration(p).ok()).unwrap_or_default();
            parse_config(&String::from_utf8_lossy(&text))
        };
        self.config.get_or_init(read).get(symbol).map(String::as_str)
    }

    /// Compressions found among the module files below the module directory.
    pub fn compressions(&self) -> &[Compression] {
        self.compressions.get_or_init(|| find_compressions(&self.module_dir))
    }

    /// Whether clang built the kernel, by its image beside the headers; `None` without an image.
    pub fn built_with_clang(&self) -> Option<bool> {
        let image = inside::read_file(&self.headers()?.join("vmlinux")).ok()?;
        let (_, comment) = elf::section_of(&image, ".comment").ok()??;
        Some(memchr::memmem::find(comment, b"clang").is_some())
    }
}

/// The symbols of a configuration file, without `CONFIG_`; quotes removed.
pub fn parse_config(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("CONFIG_")?.split_once('='))
        .map(|(name, value)| {
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
            (name.to_owned(), value.replace("\\\"", "\""))
        })
        .collect()
}

fn find_compressions(module_dir: &Path) -> Vec<Compression> {
    let mut found = std::collections::BTreeSet::new();
    let files = walkdir::WalkDir::new(inside::real(module_dir)).into_iter().filter_map(Result::ok);
    for entry in files.filter(|e| !e.file_type().is_dir()) {
        let name = entry.file_name().to_string_lossy();
        found.extend(Compression::ALL.into_iter().filter(|c| name.ends_with(&format!(".ko{}", c.suffix()))));
        if found.len() == Compression::ALL.len() {
            break;
        }
    }
    found.into_iter().collect()
}
