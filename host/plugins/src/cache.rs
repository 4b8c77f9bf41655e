//! Compiled plugins, kept between runs.
//!
//! A compiled plugin is native code, which nothing restricts. It is loaded from two kinds of places
//! of this machine only: its caches, which root or the invoking user have written, and caches beside
//! the plugins that came with the program, which root has. Each directory below such a place, and the
//! file, is opened from the one above it without following a link, and what was opened is checked.
//! A file with any fault is a miss, never an error.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use modsmith_facts::{TrustError, TrustedDir};
use rustix::fs::OFlags;
use sha2::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

/// The directory beside plugins that came with the program.
const SHIPPED: &str = ".cache";

/// The directories of compiled plugins.
#[derive(Debug, Clone, Default)]
pub struct CachePlaces {
    /// This machine's caches: they are read in order, and the first one is written.
    pub own: Vec<PathBuf>,
    /// Directories of plugins that came with the program.
    pub shipped: Vec<PathBuf>,
}

impl From<Vec<PathBuf>> for CachePlaces {
    fn from(own: Vec<PathBuf>) -> Self {
        Self { own, shipped: Vec::new() }
    }
}

/// The caches of one engine.
#[derive(Debug)]
pub struct Cache {
    places: CachePlaces,
    /// Version, configuration and target of the engine.
    key: String,
}

