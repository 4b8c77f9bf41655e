//! Where things are in this checkout.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The checkout's top directory.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate is in the workspace")
}

/// What is in the folders of `plugins`, which part the plugins by kind.
pub fn plugin_folders() -> impl Iterator<Item = PathBuf> {
    let entries = |dir: &Path| {
        let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("cannot read {}: {e}", dir.display()));
        entries.map(|entry| entry.expect("a readable entry").path()).filter(|path| path.is_dir())
    };
    let kinds = entries(&checkout().join("plugins")).filter(|kind| !kind.ends_with("target"));
    kinds.flat_map(move |kind| entries(&kind))
}

/// The directory that holds the built programs (`target/release`).
pub fn programs() -> PathBuf {
    // A test runs as target/release/deps/NAME-HASH.
    let test = std::env::current_exe().expect("the running test has a path");
    test.ancestors().nth(2).expect("tests are run from target/PROFILE/deps").to_path_buf()
}

/// A directory below `target/` that outlives one run: downloads, fixtures.
pub fn cache(name: &str) -> PathBuf {
    let dir = programs().parent().expect("profiles are below target").join("test-cache").join(name);
    fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("cannot create {}: {e}", dir.display()));
    dir
}

/// As [`cached`], for what cannot be renamed because it contains its own path.
pub fn cached_in_place(kind: &str, name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let dir = cache(kind);
    let (place, complete) = (dir.join(name), dir.join(format!("{name}.complete")));
    let lock = File::create(dir.join(format!("{name}.lock"))).expect("the cache is writable");
    lock.lock().expect("the cache's file system has locks");
    if !complete.exists() {
        if place.exists() {
            fs::remove_dir_all(&place).unwrap_or_else(|e| panic!("cannot remove {}: {e}", place.display()));
        }
        fs::create_dir(&place).unwrap_or_else(|e| panic!("cannot create {}: {e}", place.display()));
        make(&place);
        File::create(complete).expect("the cache is writable");
    }
    place
}

/// Makes `cache(kind)/name` once, however many tests ask for it at the same
/// time: `make` fills a directory that appears under its name when complete.
pub fn cached(kind: &str, name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let dir = cache(kind);
    let done = dir.join(name);
    let lock = File::create(dir.join(format!("{name}.lock"))).expect("the cache is writable");
    lock.lock().expect("the cache's file system has locks");
    if !done.exists() {
        let begun = tempfile::tempdir_in(&dir).expect("the cache is writable");
        make(begun.path());
        let begun = begun.keep();
        fs::rename(&begun, &done).unwrap_or_else(|e| panic!("cannot rename to {}: {e}", done.display()));
    }
    done
}
