//! File operations below the roots of a plan.
//!
//! Each root is opened once as a directory handle and every path is resolved
//! beneath it, so that a symlink planted in a tree cannot turn a write
//! elsewhere. Steps of the host follow links within a root, which are the
//! administrator's; those of plugins follow none ([`Links`]).

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, MetadataExt, OpenOptions, OpenOptionsExt};

use crate::watch::{Source, Watch};
use modsmith_facts::{Location, Root, Roots, make_directories, remove_entry};
use modsmith_sandbox::write_file;

pub(crate) mod copy;
mod open;

pub use open::{Links, Opener};
use open::{Spot, relative};

/// How names begin that the host makes beside those of a plan, and takes away
/// again: no plugin sees or touches them.
pub const HIDDEN: &str = ".modsmith-";

/// The operations of a step on files, which are opened by its opener.
#[derive(Clone)]
pub struct Files(Opener);

impl std::ops::Deref for Files {
    type Target = Opener;

    fn deref(&self) -> &Opener {
        &self.0
    }
}

/// The kind of an entry. A link is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    Directory,
    File,
    Link,
    Other,
}

impl Files {
    /// The roots as the host's own steps see them.
    pub fn new(roots: Roots) -> Self {
        Self(Opener::new(roots))
    }

    /// As a plugin's step sees them: no link is followed, and all that it comes upon is
    /// decided about.
    pub fn watched_by(&self, watch: Option<Arc<dyn Watch>>) -> Self {
        Self(self.0.with(Links::Refused, watch))
    }

    /// The same roots for the undo of a step that treated links in this way.
    pub fn following(&self, links: Links) -> Self {
        Self(self.0.with(links, None))
    }

