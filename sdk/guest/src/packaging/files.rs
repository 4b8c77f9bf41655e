use std::collections::BTreeMap;

use super::{Content, Contents};
use crate::system::EntryKind;
use crate::{Path, Result, invalid};

/// A file, directory or link of [`Files`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<C = Vec<u8>> {
    /// A directory.
    Directory,
    /// A file, with its permission bits.
    File {
        /// The contents of the file.
        contents: C,
        /// As in chmod(2): `0o644`.
        mode: u32,
    },
    /// A symbolic link, with its text.
    Link(String),
}

impl From<Entry> for Entry<Contents> {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Directory => Self::Directory,
            Entry::File { contents, mode } => Self::File { contents: contents.into(), mode },
            Entry::Link(target) => Self::Link(target),
        }
    }
}

/// Files, links and directories by their paths, such as `usr/src/demo-1.0/Makefile`:
/// relative, without `.` and `..`. Sorted; the directories that lead to a path
/// are there too.
///
/// Their contents are bytes in memory, or [`Contents`], which need not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files<C = Vec<u8>>(BTreeMap<String, Entry<C>>);

impl<C> Default for Files<C> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl From<Files> for Files<Contents> {
    fn from(files: Files) -> Self {
        Self(files.0.into_iter().map(|(path, entry)| (path, entry.into())).collect())
    }
}

impl Files {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<C: Content> Files<C> {
    /// Adds a file, in place of one that is there.
    pub fn add(&mut self, path: impl Into<String>, contents: impl Into<C>, mode: u32) {
        self.insert(path.into(), Entry::File { contents: contents.into(), mode });
    }

    /// Adds a symbolic link with this text.
    pub fn link(&mut self, path: impl Into<String>, target: impl Into<String>) {
        self.insert(path.into(), Entry::Link(target.into()));
    }

    /// Adds a directory.
    pub fn directory(&mut self, path: impl Into<String>) {
        self.insert(path.into(), Entry::Directory);
    }

    /// Adds an entry, and the directories that lead to it.
    pub fn insert(&mut self, path: String, entry: Entry<C>) {
        for (index, _) in path.match_indices('/') {
            self.0.entry(path[..index].to_owned()).or_insert(Entry::Directory);
        }
        self.0.insert(path, entry);
    }

    /// Adds the file at `from`, or the directory with all that is below it, under the path `to`.
    /// Needs the manifest's `[read]`. Modes become 0755 for files that any user may execute, and
    /// 0644 for others.
    ///
    /// # Errors
    /// `invalid` for what is neither file, directory nor link; and as reading has them.
    pub fn read(&mut self, from: &Path, to: &str) -> Result<()> {
        match from.kind()? {
            None => Err(invalid(format!("{from} is not there"))),
            Some(EntryKind::Directory) => {
                if !to.is_empty() {
                    self.directory(to);
                }
                for entry in from.entries()? {
                    let below = if to.is_empty() { entry.name.clone() } else { format!("{to}/{}", entry.name) };
                    self.read(&from.join(&entry.name), &below)?;
                }
                Ok(())
            }
            Some(EntryKind::File) => {
                let mode = if from.mode()?.unwrap_or(0) & 0o111 == 0 { 0o644 } else { 0o755 };
                self.add(to, C::at(from)?, mode);
                Ok(())
            }
            Some(EntryKind::Symlink) => {
                self.link(to, from.link_target()?.unwrap_or_default());
                Ok(())
            }
            Some(EntryKind::Other) => Err(invalid(format!("{from} is neither a file nor a directory nor a link"))),
        }
    }

    /// The entry at a path.
    pub fn get(&self, path: &str) -> Option<&Entry<C>> {
        self.0.get(path)
    }

    /// Takes an entry out; what is below a directory stays.
    pub fn remove(&mut self, path: &str) -> Option<Entry<C>> {
        self.0.remove(path)
    }

    /// All entries, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry<C>)> {
        self.0.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// The bytes of all files together.
    pub fn size(&self) -> u64 {
        let size = |entry: &Entry<C>| if let Entry::File { contents, .. } = entry { contents.size() } else { 0 };
        self.0.values().map(size).sum()
    }

    /// The files, moved below a directory.
    pub fn below(self, directory: &str) -> Self {
        let mut files = Self::default();
        for (path, entry) in self.0 {
            files.insert(format!("{directory}/{path}"), entry);
        }
        files
    }

    /// The files with relative links, in their shortest form. A link to an absolute name leads to
    /// that name among the files; no link leads above them, as `/..` is `/`.
    pub fn with_relative_links(self) -> Self {
        let mut files = Self::default();
        for (path, entry) in self.0 {
            let entry = match entry {
                Entry::Link(target) => Entry::Link(relative(&path, &target)),
                other => other,
            };
            files.insert(path, entry);
        }
        files
    }

    /// Adds all of another's entries.
    pub fn extend(&mut self, other: Self) {
        for (path, entry) in other.0 {
            self.insert(path, entry);
        }
    }
}

/// The text of a link at `path` that leads to where `target` does, if `path` is below the root
/// directory.
fn relative(path: &str, target: &str) -> String {
    let parts = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let mut directory = parts(path);
    directory.pop();
    let mut leads: Vec<String> = if target.starts_with('/') { Vec::new() } else { directory.clone() };
    for part in parts(target) {
        match part.as_str() {
            "" | "." => {}
            ".." => drop(leads.pop()),
            _ => leads.push(part),
        }
    }
    let common = directory.iter().zip(&leads).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n("..", directory.len() - common);
    let words: Vec<&str> = up.chain(leads[common..].iter().map(String::as_str)).collect();
    if words.is_empty() { ".".to_owned() } else { words.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_relative_and_stay_among_the_files() {
        for (path, target, is) in [
            ("lib/modules/6.1/build", "/usr/src/linux-6.1", "../../../usr/src/linux-6.1"),
            ("usr/src/linux-6.1/scripts", "../../lib/kbuild/scripts", "../../lib/kbuild/scripts"),
            ("usr/src/a", "/usr/src/b/", "b"),
            ("usr/src/a", "../../../../etc/passwd", "../../etc/passwd"),
            ("usr/src/a", "./b/../c", "c"),
            ("usr/src/a", "/usr/src", "."),
        ] {
            assert_eq!(relative(path, target), is, "{path} -> {target}");
        }
    }

    #[test]
    fn the_directories_that_lead_to_a_file_are_there_and_come_first() {
        let mut files = Files::new();
        files.add("usr/src/demo/Makefile", "all:\n", 0o644);
        files.link("usr/src/demo/a", "Makefile");
        let paths: Vec<&str> = files.iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["usr", "usr/src", "usr/src/demo", "usr/src/demo/Makefile", "usr/src/demo/a"]);
        assert_eq!(files.size(), 5);
    }

    #[test]
    fn what_is_put_below_a_directory_keeps_its_place_in_it() {
        let mut files = Files::new();
        files.add("a/b", "", 0o644);
        let paths: Vec<String> = files.below("top/c").iter().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(paths, ["top", "top/c", "top/c/a", "top/c/a/b"]);
    }
}
