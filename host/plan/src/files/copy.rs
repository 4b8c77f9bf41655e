//! Copies of files and directories, by descriptors.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::{AtFlags, Mode, SeekFrom};

use super::Files;
use super::open::{no_file, open_directory, open_file};
use modsmith_facts::Location;
use modsmith_sandbox::write_file;

/// A file that did not exist.
pub(super) fn fresh(mode: u32) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    options
}

impl Files {
    /// Copies the entries of a directory into another one; files and links are replaced.
    pub(super) fn copy_entries(&self, source: &Dir, from: &Location, target: &Dir, to: &Location) -> io::Result<()> {
        for entry in source.entries()? {
            let entry = entry?;
            let name = entry.file_name();
            let name = Path::new(&name);
            let below = |location: &Location| location.join(name).map_err(io::Error::other);
            let (from, to) = (below(from)?, below(to)?);
            if entry.file_type()?.is_dir() {
                let below = open_directory(source, name)?;
                self.copy_directory(&below, &from, target, name, &to)?;
            } else {
                match target.remove_file(name) {
                    Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                    _ => {}
                }
                self.copy_entry(source, name, &from, target, name, &to)?;
            }
        }
        Ok(())
    }

    /// An open directory, to a name that may exist.
    pub(super) fn copy_directory(
        &self,
        source: &Dir,
        from: &Location,
        parent: &Dir,
        name: &Path,
        to: &Location,
    ) -> io::Result<()> {
        let metadata = source.dir_metadata()?;
        self.may_read(from, &metadata)?;
        self.may_write(to)?;
        match parent.create_dir(name) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            other => other?,
        }
        let target = self.open_directory_of(parent, name)?;
        self.copy_entries(source, from, &target, to)?;
        keep_owner(&target, Path::new("."), &metadata);
        rustix::fs::chmodat(&target, ".", Mode::from_raw_mode(metadata.mode() & 0o7777), AtFlags::empty())?;
        keep_times(&target, Path::new("."), &metadata)
    }

    /// Copies a file or link to a name that does not exist.
    pub(super) fn copy_entry(
        &self,
        from: &Dir,
        name: &Path,
        from_at: &Location,
        to: &Dir,
        to_name: &Path,
        to_at: &Location,
    ) -> io::Result<()> {
        let metadata = from.symlink_metadata(name)?;
        self.may_read(from_at, &metadata)?;
        self.may_write(to_at)?;
        if metadata.is_symlink() {
            let target = from.read_link_contents(name)?;
            self.may_link(to_at, &target)?;
            return to.symlink_contents(target, to_name);
        }
        if !metadata.is_file() {
            return Err(no_file(name));
        }
        let source = self.open_file_of(from, name)?;
        let metadata = Metadata::from_file(&source)?;
        // Another file may have taken the name meanwhile.
        self.may_read(from_at, &metadata)?;
        let mut source = source;
        write_file(|| {
            let mut target = to.open_with(to_name, &fresh(0o600))?.into_std();
            if rustix::fs::ioctl_ficlone(&target, &source).is_err() {
                copy_contents(&mut source, &mut target)?;
            }
            let owner = rustix::fs::Uid::from_raw(metadata.uid());
            let group = rustix::fs::Gid::from_raw(metadata.gid());
            // Only root may give files away; for others the copy is theirs.
            let _ = rustix::fs::fchown(&target, Some(owner), Some(group));
            target.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(metadata.mode() & 0o7777))
        })?;
        keep_times(to, to_name, &metadata)
    }

    /// All that is in a directory, with paths below it: entries in name order,
    /// a directory before what is in it.
    pub(crate) fn walk(
        &self,
        directory: &Dir,
        location: &Location,
        path: &Path,
        found: &mut Vec<(PathBuf, Metadata)>,
    ) -> io::Result<()> {
        let mut names =
            directory.entries()?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<OsString>>>()?;
        names.sort();
        for name in names {
            let metadata = directory.symlink_metadata(&name)?;
            let path = path.join(&name);
            let is_directory = metadata.is_dir();
            self.may_read(&location.join(&path).map_err(io::Error::other)?, &metadata)?;
            found.push((path.clone(), metadata));
            if is_directory {
                self.walk(&open_directory(directory, Path::new(&name))?, location, &path, found)?;
            }
        }
        Ok(())
    }

    /// A file that a walk found.
    pub(crate) fn open_found(&self, directory: &Dir, path: &Path, location: &Location) -> io::Result<File> {
        let file = open_file(directory, path)?;
        // Another file may have taken the name meanwhile.
        self.may_read(&location.join(path).map_err(io::Error::other)?, &Metadata::from_file(&file)?)?;
        Ok(file)
    }
}

/// The contents of a file, into an empty one. Holes stay holes: a file may be larger
/// than the disk.
pub(crate) fn copy_contents(source: &mut File, target: &mut File) -> io::Result<()> {
    let length = source.metadata()?.len();
    let mut position = 0;
    while position < length {
        let data = match rustix::fs::seek(&*source, SeekFrom::Data(position)) {
            Ok(data) => data,
            // Nothing but a hole is left.
            Err(rustix::io::Errno::NXIO) => break,
            // The file system does not tell.
            Err(_) => position,
        };
        let end = rustix::fs::seek(&*source, SeekFrom::Hole(data)).unwrap_or(length).min(length);
        copy_range(source, target, data, end)?;
        position = end.max(data + 1);
    }
    target.set_len(length)?;
    // The rest: a file may have grown meanwhile, and some files have no length.
    source.seek(io::SeekFrom::Start(length))?;
    target.seek(io::SeekFrom::Start(length))?;
    io::copy(source, target).map(drop)
}

/// The bytes from `start` to `end`, to the same place.
fn copy_range(source: &mut File, target: &mut File, start: u64, end: u64) -> io::Result<()> {
    let (mut from, mut to) = (start, start);
    // Kernel-side copying where both are plain files.
    while from < end {
        let length = usize::try_from(end - from).unwrap_or(usize::MAX).min(1 << 30);
        match rustix::fs::copy_file_range(&*source, Some(&mut from), &*target, Some(&mut to), length) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::XDEV | rustix::io::Errno::INVAL | rustix::io::Errno::OPNOTSUPP) => break,
            Err(e) => return Err(e.into()),
        }
    }
    source.seek(io::SeekFrom::Start(from))?;
    target.seek(io::SeekFrom::Start(from))?;
    io::copy(&mut source.take(end - from), target).map(drop)
}

/// Only root may give files away; for others the copy is theirs.
fn keep_owner(dir: &Dir, path: &Path, metadata: &Metadata) {
    let owner = rustix::fs::Uid::from_raw(metadata.uid());
    let group = rustix::fs::Gid::from_raw(metadata.gid());
    let _ = rustix::fs::chownat(dir, path, Some(owner), Some(group), AtFlags::SYMLINK_NOFOLLOW);
}

/// Gives a copy the times of its source: make compares them, and would build everything again.
pub(crate) fn keep_times(dir: &Dir, path: &Path, metadata: &Metadata) -> io::Result<()> {
    let stamp = |seconds: i64, nanoseconds: i64| rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds as _ };
    let times = rustix::fs::Timestamps {
        last_access: stamp(metadata.atime(), metadata.atime_nsec()),
        last_modification: stamp(metadata.mtime(), metadata.mtime_nsec()),
    };
    rustix::fs::utimensat(dir, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}