    pub fn kind(&self, location: &Location) -> io::Result<Option<EntryKind>> {
        let Spot { dir, name } = match self.spot(location) {
            Ok(spot) => spot,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(e),
        };
        match dir.symlink_metadata(name) {
            Ok(m) if m.is_dir() => Ok(Some(EntryKind::Directory)),
            Ok(m) if m.is_file() => Ok(Some(EntryKind::File)),
            Ok(m) if m.is_symlink() => Ok(Some(EntryKind::Link)),
            Ok(_) => Ok(Some(EntryKind::Other)),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The directories from the root's own down to `location` that do not exist yet,
    /// outermost first. The root's own is the empty path.
    pub fn missing_directories(&self, location: &Location) -> io::Result<Vec<Location>> {
        let mut missing = Vec::new();
        let mut next = Some(location.clone());
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
    pub fn make_directory(&self, location: &Location) -> io::Result<()> {
        if self.dir(location.root).is_err() {
            std::fs::create_dir_all(self.base(location.root)?)?;
        }
        if location.relative().as_os_str().is_empty() {
            return Ok(());
        }
        self.may_write(location)?;
        if self.links() == Links::Refused {
            return make_directories(&*self.dir(location.root)?, location.relative())
                .map_err(|e| self.behind_a_link(location, e));
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o755);
        self.dir(location.root)?.create_dir_with(location.relative(), &builder)
    }

    /// The contents of a file, and its mode.
    pub fn read(&self, location: &Location) -> io::Result<(Vec<u8>, u32)> {
        self.read_for(location, Source::Contents)
    }

    /// The contents of a key that the host signs with.
    pub fn read_key(&self, location: &Location) -> io::Result<Vec<u8>> {
        Ok(self.read_for(location, Source::Key)?.0)
    }

    /// A file opened for reading.
    pub fn open(&self, location: &Location) -> io::Result<std::fs::File> {
        self.open_for(location, Source::Contents)
    }

    fn read_for(&self, location: &Location, using: Source) -> io::Result<(Vec<u8>, u32)> {
        let mut file = self.open_for(location, using)?;
        let mut contents = Vec::new();
        file.read_to_end(&mut contents)?;
        Ok((contents, file.metadata()?.permissions().mode() & 0o7777))
    }

    /// Writes a file through a temporary sibling and a rename.
    pub fn write(&self, location: &Location, contents: &[u8], mode: u32) -> io::Result<()> {
        self.write_with(location, mode, |file| file.write_all(contents))
    }

    /// Writes a file whose contents a function writes.
    pub fn write_with(
        &self,
        location: &Location,
        mode: u32,
        fill: impl Fn(&mut std::fs::File) -> io::Result<()>,
    ) -> io::Result<()> {
        self.replace(location, |dir, temporary| {
            write_file(|| {
                let mut file = dir.open_with(temporary, &copy::fresh(mode))?.into_std();
                fill(&mut file)?;
                file.set_permissions(std::fs::Permissions::from_mode(mode))
            })
        })
    }

    /// Makes something under a temporary name and renames it to its own.
    fn replace(&self, location: &Location, make: impl FnOnce(&Dir, &Path) -> io::Result<()>) -> io::Result<()> {
        self.may_write(location)?;
        let Spot { dir, name } = self.spot(location)?;
        let temporary = temporary_sibling(&name)?;
        let result = make(&dir, &temporary).and_then(|()| dir.rename(&temporary, &dir, &name));
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
        let from = self.source(from, Source::Entry)?;
        let source = self.spot(&from)?;
        if self.kind(&from)? == Some(EntryKind::Directory) {
            if self.is_within(to, &from) {
                let (from, to) = (self.path(&from), self.path(to));
                let what = format!("{} is in {}, and would be copied into itself", to.display(), from.display());
                return Err(io::Error::new(ErrorKind::InvalidInput, what));
            }
            let target = self.spot(to)?;
            let directory = self.open_directory_of(&source.dir, &source.name)?;
            return self.copy_directory(&directory, &from, &target.dir, &target.name, to);
        }
        self.replace(to, |dir, temporary| self.copy_entry(&source.dir, &source.name, &from, dir, temporary, to))
    }

    /// Whether a place is a directory or somewhere in it, whatever their names.
    fn is_within(&self, location: &Location, directory: &Location) -> bool {
        let Ok(directory) = self.path(directory).canonicalize() else { return false };
        let path = self.path(location);
        let existing = path.ancestors().find_map(|path| path.canonicalize().ok());
        existing.is_some_and(|path| path.starts_with(directory))
    }

    /// Gives a file in the staging directory the modification time 0: what is made on the way to
    /// an archive has no age of its own.
    pub fn forget_age(&self, location: &Location) -> io::Result<()> {
        if location.root != Root::Staging {
            return Ok(());
        }
        let time = rustix::fs::Timespec { tv_sec: 0, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        let Spot { dir, name } = self.spot(location)?;
        Ok(rustix::fs::utimensat(&*dir, &name, &times, flags)?)
    }

    pub fn symlink(&self, location: &Location, target: &Path) -> io::Result<()> {
        self.replace(location, |dir, temporary| dir.symlink_contents(target, temporary))
    }

    pub fn rename(&self, from: &Location, to: &Location) -> io::Result<()> {
        let (from, to) = (self.spot(from)?, self.spot(to)?);
        from.dir.rename(&from.name, &to.dir, &to.name)
    }

    /// A second name for a file, so that the first can be replaced atomically.
    pub fn hard_link(&self, from: &Location, to: &Location) -> io::Result<()> {
        let (from, to) = (self.spot(from)?, self.spot(to)?);
        from.dir.hard_link(&from.name, &to.dir, &to.name)
    }

    /// Removes a file, link or directory tree; nothing there is fine.
    pub fn remove(&self, location: &Location) -> io::Result<()> {
        if self.kind(location)?.is_none() {
            return Ok(());
        }
        let Spot { dir, name } = self.spot(location)?;
        remove_named(&dir, &name)
    }

    /// Removes an empty directory; one that is not empty, or not there, stays.
    pub fn remove_if_empty(&self, location: &Location) -> io::Result<bool> {
        if location.relative().as_os_str().is_empty() {
            let base = self.base(location.root)?;
            return Ok(std::fs::remove_dir(base).is_ok());
        }
        // Asked first: a file system that is read-only refuses even to remove nothing.
        if self.kind(location)? != Some(EntryKind::Directory) {
            return Ok(false);
        }
        let Spot { dir, name } = self.spot(location)?;
        match dir.remove_dir(name) {
            Ok(()) => Ok(true),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Names directly below a directory, sorted; none for one that is missing.
    pub fn entries(&self, location: &Location) -> io::Result<Vec<OsString>> {
        let dir = match self.source(location, Source::Contents).and_then(|location| self.open_directory(&location)) {
            Ok(dir) => dir,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut names = dir.entries()?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        if self.is_watched() {
            names.retain(|name| !name.as_encoded_bytes().starts_with(HIDDEN.as_bytes()));
        }
        names.sort();
        Ok(names)
    }

    /// A file opened for appending, made if it is missing.
    pub fn append(&self, location: &Location) -> io::Result<std::fs::File> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o644);
        Ok(self.dir(location.root)?.open_with(relative(location), &options)?.into_std())
    }

    /// Puts an open file back under its name, if a program has replaced it meanwhile. The entry
    /// that has its name by then is removed; it is neither followed nor written to. Returns the
    /// file, open for appending.
    ///
    /// # Errors
    /// The entry in its place cannot be removed, or the file cannot be written.
    pub fn put_back(&self, location: &Location, mut opened: std::fs::File) -> io::Result<std::fs::File> {
        use std::io::Seek;
        let (dir, name) = (self.dir(location.root)?, relative(location));
        let own = cap_std::fs::Metadata::from_file(&opened).ok().map(|own| (own.dev(), own.ino()));
        match dir.symlink_metadata(name) {
            Ok(found) if Some((found.dev(), found.ino())) == own => return Ok(opened),
            Ok(_) => remove_named(&dir, name)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(true).mode(0o644);
        let mut file = dir.open_with(name, &options)?.into_std();
        opened.rewind()?;
        io::copy(&mut opened, &mut file)?;
        file.flush()?;
        Ok(file)
    }
}

/// Removes the file, link or directory of a name, however deep it is.
fn remove_named(dir: &Dir, name: &Path) -> io::Result<()> {
    match (name.parent(), name.file_name()) {
        (Some(parent), Some(name)) if !parent.as_os_str().is_empty() => remove_entry(dir.open_dir(parent)?, name),
        (_, Some(name)) => remove_entry(dir, name),
        // cap-std has no name for the directory itself but `.`.
        (_, None) => dir.remove_dir_all(name),
    }
}

/// A hidden name that cannot be guessed, in the target's directory. It does not end in the target's
/// suffix: programs that look for files by their suffix do not find one that is half written.
pub(crate) fn temporary_sibling(name: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random)
        .map_err(|_| io::Error::other("the system has no random numbers"))?;
    Ok(name.with_file_name(format!("{HIDDEN}{}~", hex::encode(random))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn temporary_names_cannot_be_guessed_and_have_no_suffix_of_the_file() {
        let names: BTreeSet<PathBuf> =
            (0..100).map(|_| temporary_sibling(Path::new("a/b.ko")).expect("random numbers")).collect();
        assert_eq!(names.len(), 100);
        for name in names {
            let text = name.file_name().and_then(|name| name.to_str()).expect("UTF-8");
            assert_eq!((name.parent(), text.len()), (Some(Path::new("a")), HIDDEN.len() + 16 + "~".len()), "{text}");
            assert!(text.starts_with(HIDDEN) && text.ends_with('~'), "{text}");
        }
    }
}
