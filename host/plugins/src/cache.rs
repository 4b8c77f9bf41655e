//! Compiled plugins, kept between runs.
//!
//! A compiled plugin is native code: it is loaded only from a file that only root or the invoking
//! user can have written. A file with any fault is a miss, never an error.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::owner::{check_metadata, check_owner};

/// The caches of one engine.
#[derive(Debug)]
pub struct Cache {
    directories: Vec<PathBuf>,
    /// Version, configuration and target of the engine.
    key: String,
}

impl Cache {
    /// `directories` are read in order; the first is written.
    pub fn new(engine: &Engine, directories: Vec<PathBuf>) -> Self {
        let mut hasher = Sha(sha2::Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let key = format!("{:016x}-{}", hasher.finish(), std::env::consts::ARCH);
        Self { directories, key }
    }

    /// Where a component's compiled form is kept below a cache directory.
    pub fn file(&self, directory: &Path, component: &[u8]) -> PathBuf {
        directory.join(hex::encode(sha2::Sha256::digest(component))).join(format!("{}.cwasm", self.key))
    }

    /// The compiled component, if a trustworthy and fitting one is there.
    /// `beside` is the plugin's own directory, whose `.cache` is read as well.
    pub fn load(&self, engine: &Engine, component: &[u8], beside: &Path) -> Option<Component> {
        let shipped = beside.join(".cache");
        self.directories.iter().chain([&shipped]).find_map(|directory| {
            let file = self.file(directory, component);
            let bytes = match read(directory, &file) {
                Ok(bytes) => bytes,
                Err(why) => {
                    tracing::debug!(file = %file.display(), %why, "no compiled plugin");
                    return None;
                }
            };
            // SAFETY: the bytes were read from a file that, with the directories
            // above it, only root or this process's own user can write, and that
            // this program wrote: `Cache::store` is what makes such files. The
            // engine itself refuses those of another version or configuration.
            unsafe { Component::deserialize(engine, bytes) }
                .inspect_err(|e| tracing::debug!(file = %file.display(), "compiled plugin not used: {e:#}"))
                .ok()
        })
    }

    /// Keeps a compiled component. A cache that cannot be written costs time
    /// only.
    pub fn store(&self, component: &[u8], compiled: &[u8]) {
        let Some(directory) = self.directories.first() else { return };
        let file = self.file(directory, component);
        if let Err(e) = write(&file, compiled) {
            tracing::debug!(file = %file.display(), "compiled plugin not kept: {e}");
        }
    }
}

/// A digest as a [`Hasher`], so that keys do not depend on the standard
/// library's own hash.
struct Sha(sha2::Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
    }
}

fn read(directory: &Path, file: &Path) -> Result<Vec<u8>, String> {
    let mut open = File::open(file).map_err(|e| e.to_string())?;
    let metadata = open.metadata().map_err(|e| e.to_string())?;
    check_metadata(file, &metadata)?;
    check_owner(directory)?;
    check_owner(file.parent().unwrap_or(directory))?;
    let mut bytes = Vec::new();
    open.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn write(file: &Path, compiled: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let directory = file.parent().ok_or(std::io::ErrorKind::InvalidInput)?;
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
    let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
    std::io::Write::write_all(&mut temporary, compiled)?;
    temporary.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    temporary.persist(file).map_err(|e| e.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::config;

    #[test]
    fn code_of_an_engine_with_other_features_has_another_place_in_the_cache() {
        let file = |config: &wasmtime::Config| {
            Cache::new(&Engine::new(config).unwrap(), Vec::new()).file(Path::new("/"), b"x")
        };
        let mut other = config();
        other.wasm_features(wasmtime::WasmFeatures::SIMD, true);
        assert_eq!(file(&config()), file(&config()));
        assert_ne!(file(&config()), file(&other));
    }
}
