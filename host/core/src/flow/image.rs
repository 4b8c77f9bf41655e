//! The facts of a kernel that its modules are compared with, and the cache of those
//! that come from its image: an image takes seconds to unpack.
//!
//! An entry counts while the image's stamp and its first bytes are as they were. What
//! is wrong with an entry is a miss, never an error.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::flow::cache::{Cache, entry_name};
use crate::flow::env::Env;
use modsmith_facts::kernel::{Kernel, Vmlinux};
use modsmith_facts::{Root, Stamp, inside};
use modsmith_verify::{Image, Places, gather, read_image};

/// Increased when the facts or their meaning change.
const SCHEMA_VERSION: u32 = 2;

/// How many bytes of an image are compared with those of before.
const HEAD: u64 = 4096;

/// The directory below that of the caches.
const DIRECTORY: &str = "images";

/// What is kept of one image.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    schema_version: u32,
    image: PathBuf,
    stamp: Stamp,
    head: u64,
    facts: Vmlinux,
}

/// Gathers the facts of a kernel.
pub(super) fn image_of(env: &Env, kernel: &Kernel) -> Image {
    gather(&places(env, kernel), |path| cached(path, &Cache::of_machine(DIRECTORY)))
}

/// Whether a kernel has an image.
pub(super) fn has_image(env: &Env, kernel: &Kernel) -> bool {
    places(env, kernel).images.iter().any(|image| inside::is_file(image))
}

/// Where a kernel's files are by the customs of Linux.
fn places(env: &Env, kernel: &Kernel) -> Places {
    let (release, module_dir) = (kernel.release(), kernel.module_dir());
    let boot = env.system.roots.get(Root::Boot).unwrap_or(Path::new("/boot"));
    let images = ["vmlinuz", "kernel", "bzImage", "vmlinux"].map(|name| boot.join(format!("{name}-{release}")));
    Places {
        release: release.to_owned(),
        module_dir: module_dir.to_path_buf(),
        images: images.into_iter().chain([module_dir.join("vmlinuz")]).collect(),
        configs: vec![boot.join(format!("config-{release}")), module_dir.join("config")],
        headers: kernel.headers().map(Path::to_path_buf),
    }
}

/// The facts of an image, from the first cache that has them; else from the image,
/// and kept in the first cache.
fn cached(image: &Path, cache: &Cache) -> Result<Vmlinux, String> {
    let Some(stamp) = Stamp::settled(&inside::real(image)) else { return read_image(image) };
    let head = head(image).map_err(|error| error.to_string())?;
    let name = entry_name(image);
    let fits = |entry: &Entry| {
        (entry.schema_version, entry.image.as_path(), entry.stamp, entry.head) == (SCHEMA_VERSION, image, stamp, head)
    };
    if let Some(entry) = cache.known(&name, fits) {
        return Ok(entry.facts);
    }
    let facts = read_image(image)?;
    let entry = Entry { schema_version: SCHEMA_VERSION, image: image.to_owned(), stamp, head, facts };
    cache.keep(&name, &entry);
    Ok(entry.facts)
}

/// A number that tells the first bytes of images apart.
fn head(image: &Path) -> std::io::Result<u64> {
    let mut bytes = Vec::new();
    if let Some(file) = inside::open(image)? {
        file.take(HEAD).read_to_end(&mut bytes)?;
    }
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file of 64 bits without sections, with a banner behind its header.
    fn kernel(release: &str) -> Vec<u8> {
        let mut elf = vec![0_u8; 64];
        elf[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        elf[16..20].copy_from_slice(&[2, 0, 62, 0]);
        elf[20] = 1;
        elf[52] = 64;
        elf[58] = 64;
        elf.extend(format!("\0Linux version {release} (x) #1\0").bytes());
        elf
    }

    #[test]
    fn facts_of_an_image_are_kept_while_the_image_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let (image, directory) = (dir.path().join("vmlinux"), dir.path().join("cache"));
        let cache = Cache::new(vec![directory.clone()], DIRECTORY);
        let write = |release: &str, seconds: u64| {
            std::fs::write(&image, kernel(release)).unwrap();
            let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            std::fs::File::options().write(true).open(&image).unwrap().set_modified(then).unwrap();
        };
        write("6.1.0-a", 1_000_000_000);
        assert_eq!(cached(&image, &cache).unwrap().release.as_deref(), Some("6.1.0-a"));
        let entry = directory.join(DIRECTORY).join(entry_name(&image));
        let mut kept: Entry = serde_json::from_slice(&std::fs::read(&entry).unwrap()).unwrap();
        kept.facts.release = Some("from the cache".into());
        cache.keep(&entry_name(&image), &kept);
        assert_eq!(cached(&image, &cache).unwrap().release.as_deref(), Some("from the cache"));
        write("6.1.0-b", 1_000_000_000);
        assert_eq!(cached(&image, &cache).unwrap().release.as_deref(), Some("6.1.0-b"));
        std::fs::write(&entry, "damaged").unwrap();
        assert_eq!(cached(&image, &cache).unwrap().release.as_deref(), Some("6.1.0-b"));
    }
}
