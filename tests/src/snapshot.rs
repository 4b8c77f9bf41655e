//! A directory's state, to compare with another.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// modsmith's record of a build holds times and inodes: no two are alike, and
/// nothing depends on what it says.
const RECORD: &str = ".modsmith.json";

/// One directory entry: its kind, and the facts that change when it is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Directory {
        mode: u32,
    },
    File {
        mode: u32,
        /// Length in bytes and a hash of the contents.
        content: (u64, u64),
    },
    Link {
        target: PathBuf,
    },
    Other,
}

impl Entry {
    fn read(path: &Path) -> std::io::Result<Entry> {
        let meta = fs::symlink_metadata(path)?;
        let mode = meta.permissions().mode() & 0o7777;
        Ok(if meta.is_dir() {
            Entry::Directory { mode }
        } else if meta.is_symlink() {
            Entry::Link { target: fs::read_link(path)? }
        } else if meta.is_file() {
            let record = path.ends_with(RECORD);
            let bytes = if record { Vec::new() } else { fs::read(path)? };
            let mut hasher = DefaultHasher::new();
            hasher.write(&bytes);
            Entry::File { mode, content: (bytes.len() as u64, hasher.finish()) }
        } else {
            Entry::Other
        })
    }

    /// Kind, mode and link target, without the contents: what two programs that
    /// built the same module must agree on.
    pub fn shape(&self) -> String {
        match self {
            Entry::Directory { mode } => format!("directory {mode:o}"),
            Entry::File { mode, .. } => format!("file {mode:o}"),
            Entry::Link { target } => format!("link to {}", target.display()),
            Entry::Other => "special file".into(),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shape())?;
        match self {
            Entry::File { content: (length, hash), .. } => write!(f, ", {length} bytes, {hash:016x}"),
            _ => Ok(()),
        }
    }
}

/// All entries below a directory, by their path relative to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot(pub BTreeMap<PathBuf, Entry>);

impl Snapshot {
    /// Reads everything below `dir`; empty when there is no such directory.
    pub fn of(dir: &Path) -> Snapshot {
        let mut entries = BTreeMap::new();
        for found in WalkDir::new(dir).min_depth(1) {
            let Ok(found) = found else { continue };
            let relative = found.path().strip_prefix(dir).expect("walked from here").to_path_buf();
            let entry =
                Entry::read(found.path()).unwrap_or_else(|e| panic!("cannot read {}: {e}", found.path().display()));
            entries.insert(relative, entry);
        }
        Snapshot(entries)
    }

    /// The snapshot without the entries for which `drop` says yes.
    pub fn without(mut self, drop: impl Fn(&Path) -> bool) -> Snapshot {
        self.0.retain(|path, _| !drop(path));
        self
    }

    /// The snapshot without modsmith's records of builds, which dkms does not write.
    pub fn without_records(self) -> Snapshot {
        self.without(|path| path.ends_with(RECORD))
    }

    /// The snapshot with its paths below another directory.
    pub fn below(self, dir: &str) -> Snapshot {
        Snapshot(self.0.into_iter().map(|(path, entry)| (Path::new(dir).join(path), entry)).collect())
    }

    pub fn with(mut self, other: Snapshot) -> Snapshot {
        self.0.extend(other.0);
        self
    }

    pub fn has(&self, path: impl AsRef<Path>) -> bool {
        self.0.contains_key(path.as_ref())
    }

    /// Paths of the kernel modules (`*.ko`, also compressed).
    pub fn modules(&self) -> Vec<&Path> {
        let suffixes = [".ko", ".ko.gz", ".ko.xz", ".ko.zst"];
        let is_module = |p: &&Path| {
            p.file_name().and_then(|n| n.to_str()).is_some_and(|name| suffixes.iter().any(|s| name.ends_with(s)))
        };
        self.0.keys().map(PathBuf::as_path).filter(is_module).collect()
    }

    /// What was added (+), taken away (-) and changed (!) on the way to `later`.
    pub fn changes(&self, later: &Snapshot) -> Vec<String> {
        let mut out = Vec::new();
        for (path, entry) in &self.0 {
            match later.0.get(path) {
                None => out.push(format!("- {} ({entry})", path.display())),
                Some(now) if now != entry => out.push(format!("! {} ({entry} -> {now})", path.display())),
                Some(_) => {}
            }
        }
        let added = later.0.iter().filter(|(path, _)| !self.0.contains_key(*path));
        out.extend(added.map(|(path, entry)| format!("+ {} ({entry})", path.display())));
        out
    }

    /// Fails the test unless nothing changed on the way to `later`.
    #[track_caller]
    pub fn assert_same(&self, later: &Snapshot, what: &str) {
        let changes = self.changes(later);
        assert!(changes.is_empty(), "{what}: files changed:\n{}", changes.join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_change_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let location = |name: &str| dir.path().join(name);
        fs::write(location("stays"), "a").unwrap();
        fs::write(location("goes"), "a").unwrap();
        fs::write(location("content"), "a").unwrap();
        fs::write(location("mode"), "a").unwrap();
        std::os::unix::fs::symlink("old", location("link")).unwrap();
        let before = Snapshot::of(dir.path());

        fs::remove_file(location("goes")).unwrap();
        fs::write(location("content"), "b").unwrap();
        fs::set_permissions(location("mode"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::remove_file(location("link")).unwrap();
        std::os::unix::fs::symlink("new", location("link")).unwrap();
        fs::create_dir(location("comes")).unwrap();
        let changes = before.changes(&Snapshot::of(dir.path()));

        let starts: Vec<&str> = changes.iter().map(|c| c.split(" (").next().unwrap()).collect();
        assert_eq!(starts, ["! content", "- goes", "! link", "! mode", "+ comes"]);
        assert!(before.changes(&before).is_empty());
    }
}
