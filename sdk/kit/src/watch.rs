//! Waiting for a change of files: for tests that run again whenever a plugin is edited.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often the files are looked at. Editors write a file in several steps; the next look
/// finds the rest.
const INTERVAL: Duration = Duration::from_millis(400);

/// Folders that builds make.
const MADE: [&str; 5] = ["target", "build", "dist", "node_modules", "__pycache__"];

/// The files below some paths, with the time of the last change and the size of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    files: BTreeMap<PathBuf, (Option<SystemTime>, u64)>,
}

impl Watched {
    /// As they are now. A file that cannot be read counts as missing.
    pub fn now(paths: &[PathBuf]) -> Self {
        let files = paths.iter().flat_map(|path| below(path)).filter_map(|file| {
            let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
            Some((file, (metadata.modified().ok(), metadata.len())))
        });
        Self { files: files.collect() }
    }

    /// Waits until they are not the same any longer.
    pub fn wait(&self, paths: &[PathBuf]) {
        while Self::now(paths) == *self {
            std::thread::sleep(INTERVAL);
        }
    }
}

fn below(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let wanted = |entry: &walkdir::DirEntry| entry.depth() == 0 || !is_skipped(entry.file_name());
    let entries = walkdir::WalkDir::new(path).into_iter().filter_entry(wanted);
    entries.filter_map(|entry| Some(entry.ok()?.into_path()))
}

fn is_skipped(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || MADE.iter().any(|made| name == *made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_of_the_plugins_own_files() {
        let dir = tempfile::tempdir().unwrap();
        let paths = [dir.path().to_path_buf()];
        let write = |name: &str, text: &str| {
            let file = dir.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        write("src/lib.rs", "one");
        let before = Watched::now(&paths);
        for made in ["build/plugin.wasm", "dist/x.wasm", ".git/index", "target/debug/x", "node_modules/a.js"] {
            write(made, "made");
        }
        assert_eq!(Watched::now(&paths), before);
        write("cases/a/facts.toml", "call");
        let more = Watched::now(&paths);
        assert_ne!(more, before);
        write("src/lib.rs", "longer");
        assert_ne!(Watched::now(&paths), more);
        before.wait(&paths);
    }
}
