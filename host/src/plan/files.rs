//! File operations below the roots of a plan.
//!
//! Each root is opened once as a directory handle and every path is resolved
//! beneath it, so that a symlink planted in a tree cannot turn a write
//! elsewhere.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, OpenOptions, OpenOptionsExt, PermissionsExt};

use crate::system::{Location, Root, Roots, write_file};

/// The open roots of one plan.
pub struct Files {
    roots: Roots,
    open: Mutex<BTreeMap<Root, std::sync::Arc<Dir>>>,
}

/// What kind of thing a name is, without following a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    Directory,
    File,
    Other,
}

impl Files {
    pub fn new(roots: Roots) -> Self {
        Self { roots, open: Mutex::default() }
    }

    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The handle of a root. A root whose directory is missing is `NotFound`.
    pub fn dir(&self, root: Root) -> io::Result<std::sync::Arc<Dir>> {
        let mut open = self.open.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(dir) = open.get(&root) {
            return Ok(dir.clone());
        }
        let path = self.base(root)?;
        let dir = std::sync::Arc::new(Dir::open_ambient_dir(path, ambient_authority())?);
        open.insert(root, dir.clone());
        Ok(dir)
    }

    fn base(&self, root: Root) -> io::Result<&Path> {
        self.roots
            .get(root)
            .ok_or_else(|| io::Error::new(ErrorKind::NotFound, format!("the plan has no root named `{root}`")))
    }

    /// The real path, for messages and for programs.
    pub fn path(&self, at: &Location) -> PathBuf {
        self.roots.path(at).unwrap_or_else(|| PathBuf::from(at.to_string()))
    }

