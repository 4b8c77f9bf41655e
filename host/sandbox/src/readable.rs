//! The files that a reader of configuration may read: those that all users may read, and the source
//! that it is about.
//!
//! As `nobody`, the modes of files restrict it already. If it stays the caller, who owns secrets,
//! Landlock has to restrict it; and Landlock can open a directory, but close none below it. So the
//! opened directories are chosen one by one.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Programs, libraries and what they need, and facts about the machine.
const SYSTEM: [&str; 9] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/sys"];

/// Configuration and data of the system, in which secrets are too.
const MIXED: [&str; 2] = ["/etc", "/boot"];

/// The state of package managers and others.
const STATE: &str = "/var/lib";

/// Files and directories that may be read, by canonical path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readable {
    directories: Vec<PathBuf>,
    listings: Vec<PathBuf>,
    /// Whether modes of files restrict the reader: it runs as `nobody`.
    by_modes: bool,
    /// Directories that stay closed unless they are named: the caller's home.
    closed: Vec<PathBuf>,
}

impl Readable {
    /// The files that all users may read. `by_modes`: the reader is `nobody`.
    pub fn system(by_modes: bool) -> Self {
        let home = std::env::home_dir().and_then(|home| home.canonicalize().ok());
        let mut out = Self { by_modes, closed: home.into_iter().collect(), ..Self::default() };
        for directory in SYSTEM {
            out.open_but_closed(Path::new(directory));
        }
        for directory in MIXED {
            if by_modes {
                out.open(Path::new(directory));
            } else {
                out.open_public(Path::new(directory));
            }
        }
        if by_modes {
            out.open(Path::new(STATE));
        } else if !rustix::process::getuid().is_root() {
            out.open_entries(Path::new(STATE), is_public);
        }
        // Processes have directories there, which stay closed.
        out.open_entries(Path::new("/proc"), |path, metadata| {
            let number = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0].is_ascii_digit());
            !number && is_public(path, metadata)
        });
        out
    }

    /// A file in any directory.
    pub fn and_file(&mut self, file: &Path) {
        self.open(file);
    }

    /// A directory that was named, and all below it. One that holds more than it is
    /// named for (a home, `/tmp`) stays closed to a reader that is the caller.
    pub fn and_directory(&mut self, directory: &Path) {
        let Ok(real) = directory.canonicalize() else { return };
        if self.by_modes || !self.is_wide(&real) {
            self.directories.push(real);
        }
    }

    /// As [`Readable::and_directory`], without the entries of these names in it. If modes of files
    /// restrict the reader, they decide about these entries, too.
    pub fn and_directory_without(&mut self, directory: &Path, names: &[&str]) {
        let Ok(real) = directory.canonicalize() else { return };
        if self.by_modes || names.is_empty() {
            self.and_directory(&real);
        } else {
            self.open_entries(&real, |path, _| !names.iter().any(|name| path.ends_with(name)));
        }
    }

    /// The directories in a directory, without hidden ones, and the names of everything in it.
    pub fn and_directories_of(&mut self, directory: &Path) {
        let Ok(real) = directory.canonicalize() else { return };
        self.listings.push(real.clone());
        self.open_entries(&real, |path, metadata| metadata.is_dir() && !is_hidden(path));
    }

    /// The names in a directory and below it, not the contents.
    pub fn and_names(&mut self, directory: &Path) {
        self.listings.push(directory.to_path_buf());
    }

    pub(super) fn directories(&self) -> impl Iterator<Item = &Path> {
        self.directories.iter().map(PathBuf::as_path)
    }

    pub(super) fn listings(&self) -> impl Iterator<Item = &Path> {
        self.listings.iter().map(PathBuf::as_path)
    }

    fn open(&mut self, path: &Path) {
        self.directories.push(path.to_path_buf());
    }

    /// All of a directory, but not what is closed below it.
    fn open_but_closed(&mut self, directory: &Path) {
        let Ok(real) = directory.canonicalize() else { return };
        if self.by_modes || !self.closed.iter().any(|closed| closed.starts_with(&real)) {
            self.open(&real);
        } else if !self.closed.contains(&real) {
            self.open_entries(&real, |_, _| true);
        }
    }

    /// The entries of a directory that are wanted and not closed. Links are left out:
    /// what they lead to is opened where it is.
    fn open_entries(&mut self, directory: &Path, wanted: impl Fn(&Path, &std::fs::Metadata) -> bool) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_symlink() || !wanted(&path, &metadata) {
                continue;
            }
            if self.closed.iter().any(|closed| closed.starts_with(&path)) {
                self.open_but_closed(&path);
            } else {
                self.open(&path);
            }
        }
    }

    /// Opens the files of a directory that all users may read. Returns whether these are all of its
    /// files.
    fn open_public(&mut self, directory: &Path) -> bool {
        let first = self.directories.len();
        let mut all = directory.metadata().is_ok_and(|metadata| is_public(directory, &metadata));
        let Some(entries) = std::fs::read_dir(directory).ok().filter(|_| all) else { return false };
        for entry in entries.flatten() {
            let path = entry.path();
            match entry.metadata() {
                Ok(metadata) if metadata.is_symlink() => {}
                Ok(metadata) if metadata.is_dir() => all &= self.open_public(&path),
                Ok(metadata) if is_public(&path, &metadata) => self.open(&path),
                _ => all = false,
            }
        }
        if all {
            self.directories.truncate(first);
            self.open(directory);
        }
        all
    }

    /// Whether a directory is more than one purpose's: above or at the home, the root, or one in
    /// which all users put what they like.
    fn is_wide(&self, real: &Path) -> bool {
        const STICKY: u32 = 0o1000;
        real.parent().is_none()
            || self.closed.iter().any(|closed| closed.starts_with(real))
            || ["/home", "/root", "/run", "/var", "/tmp", "/proc", "/dev"].iter().any(|wide| real == Path::new(wide))
            || real.metadata().is_ok_and(|metadata| metadata.permissions().mode() & STICKY != 0)
    }
}

