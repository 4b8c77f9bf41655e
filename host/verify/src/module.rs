//! A module file, compressed or not.

use std::path::{Path, PathBuf};

use modsmith_facts::Compression;
use modsmith_facts::compression::decompress;
use modsmith_facts::kernel::module_stem;

use crate::frame::Frame;

/// A module file and its contents.
#[derive(Debug, Clone)]
pub struct Module {
    /// Without suffix, with `_` for `-`: as the kernel names a module.
    pub name: String,
    /// How the file is compressed, by its first bytes.
    pub frame: Option<Frame>,
    /// The compression by the file's name.
    pub suffix: Option<Compression>,
    /// Where it is installed, below the kernel's module directory.
    pub installed_as: Option<PathBuf>,
    unpacked: Result<Vec<u8>, String>,
}

impl Module {
    /// A module of these bytes, from a file of this name.
    pub fn new(file_name: &str, bytes: Vec<u8>) -> Self {
        let (stem, suffix) = module_stem(file_name).unwrap_or((file_name, None));
        let frame = Frame::of(&bytes);
        let unpacked = decompress(bytes).map_err(|error| error.to_string());
        Self { name: kernel_name(stem), frame, suffix, installed_as: None, unpacked }
    }

    /// The same module, installed at a path below the kernel's module directory.
    #[must_use]
    pub fn installed_as(self, path: &Path) -> Self {
        Self { installed_as: Some(path.to_owned()), ..self }
    }

    /// The module, unpacked; empty where the file could not be unpacked.
    pub fn content(&self) -> &[u8] {
        self.unpacked.as_deref().unwrap_or_default()
    }

    /// Why the file could not be unpacked.
    pub fn damage(&self) -> Option<&str> {
        self.unpacked.as_ref().err().map(String::as_str)
    }
}

/// A module's name as the kernel has it: `-` is `_`.
pub fn kernel_name(stem: &str) -> String {
    stem.replace('-', "_")
}