    pub fn kind(&self, at: &Location) -> io::Result<Option<EntryKind>> {
        let dir = match self.dir(at.root) {
            Ok(dir) => dir,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        match dir.symlink_metadata(relative(at)) {
            Ok(m) if m.is_dir() => Ok(Some(EntryKind::Directory)),
            Ok(m) if m.is_file() => Ok(Some(EntryKind::File)),
            Ok(_) => Ok(Some(EntryKind::Other)),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The directories from the root's own down to `at` that do not exist yet,
    /// outermost first. The root's own is the empty path.
    pub fn missing_directories(&self, at: &Location) -> io::Result<Vec<Location>> {
        let mut missing = Vec::new();
        let mut next = Some(at.clone());
        while let Some(here) = next {
            match self.kind(&here)? {
                Some(EntryKind::Directory) => break,
                // A link to a directory counts; anything else is an obstacle that
                // making the directory will report.
                Some(_) => break,
                None => missing.push(here.clone()),
            }
            next = here.parent();
        }
        missing.reverse();
        Ok(missing)
    }

    /// Makes a directory and its missing parents, mode 0755 less the umask.
    pub fn make_directory(&self, at: &Location) -> io::Result<()> {
        if self.dir(at.root).is_err() {
            std::fs::create_dir_all(self.base(at.root)?)?;
        }
        if at.relative().as_os_str().is_empty() {
            return Ok(());
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o755);
        self.dir(at.root)?.create_dir_with(at.relative(), &builder)
    }

    /// The contents of a file, and its mode.
    pub fn read(&self, at: &Location) -> io::Result<(Vec<u8>, u32)> {
        let mut file = self.dir(at.root)?.open(relative(at))?;
        let mut contents = Vec::new();
        file.read_to_end(&mut contents)?;
        Ok((contents, file.metadata()?.permissions().mode() & 0o7777))
    }

    /// Writes a file through a temporary sibling and a rename.
    pub fn write(&self, at: &Location, contents: &[u8], mode: u32) -> io::Result<()> {
        let dir = self.dir(at.root)?;
        let temporary = temporary_sibling(at);
        let result = (|| {
            write_file(|| {
                let mut file = dir.open_with(&temporary, &fresh(mode))?;
                file.write_all(contents)?;
                file.set_permissions(cap_std::fs::Permissions::from_mode(mode))
            })?;
            dir.rename(&temporary, &dir, at.relative())
        })();
        if result.is_err() {
            // The failure itself is what the caller needs to know.
            let _ = dir.remove_file(&temporary);
        }
        result
    }

    /// Copies a file, link or directory with modes, owners (where permitted)
    /// and modification times. A file is replaced atomically; a directory that
    /// exists is merged into.
    pub fn copy(&self, from: &Location, to: &Location) -> io::Result<()> {
        let source = self.dir(from.root)?;
        let target = self.dir(to.root)?;
        if self.kind(from)? == Some(EntryKind::Directory) {
            return copy_tree(&source, relative(from), &target, relative(to));
        }
        let temporary = temporary_sibling(to);
        let result = copy_entry(&source, relative(from), &target, &temporary)
            .and_then(|()| target.rename(&temporary, &target, to.relative()));
        if result.is_err() {
            let _ = target.remove_file(&temporary);
        }
        result
    }

    /// Sets the modification time of a file, in seconds since the epoch.
    pub fn set_time(&self, at: &Location, seconds: i64) -> io::Result<()> {
        let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        Ok(rustix::fs::utimensat(&*self.dir(at.root)?, relative(at), &times, flags)?)
    }

    pub fn symlink(&self, at: &Location, target: &str) -> io::Result<()> {
        let dir = self.dir(at.root)?;
        let temporary = temporary_sibling(at);
        dir.symlink_contents(target, &temporary)?;
        dir.rename(&temporary, &dir, at.relative()).inspect_err(|_| {
            let _ = dir.remove_file(&temporary);
        })
    }

    pub fn rename(&self, from: &Location, to: &Location) -> io::Result<()> {
        self.dir(from.root)?.rename(relative(from), &*self.dir(to.root)?, relative(to))
    }

    /// A second name for a file, so that the first can be replaced atomically.
    pub fn hard_link(&self, from: &Location, to: &Location) -> io::Result<()> {
        self.dir(from.root)?.hard_link(relative(from), &*self.dir(to.root)?, relative(to))
    }

    /// Removes a file, link or directory tree; nothing there is fine.
    pub fn remove(&self, at: &Location) -> io::Result<()> {
        match self.kind(at)? {
            None => Ok(()),
            Some(EntryKind::Directory) => self.dir(at.root)?.remove_dir_all(relative(at)),
            Some(_) => self.dir(at.root)?.remove_file(relative(at)),
        }
    }

    /// Removes an empty directory; one that is not empty, or not there, stays.
    pub fn remove_if_empty(&self, at: &Location) -> io::Result<bool> {
        if at.relative().as_os_str().is_empty() {
            let base = self.base(at.root)?;
            return Ok(std::fs::remove_dir(base).is_ok());
        }
        // Asked first: a file system that is read-only refuses even to remove nothing.
        if self.kind(at)? != Some(EntryKind::Directory) {
            return Ok(false);
        }
        match self.dir(at.root)?.remove_dir(at.relative()) {
            Ok(()) => Ok(true),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Names directly below a directory, sorted; none for one that is missing.
    pub fn entries(&self, at: &Location) -> io::Result<Vec<String>> {
        let dir = match self.dir(at.root) {
            Ok(dir) => dir,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let entries = match dir.read_dir(relative(at)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut names = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    /// A file opened for appending, made if it is missing.
    pub fn append(&self, at: &Location) -> io::Result<std::fs::File> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o644);
        Ok(self.dir(at.root)?.open_with(relative(at), &options)?.into_std())
    }
}

/// cap-std has no name for the directory itself but `.`.
fn relative(at: &Location) -> &Path {
    if at.relative().as_os_str().is_empty() { Path::new(".") } else { at.relative() }
}

/// A hidden name beside the target. It does not end in the target's suffix, so
/// that nothing takes it for a module while it is being written.
fn temporary_sibling(at: &Location) -> PathBuf {
    let name = at.relative().file_name().unwrap_or_default().to_string_lossy();
    at.relative().with_file_name(format!(".{name}.modsmith-{}~", std::process::id()))
}

fn fresh(mode: u32) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    options
}

fn copy_tree(from: &Dir, from_path: &Path, to: &Dir, to_path: &Path) -> io::Result<()> {
    match to.create_dir(to_path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
        other => other?,
    }
    let source = from.open_dir(from_path)?;
    let target = to.open_dir(to_path)?;
    for entry in source.entries()? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&source, &name, &target, &name)?;
        } else {
            match target.remove_file(&name) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            copy_entry(&source, &name, &target, &name)?;
        }
    }
    let metadata = from.metadata(from_path)?;
    keep_owner(&target, Path::new("."), &metadata);
    to.set_permissions(to_path, metadata.permissions())?;
    keep_times(to, to_path, &metadata)
}

/// One file or link, to a name that does not exist.
fn copy_entry(from: &Dir, from_path: &Path, to: &Dir, to_path: &Path) -> io::Result<()> {
    let metadata = from.symlink_metadata(from_path)?;
    if metadata.is_symlink() {
        let target = from.read_link_contents(from_path)?;
        return to.symlink_contents(target, to_path);
    }
    if !metadata.is_file() {
        return Err(io::Error::new(
            ErrorKind::Unsupported,
            format!("{} is neither a file, a directory nor a link", from_path.display()),
        ));
    }
    let mut source = from.open(from_path)?;
    write_file(|| {
        let mut target = to.open_with(to_path, &fresh(0o600))?;
        if rustix::fs::ioctl_ficlone(&target, &source).is_err() {
            copy_bytes(&mut source, &mut target)?;
        }
        keep_owner(to, to_path, &metadata);
        target.set_permissions(metadata.permissions())
    })?;
    keep_times(to, to_path, &metadata)
}

fn copy_bytes(source: &mut cap_std::fs::File, target: &mut cap_std::fs::File) -> io::Result<()> {
    // Kernel-side copying where both are plain files; the loop otherwise.
    loop {
        match rustix::fs::copy_file_range(&*source, None, &*target, None, 1 << 30) {
            Ok(0) => break,
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::XDEV | rustix::io::Errno::INVAL | rustix::io::Errno::OPNOTSUPP) => break,
            Err(e) => return Err(e.into()),
        }
    }
    let mut buffer = vec![0; 64 << 10];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(()),
            n => target.write_all(&buffer[..n])?,
        }
    }
}

/// Only root may give files away; for others the copy is theirs.
fn keep_owner(dir: &Dir, path: &Path, metadata: &cap_std::fs::Metadata) {
    use cap_std::fs::MetadataExt;
    let owner = rustix::fs::Uid::from_raw(metadata.uid());
    let group = rustix::fs::Gid::from_raw(metadata.gid());
    let _ = rustix::fs::chownat(dir, path, Some(owner), Some(group), rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
}

/// make compares these times: a copy whose files are all new would look as if
/// nothing had ever been built in the right order.
fn keep_times(dir: &Dir, path: &Path, metadata: &cap_std::fs::Metadata) -> io::Result<()> {
    use cap_std::fs::MetadataExt;
    let stamp = |seconds: i64, nanoseconds: i64| rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds as _ };
    let times = rustix::fs::Timestamps {
        last_access: stamp(metadata.atime(), metadata.atime_nsec()),
        last_modification: stamp(metadata.mtime(), metadata.mtime_nsec()),
    };
    rustix::fs::utimensat(dir, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}
