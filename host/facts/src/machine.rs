//! What the machine uses now, as its kernel says it in `/proc` and `/sys`: which modules are
//! loaded, and which of them its file systems, its network and its screen depend on.
//!
//! For a system below a directory, these are that directory's own `proc` and `sys`. One that
//! has none uses nothing that is known.

mod devices;
mod loaded;
mod mounts;
mod session;
mod tables;
mod wishes;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::efi::Firmware;
use crate::inside;
pub use loaded::Loaded;

/// What a module is needed for, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The system does not start without it: it holds the root file system.
    Boot,
    /// The administrator does not reach the system without it, or sees nothing of it.
    Session,
}

/// A module that the machine uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub need: Need,
    /// Its name, with `_` for `-`.
    pub module: String,
    /// What depends on it, and where that is said.
    pub why: String,
}

/// The machine that a system runs on.
#[derive(Debug, Clone)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// The one whose `/proc` and `/sys` are below this directory.
    pub fn of(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// What the machine's file systems, network, screens and keyboards depend on, as the kernel
    /// says it now, and as the configuration will have it.
    pub fn uses(&self) -> BTreeSet<Use> {
        let mut uses = self.root_stack();
        uses.extend(self.session());
        uses.extend(self.configured());
        uses
    }

    /// Whether a kernel is ready to be started without the boot loader, by kexec(8); `None`
    /// where the running kernel does not say.
    pub fn is_kexec_loaded(&self) -> Option<bool> {
        self.text("sys/kernel/kexec_loaded").map(|text| text.trim() == "1")
    }

    /// The value of a variable of the firmware, without its attributes; `None` where there
    /// is none of this name. Source: the kernel's `Documentation/filesystems/efivarfs.rst`.
    pub fn firmware_variable(&self, name: &str) -> Option<Vec<u8>> {
        Some(Firmware::of(&self.root).variable(name).ok()??.value)
    }

    /// The real path of one below the root, links followed.
    fn path(&self, path: &str) -> PathBuf {
        inside::locate_in_root(&self.root, Path::new(path))
    }

    fn text(&self, path: &str) -> Option<String> {
        inside::read_configuration_text(&self.path(path)).ok()
    }

    /// The names in a directory, sorted.
    fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).into_iter().flatten().filter_map(Result::ok);
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// A module's name as the kernel has it.
fn kernel_name(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests;
