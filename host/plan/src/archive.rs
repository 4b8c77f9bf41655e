//! Packing a directory into an archive, and the way back.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use lzma_rust2::{XzOptions, XzWriter};
use tar::EntryType;

use super::files::Files;
use super::step::ArchiveFormat;
use modsmith_facts::Compression;
use modsmith_facts::Location;
use modsmith_facts::compression::unxz;

/// What an archive may unpack to, in bytes: a small file can say that it is
/// endless.
const LARGEST: u64 = 2 << 30;

/// How many members it may have.
const MOST: usize = 200_000;

/// Packs the contents of a directory, entries in name order.
pub fn pack(
    files: &Files,
    tree: &Location,
    to: &Location,
    format: ArchiveFormat,
    compress: Option<Compression>,
) -> io::Result<()> {
    let bytes = match format {
        ArchiveFormat::Tar => tar_of(files, tree, source_date())?,
    };
    let bytes = match compress {
        None => bytes,
        Some(Compression::Gzip) => {
            let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
            encoder.write_all(&bytes)?;
            encoder.finish()?
        }
        Some(Compression::Xz) => {
            let mut encoder = XzWriter::new(Vec::new(), XzOptions::default())?;
            encoder.write_all(&bytes)?;
            encoder.finish()?
        }
        Some(Compression::Zstd) => {
            ruzstd::encoding::compress_to_vec(bytes.as_slice(), ruzstd::encoding::CompressionLevel::Fastest)
        }
    };
    files.write(to, &bytes, 0o644)
}

/// The time that nothing in an archive may be newer than, where the caller
/// wants that: <https://reproducible-builds.org/specs/source-date-epoch/>.
fn source_date() -> Option<i64> {
    std::env::var("SOURCE_DATE_EPOCH").ok()?.parse().ok()
}

/// Files keep their times, since make compares them. Directories are as old as
/// the newest file in them: their own times say when they were copied.
fn tar_of(files: &Files, tree: &Location, source_date: Option<i64>) -> io::Result<Vec<u8>> {
    let (directory, at) = files.open_source(tree)?;
    let mut entries = Vec::new();
    files.walk(&directory, &at, Path::new(""), &mut entries)?;
    let mut newest: BTreeMap<PathBuf, i64> = BTreeMap::new();
    for (name, metadata) in &entries {
        if !metadata.is_dir() {
            for parent in name.ancestors().skip(1) {
                let time = newest.entry(parent.to_path_buf()).or_default();
                *time = (*time).max(metadata.mtime());
            }
        }
    }
    let mut archive = tar::Builder::new(Vec::new());
    for (name, metadata) in entries {
        let time = if metadata.is_dir() { newest.get(&name).copied().unwrap_or(0) } else { metadata.mtime() };
        let time = source_date.map_or(time, |limit| time.min(limit));
        let mut header = tar::Header::new_gnu();
        header.set_mtime(u64::try_from(time).unwrap_or(0));
        header.set_mode(metadata.mode() & 0o777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_username("root")?;
        header.set_groupname("root")?;
        header.set_size(0);
        if metadata.is_dir() {
            header.set_entry_type(EntryType::Directory);
            archive.append_data(&mut header, &name, io::empty())?;
        } else if metadata.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            archive.append_link(&mut header, &name, directory.read_link_contents(&name)?)?;
        } else if metadata.is_file() {
            header.set_entry_type(EntryType::Regular);
            header.set_size(metadata.len());
            let file = files.open_found(&directory, &name, &at)?;
            archive.append_data(&mut header, &name, file.take(metadata.len()))?;
        } else {
            let path = files.path(&at).join(name);
            return Err(io::Error::other(format!("{} is neither a file, a directory nor a link", path.display())));
        }
    }
    archive.into_inner()
}

/// Unpacks a tar archive, compressed or not, below a directory that is missing
/// or empty. The archive is not trusted: whatever would get out of the
/// directory, now or through a link later, stops the unpacking.
pub fn unpack(files: &Files, archive: &Location, to: &Location) -> io::Result<()> {
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

/// What a member is; a directory with the time that it gets at the end.
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
    /// What their headers promise, in bytes: known before it is written.
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
            return refuse("lies below something that is no directory");
        }
        if let Some(before) = self.made.get(&path) {
            return match (kind, before) {
                (EntryType::Directory, Made::Directory(_)) => Ok(()),
                _ => refuse("is there twice"),
            };
        }
        let at = self.to.join(&path).map_err(io::Error::other)?;
        self.files.may_write(&at)?;
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
                    return refuse(&format!("is a link to {}, out of the archive", to.display()));
                }
                self.files.may_link(&at, &to)?;
                self.target.symlink_contents(to, &path)?;
                Made::Link
            }
            EntryType::Link => {
                let to = entry.link_name()?.and_then(|to| plain(&to)).unwrap_or_default();
                if self.made.get(&to) != Some(&Made::File) {
                    return refuse("is another name of a file that is not in the archive");
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

    /// Nobody but its owner may write what is going to be built as root.
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
/// that directory. Only steps up that come first can be told without following
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
mod tests;