impl Cache {
    pub fn new(engine: &Engine, places: CachePlaces) -> Self {
        let mut hasher = Sha(sha2::Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let key = format!("{:016x}-{}", hasher.finish(), std::env::consts::ARCH);
        Self { places, key }
    }

    /// The names of the directory and of the file of a component's compiled form.
    fn names(&self, component: &[u8]) -> [String; 2] {
        [hex::encode(sha2::Sha256::digest(component)), format!("{}.cwasm", self.key)]
    }

    /// The compiled component, if a trustworthy and fitting one is there.
    pub fn load(&self, engine: &Engine, component: &[u8]) -> Option<Component> {
        let [directory, file] = self.names(component);
        let own = self.places.own.iter().map(|place| (place, of_own(place, &directory, &file)));
        let shipped = self.places.shipped.iter().map(|place| (place, of_shipped(place, &directory, &file)));
        own.chain(shipped).find_map(|(place, read)| {
            let bytes = match read {
                Ok(bytes) => bytes?,
                Err(why) => {
                    tracing::debug!(place = %place.display(), %why, "no compiled plugin");
                    return None;
                }
            };
            // SAFETY: the bytes were read from a file that, with the directories above it, only
            // root or this process's own user can write (beside shipped plugins: only root), and that
            // this program wrote: `Cache::store` is what makes such files. The engine
            // itself refuses those of another version or configuration.
            unsafe { Component::deserialize(engine, bytes) }
                .inspect_err(|e| tracing::debug!(place = %place.display(), "compiled plugin not used: {e:#}"))
                .ok()
        })
    }

    /// Keeps a compiled component. A cache that cannot be written costs time
    /// only.
    pub fn store(&self, component: &[u8], compiled: &[u8]) {
        let Some(place) = self.places.own.first() else { return };
        let [directory, file] = self.names(component);
        if let Err(e) = write(place, &directory, &file, compiled) {
            tracing::debug!(place = %place.display(), "compiled plugin not kept: {e}");
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

fn of_own(place: &Path, directory: &str, file: &str) -> Result<Option<Vec<u8>>, TrustError> {
    read(open(place)?, &[directory], file, |_| Ok(()))
}

fn of_shipped(place: &Path, directory: &str, file: &str) -> Result<Option<Vec<u8>>, TrustError> {
    read(open(place)?, &[SHIPPED, directory], file, check_root)
}

/// A place; `None` where there is none. It may not be a link itself.
fn open(place: &Path) -> Result<Option<TrustedDir>, TrustError> {
    let Some((above, name)) = place.parent().zip(place.file_name().and_then(|name| name.to_str())) else {
        return Ok(None);
    };
    match TrustedDir::top(above) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        above => above?.directory(name),
    }
}

/// The contents of a file below a place; `None` where there is none. Each directory, and the file,
/// passes the check.
fn read(
    place: Option<TrustedDir>,
    directories: &[&str],
    file: &str,
    check: impl Fn(&dyn AsFd) -> Result<(), TrustError>,
) -> Result<Option<Vec<u8>>, TrustError> {
    let Some(mut here) = place else { return Ok(None) };
    check(&here)?;
    for name in directories {
        let Some(below) = here.directory(name)? else { return Ok(None) };
        check(&below)?;
        here = below;
    }
    let Some(mut file) = here.open(file, OFlags::RDONLY, 0)? else { return Ok(None) };
    check(&file)?;
    let mut bytes = Vec::new();
    File::read_to_end(&mut file, &mut bytes)?;
    Ok(Some(bytes))
}

/// Whether something belongs to root.
fn check_root(handle: &dyn AsFd) -> Result<(), TrustError> {
    match rustix::fs::fstat(handle.as_fd())?.st_uid {
        0 => Ok(()),
        user => Err(std::io::Error::other(format!("it belongs to the user {user}, not to root")).into()),
    }
}

fn write(place: &Path, directory: &str, file: &str, compiled: &[u8]) -> Result<(), TrustError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(place)?;
    let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
    let place = open(place)?.ok_or_else(missing)?;
    place.make_directory(directory, 0o755)?.write(file, compiled, 0o644)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::wasm::config;

    #[test]
    fn code_of_an_engine_with_other_features_has_another_place_in_the_cache() {
        let names =
            |config: &wasmtime::Config| Cache::new(&Engine::new(config).unwrap(), CachePlaces::default()).names(b"x");
        let mut other = config();
        other.wasm_features(wasmtime::WasmFeatures::SIMD, true);
        assert_eq!(names(&config()), names(&config()));
        assert_ne!(names(&config()), names(&other));
    }

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    /// An engine, and directories in which a cache may be.
    struct Scene(Engine, tempfile::TempDir);

    impl Scene {
        fn new() -> Self {
            Self(Engine::new(&config()).unwrap(), tempfile::tempdir().unwrap())
        }

        fn path(&self, path: &str) -> PathBuf {
            self.1.path().join(path)
        }

        fn cache(&self, own: &[&str], shipped: &[&str]) -> Cache {
            let paths = |names: &[&str]| names.iter().map(|name| self.path(name)).collect();
            Cache::new(&self.0, CachePlaces { own: paths(own), shipped: paths(shipped) })
        }

        /// Puts the compiled component below a directory, and returns its file.
        fn fill(&self, place: &str) -> PathBuf {
            let cache = self.cache(&[place], &[]);
            cache.store(COMPONENT, &self.0.precompile_component(COMPONENT).unwrap());
            let [directory, file] = cache.names(COMPONENT);
            self.path(place).join(directory).join(file)
        }

        fn loads(&self, cache: &Cache) -> bool {
            cache.load(&self.0, COMPONENT).is_some()
        }
    }

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn code_beside_plugins_is_loaded_only_where_they_came_with_the_program_and_are_roots() {
        if !rustix::process::geteuid().is_root() {
            panic!("run this test as root: it makes files of other users");
        }
        let scene = Scene::new();
        std::fs::create_dir(scene.path("plugins")).unwrap();
        let file = scene.fill("plugins/.cache");
        assert!(file.is_file() && scene.loads(&scene.cache(&[], &["plugins"])));
        for elsewhere in [scene.cache(&[], &[]), scene.cache(&["plugins"], &[]), scene.cache(&["none"], &["none"])] {
            assert!(!scene.loads(&elsewhere), "{elsewhere:?}");
        }
        let directories = ["plugins", "plugins/.cache"].map(|name| scene.path(name));
        for path in directories.iter().map(PathBuf::as_path).chain([file.parent().unwrap(), &file]) {
            std::os::unix::fs::chown(path, Some(4711), None).unwrap();
            assert!(!scene.loads(&scene.cache(&[], &["plugins"])), "{} is another user's", path.display());
            std::os::unix::fs::chown(path, Some(0), None).unwrap();
        }
        assert!(scene.loads(&scene.cache(&[], &["plugins"])));
    }

    #[test]
    fn code_that_others_could_have_written_or_that_a_link_leads_to_is_not_loaded() {
        let scene = Scene::new();
        let file = scene.fill("cache");
        let loads = || scene.loads(&scene.cache(&["cache"], &[]));
        assert!(loads());
        let cache = scene.path("cache");
        for (path, good) in [(&*cache, 0o755), (file.parent().unwrap(), 0o755), (&*file, 0o644)] {
            mode(path, 0o777);
            assert!(!loads(), "{} is writable by others", path.display());
            mode(path, good);
            let real = path.with_extension("real");
            std::fs::rename(path, &real).unwrap();
            std::os::unix::fs::symlink(&real, path).unwrap();
            assert!(!loads(), "{} is a link", path.display());
            std::fs::remove_file(path).unwrap();
            std::fs::rename(&real, path).unwrap();
        }
        assert!(loads());
    }

    #[test]
    fn nothing_is_kept_behind_a_link() {
        let scene = Scene::new();
        std::fs::create_dir(scene.path("outside")).unwrap();
        std::os::unix::fs::symlink("outside", scene.path("cache")).unwrap();
        scene.fill("cache");
        std::fs::remove_file(scene.path("cache")).unwrap();
        std::fs::create_dir(scene.path("cache")).unwrap();
        let [directory, _] = scene.cache(&[], &[]).names(COMPONENT);
        std::os::unix::fs::symlink("../outside", scene.path("cache").join(directory)).unwrap();
        scene.fill("cache");
        assert_eq!(std::fs::read_dir(scene.path("outside")).unwrap().count(), 0);
        std::fs::remove_dir_all(scene.path("cache")).unwrap();
        assert!(scene.fill("cache").is_file(), "a cache that is missing is made");
    }
}
