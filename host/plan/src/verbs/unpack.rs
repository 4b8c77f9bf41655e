//! Unpacking an untrusted archive.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use tar::EntryType;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Aside, Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::Location;
use modsmith_facts::compression::unxz;

/// The largest contents of an archive, in bytes: a small file can unpack without end.
const LARGEST: u64 = 2 << 30;

/// How many members it may have.
const MOST: usize = 200_000;

/// A tar archive, compressed or not, below a directory that is missing or empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpack {
    pub archive: Location,
    pub to: Location,
}

impl Verb for Unpack {
    fn name(&self) -> &'static str {
        "unpack"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.archive).into(), (&self.to).into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { from: Some(files.shown(&self.archive)), path: Some(files.shown(&self.to)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("unpacking {}", files.shown(&self.archive)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Reads(&self.archive, Source::Contents), Use::Replaces(&self.to)]
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_replacing(&self.to, files, stash)
    }

    fn puts_aside(&self, _: &Location) -> Aside {
        Aside::Merged
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        Ok(unpack(files, &self.archive, &self.to)?)
    }
}

/// Unpacks a tar archive, compressed or not, below a directory that is missing
/// or empty. The archive is not trusted: a member that would get out of the directory, now or
/// through a link later, stops the unpacking.
fn unpack(files: &Files, archive: &Location, to: &Location) -> io::Result<()> {
    let opened = files.open_file(archive)?;
    if !files.entries(to)?.is_empty() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the directory to unpack to is not empty"));
    }
    files.make_directory(to)?;
    let target = files.open_directory(to)?;
    let reader = Limited { inner: reader(opened)?, left: LARGEST };
    let mut archive = tar::Archive::new(reader);
    let mut members = Members { files, to, target, made: BTreeMap::new(), promised: 0 };
    for entry in archive.entries()? {
        members.unpack(&mut entry?)?;
    }
    // Compressed data end in a checksum, which is behind the last member.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    members.finish()
}

/// The kind of a member; a directory has the time that it gets at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Directory(Option<i64>),
    File,
    Link,
}

struct Members<'a> {
    files: &'a Files,
    to: &'a Location,
    target: Dir,
    made: BTreeMap<PathBuf, Made>,
    /// The sizes in their headers together, in bytes: known before the contents are written.
    promised: u64,
}

impl Members<'_> {
    fn unpack(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> io::Result<()> {
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return Ok(());
        }
        let given = entry.path()?.into_owned();
        let refuse = |why: &str| Err(io::Error::other(format!("its member {} {why}", given.display())));
        let Some(path) = plain(&given) else { return refuse("would leave the directory") };
        let time = i64::try_from(entry.header().mtime()?).unwrap_or(i64::MAX);
        if path.as_os_str().is_empty() {
            return if kind == EntryType::Directory { Ok(()) } else { refuse("has no name") };
        }
        self.promised = self.promised.saturating_add(entry.size());
        if self.promised > LARGEST {
            return Err(too_large());
        }
        if self.made.len() >= MOST {
            return Err(io::Error::other(format!("it has more than {MOST} members")));
        }
        if !self.parents(&path)? {
            return refuse("is below a file that is not a directory");
        }
        if let Some(before) = self.made.get(&path) {
            return match (kind, before) {
                (EntryType::Directory, Made::Directory(_)) => Ok(()),
                _ => refuse("occurs twice"),
            };
        }
        let location = self.to.join(&path).map_err(io::Error::other)?;
        self.files.may_write(&location)?;
        let made = match kind {
            EntryType::Directory => {
                self.target.create_dir(&path)?;
                Made::Directory(Some(time))
            }
            EntryType::Regular | EntryType::Continuous => {
                let mode = entry.header().mode()?;
                self.file(&path, entry, mode)?;
                set_time(&self.target, &path, time)?;
                Made::File
            }
            EntryType::Symlink => {
                let to = entry.link_name()?.map(PathBuf::from).unwrap_or_default();
                if !stays_inside(&path, &to) {
                    return refuse(&format!("is a link to {}, outside of the archive", to.display()));
                }
                self.files.may_link(&location, &to)?;
                self.target.symlink_contents(to, &path)?;
                Made::Link
            }
            EntryType::Link => {
                let to = entry.link_name()?.and_then(|to| plain(&to)).unwrap_or_default();
                if self.made.get(&to) != Some(&Made::File) {
                    return refuse("is a hard link to a file that is not in the archive");
                }
                self.target.hard_link(&to, &self.target, &path)?;
                Made::File
            }
            _ => return refuse("is neither a file, a directory nor a link"),
        };
        self.made.insert(path, made);
        Ok(())
    }

    /// Makes the directories that a member is in; false where one of them is
    /// something else. So no member is ever reached through a link.
    fn parents(&mut self, path: &Path) -> io::Result<bool> {
        let parents: Vec<&Path> = path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()).collect();
        for parent in parents.into_iter().rev() {
            match self.made.get(parent) {
                Some(Made::Directory(_)) => {}
                Some(_) => return Ok(false),
                None => {
                    self.target.create_dir(parent)?;
                    self.made.insert(parent.to_path_buf(), Made::Directory(None));
                }
            }
        }
        Ok(true)
    }

    /// Only its owner may write the file: it may be used in a build later.
    fn file(&self, path: &Path, contents: &mut impl Read, mode: u32) -> io::Result<()> {
        let mode = (mode & 0o755) | 0o600;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode);
        let mut file = self.target.open_with(path, &options)?;
        io::copy(contents, &mut file)?;
        file.set_permissions(Permissions::from_mode(mode))
    }

    /// Directories get their times when nothing is put into them any more.
    fn finish(self) -> io::Result<()> {
        for (path, made) in self.made.iter().rev() {
            if let Made::Directory(Some(time)) = made {
                set_time(&self.target, path, *time)?;
            }
        }
        Ok(())
    }
}