/// Whether all users may read it.
fn is_public(_: &Path, metadata: &std::fs::Metadata) -> bool {
    let wanted = if metadata.is_dir() { 0o005 } else { 0o004 };
    metadata.mode() & wanted == wanted
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, mode: u32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn opened(readable: &Readable, below: &Path) -> Vec<String> {
        let relative = |path: &Path| path.strip_prefix(below).ok().map(|path| path.display().to_string());
        let mut names: Vec<_> = readable.directories().filter_map(relative).collect();
        names.sort();
        names
    }

    #[test]
    fn of_a_mixed_directory_only_what_everybody_may_read_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        for (path, mode) in [("public/a/b", 0o644), ("public/c", 0o644), ("mixed/a", 0o644), ("mixed/key", 0o640)] {
            write(&dir.path().join(path), mode);
        }
        write(&dir.path().join("private/a"), 0o644);
        std::fs::set_permissions(dir.path().join("private"), PermissionsExt::from_mode(0o750)).unwrap();
        let mut readable = Readable::default();
        assert!(!readable.open_public(dir.path()));
        assert_eq!(opened(&readable, dir.path()), ["mixed/a", "public"]);
    }

    #[test]
    fn files_beside_directories_and_entries_that_are_left_out_stay_closed() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        for path in ["tree/mok.key", "tree/.modsmith/x", "tree/hello/1.0/x", "k/certs/signing_key.pem", "k/include/x"] {
            write(&real.join(path), 0o600);
        }
        let mut readable = Readable::default();
        readable.and_directories_of(&real.join("tree"));
        readable.and_directory_without(&real.join("k"), &["certs"]);
        assert_eq!(opened(&readable, &real), ["k/include", "tree/hello"]);
        assert_eq!(readable.listings().collect::<Vec<_>>(), [real.join("tree")]);
    }

    #[test]
    fn a_home_and_what_is_above_it_are_not_opened_by_their_name() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        write(&real.join("home/me/src/file"), 0o600);
        write(&real.join("home/you/x"), 0o600);
        let closed = vec![real.join("home/me")];
        let mut readable = Readable { closed, ..Readable::default() };
        for path in ["home/me", "home", ""] {
            readable.and_directory(&real.join(path));
        }
        assert_eq!(opened(&readable, &real), Vec::<String>::new());
        readable.and_directory(&real.join("home/me/src"));
        readable.open_but_closed(&real);
        assert_eq!(opened(&readable, &real), ["home/me/src", "home/you"]);
        let mut by_modes = Readable { by_modes: true, ..Readable::default() };
        by_modes.and_directory(&real.join("home"));
        assert_eq!(opened(&by_modes, &real), ["home"]);
    }
}
