//! Paths below named roots.

pub use crate::bindings::imports::modsmith::plugin::types::Path;
use crate::system::{self, Dir, Entry, EntryKind};
use crate::{File, Result, invalid};

/// Makes paths, and asks about them. Asking needs the manifest's `[read]` grant.
impl Path {
    /// A path below any root, by the root's name.
    pub fn new(root: impl Into<String>, relative: impl Into<String>) -> Self {
        Self { root: root.into(), relative: relative.into() }
    }

    /// Below `/boot`.
    pub fn boot(relative: impl Into<String>) -> Self {
        Self::new("boot", relative)
    }

    /// Below `/etc`.
    pub fn etc(relative: impl Into<String>) -> Self {
        Self::new("etc", relative)
    }

    /// Below `/usr`.
    pub fn usr(relative: impl Into<String>) -> Self {
        Self::new("usr", relative)
    }

    /// Below `/var`, but for the module tree.
    pub fn var(relative: impl Into<String>) -> Self {
        Self::new("var", relative)
    }

    /// Below `/sys`: what the running kernel says about devices and itself.
    pub fn sys(relative: impl Into<String>) -> Self {
        Self::new("sys", relative)
    }

    /// Below `/proc`, but for the directories of processes.
    pub fn proc(relative: impl Into<String>) -> Self {
        Self::new("proc", relative)
    }

    /// Below the kernel's module directory, `/lib/modules/K`.
    pub fn modules(relative: impl Into<String>) -> Self {
        Self::new("modules", relative)
    }

    /// Below the module directories of all kernels, `/lib/modules`.
    pub fn install_tree(relative: impl Into<String>) -> Self {
        Self::new("install-tree", relative)
    }

    /// Below the kernel's build directory, wherever that is.
    pub fn headers(relative: impl Into<String>) -> Self {
        Self::new("headers", relative)
    }

    /// Below the module tree, usually `/var/lib/dkms`.
    pub fn tree(relative: impl Into<String>) -> Self {
        Self::new("tree", relative)
    }

    /// Below the registered source of the package, `/usr/src/NAME-VERSION`.
    pub fn source(relative: impl Into<String>) -> Self {
        Self::new("source", relative)
    }

    /// Below a directory that is private to the call and removed after it.
    pub fn staging(relative: impl Into<String>) -> Self {
        Self::new("staging", relative)
    }

    /// The path that an absolute path of the target system is, so that settings
    /// can be written as administrators write them. `None` outside the roots of
    /// the call, and for a path with `..`.
    pub fn of_absolute(text: &str) -> Option<Self> {
        system::locate(text)
    }

    /// Returns the path on the target system, for texts that people read. In a command, use
    /// the path itself.
    pub fn absolute(&self) -> Result<String> {
        system::absolute(self)
    }

    /// The entry `name` below this one.
    pub fn join(&self, name: &str) -> Self {
        let relative = if self.relative.is_empty() { name.to_owned() } else { format!("{}/{name}", self.relative) };
        Self::new(self.root.clone(), relative)
    }

    /// The last component; empty for the root itself.
    pub fn file_name(&self) -> &str {
        self.relative.rsplit('/').next().unwrap_or_default()
    }

    /// The kind of the file, without following a final symlink; `None` when there is none.
    pub fn kind(&self) -> Result<Option<EntryKind>> {
        self.dir()?.kind(&self.relative)
    }

    /// Whether there is anything of this name.
    pub fn exists(&self) -> Result<bool> {
        Ok(self.kind()?.is_some())
    }

    /// The first of several paths that exists.
    pub fn first_existing(candidates: impl IntoIterator<Item = Self>) -> Result<Option<Self>> {
        for path in candidates {
            if path.exists()? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Contents of a file; `None` when there is none.
    pub fn read(&self) -> Result<Option<Vec<u8>>> {
        self.dir()?.read(&self.relative)
    }

    /// Contents of a file, without the compression (gzip, xz or zstd) that it has, if any; `None`
    /// when there is none.
    pub fn read_unpacked(&self) -> Result<Option<Vec<u8>>> {
        self.dir()?.read_unpacked(&self.relative)
    }

    /// Opens a file that is read piece by piece, so that its size needs no memory; `None` when
    /// there is none.
    pub fn open(&self) -> Result<Option<File>> {
        Ok(self.dir()?.open(&self.relative)?.map(File::new))
    }

    /// Permission bits of what the name leads to; `None` when there is nothing.
    pub fn mode(&self) -> Result<Option<u32>> {
        self.dir()?.mode(&self.relative)
    }

    /// The text of a symbolic link; `None` when the name is no link.
    pub fn link_target(&self) -> Result<Option<String>> {
        self.dir()?.link_target(&self.relative)
    }

    /// Contents of a text file; `invalid` when it is not UTF-8.
    pub fn read_text(&self) -> Result<Option<String>> {
        let text = self.read()?.map(String::from_utf8).transpose();
        text.map_err(|_| invalid(format!("{self} is not a text file: it is not UTF-8.")))
    }

    /// Entries of a directory, sorted by name; none when there is no directory.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        self.dir()?.entries(&self.relative)
    }

    fn dir(&self) -> Result<Dir> {
        system::open_dir(&self.root)
    }
}

/// `root/relative`, as manifests write paths.
impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.relative.is_empty() { f.write_str(&self.root) } else { write!(f, "{}/{}", self.root, self.relative) }
    }
}

impl From<&Path> for Path {
    fn from(path: &Path) -> Self {
        path.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_to_a_root_adds_no_leading_slash() {
        assert_eq!(Path::boot("").join("a").join("b"), Path::boot("a/b"));
        assert_eq!(Path::boot("a/b").file_name(), "b");
        assert_eq!(Path::boot("a/b").to_string(), "boot/a/b");
        assert_eq!(Path::boot("").to_string(), "boot");
    }
}