/// A path below a directory, without `.`; `None` for one that leaves it.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(out)
}

/// Whether a link at `link`, relative to a directory, leads to something in
/// that directory. Only steps up that come first can be resolved without following
/// other links; a target that climbs later counts as leaving.
pub fn stays_inside(link: &Path, target: &Path) -> bool {
    let depth = link.components().count().saturating_sub(1);
    let up = target.components().take_while(|part| *part == Component::ParentDir).count();
    let rest: PathBuf = target.components().skip(up).collect();
    !target.as_os_str().is_empty() && up <= depth && plain(&rest).is_some()
}

fn set_time(dir: &Dir, path: &Path, seconds: i64) -> io::Result<()> {
    let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    Ok(rustix::fs::utimensat(dir, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?)
}

/// The contents of a file, decompressed as its first bytes ask for.
fn reader(file: std::fs::File) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::new(file);
    let head = file.fill_buf()?;
    Ok(if head.starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else if head.starts_with(b"BZh") {
        Box::new(bzip2::bufread::MultiBzDecoder::new(file))
    } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(ruzstd::decoding::StreamingDecoder::new(file).map_err(io::Error::other)?)
    } else if head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        Box::new(BufReader::new(unxz(file)))
    } else {
        Box::new(file)
    })
}

fn too_large() -> io::Error {
    io::Error::other(format!("it unpacks to more than {} GiB", LARGEST >> 30))
}

/// As much data as an archive may unpack to.
struct Limited<T> {
    inner: T,
    left: u64,
}

impl<T: Read> Read for Limited<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(too_large)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_inside_only_where_that_can_be_told_without_following_others() {
        let inside = |link: &str, target: &str| stays_inside(Path::new(link), Path::new(target));
        for (link, target) in [("a", "b"), ("a/b", "../c"), ("a/b", "c/d"), ("a/b/c", "../../d"), ("a", "./b")] {
            assert!(inside(link, target), "{link} -> {target}");
        }
        for (link, target) in
            [("a", ".."), ("a", "/b"), ("a/b", "../../c"), ("a", "b/../../c"), ("a/b", "c/../d"), ("a", "")]
        {
            assert!(!inside(link, target), "{link} -> {target}");
        }
    }

    #[test]
    fn more_data_than_an_archive_may_have_are_an_error() {
        let mut limited = Limited { inner: io::repeat(0), left: 1000 };
        let error = io::copy(&mut limited, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("unpacks to more than"), "{error}");
    }
}
