//! Unpacking an untrusted archive.

mod description;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use description::Description;
use lzma_rust2::LzmaReader;
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

/// The largest number of members of an archive.
const MOST: usize = 200_000;

/// The longest name of a member, in bytes. Source: `PATH_MAX` of limits.h(0p).
const LONGEST_NAME: usize = 4096;

/// The largest length of the names of all members together, in bytes: names are kept in memory.
const LONGEST_NAMES: usize = 64 << 20;

/// The most memory that unpacking zstd takes, in bytes. Source: zstd(1), `--memory`, whose default it is.
const WINDOW: u64 = 128 << 20;

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
    let mut members = Members { files, to, target, made: BTreeMap::new(), promised: 0, named: 0 };
    let mut description = Description::default();
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        members.promise(entry.size())?;
        if !description.take(&mut entry)? {
            members.unpack(&mut entry, &std::mem::take(&mut description))?;
        }
    }
    if !description.is_empty() {
        return Err(io::Error::other("it ends where a member should be"));
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
    /// The length of all names in `made`, in bytes.
    named: usize,
}

impl Members<'_> {
    /// Counts what an entry says that it has.
    fn promise(&mut self, size: u64) -> io::Result<()> {
        self.promised = self.promised.saturating_add(size);
        if self.promised > LARGEST { Err(too_large()) } else { Ok(()) }
    }

    fn unpack(&mut self, entry: &mut tar::Entry<'_, impl Read>, description: &Description) -> io::Result<()> {
        let kind = entry.header().entry_type();
        let given = description.path(entry.header());
        if given.as_os_str().len() > LONGEST_NAME {
            return Err(io::Error::other(format!("it has a member whose name is longer than {LONGEST_NAME} bytes")));
        }
        let refuse = |why: &str| Err(io::Error::other(format!("its member {} {why}", given.display())));
        let Some(path) = plain(&given) else { return refuse("would leave the directory") };
        let time = i64::try_from(entry.header().mtime()?).unwrap_or(i64::MAX);
        if path.as_os_str().is_empty() {
            return if kind == EntryType::Directory { Ok(()) } else { refuse("has no name") };
        }
        if description.contradicts(entry.size()) {
            return refuse("has two sizes");
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
                let to = description.link(entry.header()).unwrap_or_default();
                if !stays_inside(&path, &to) {
                    return refuse(&format!("is a link to {}, outside of the archive", to.display()));
                }
                self.files.may_link(&location, &to)?;
                self.target.symlink_contents(to, &path)?;
                Made::Link
            }
            EntryType::Link => {
                let to = description.link(entry.header()).and_then(|to| plain(&to)).unwrap_or_default();
                if self.made.get(&to) != Some(&Made::File) {
                    return refuse("is a hard link to a file that is not in the archive");
                }
                self.target.hard_link(&to, &self.target, &path)?;
                Made::File
            }
            _ => return refuse("is neither a file, a directory nor a link"),
        };
        self.note(path, made)
    }

    /// Remembers what was made.
    fn note(&mut self, path: PathBuf, made: Made) -> io::Result<()> {
        self.named += path.as_os_str().len();
        if self.named > LONGEST_NAMES {
            return Err(io::Error::other(format!(
                "the names of its members have more than {} MiB",
                LONGEST_NAMES >> 20
            )));
        }
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
                    self.note(parent.to_path_buf(), Made::Directory(None))?;
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
        let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(file, WINDOW);
        Box::new(decoder.map_err(io::Error::other)?)
    } else if head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        Box::new(BufReader::new(unxz(file)))
    } else if is_lzma(head) {
        Box::new(BufReader::new(LzmaReader::new_mem_limit(file, LZMA_MEMORY, None)?))
    } else if let Some((_, program)) = UNKNOWN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(io::Error::other(format!(
            "it is compressed with {program}, which is not supported: unpack it, and pack it with xz"
        )));
    } else {
        Box::new(file)
    })
}

/// Memory for what was compressed with lzma, in KiB: its dictionary is as large as the file says.
const LZMA_MEMORY: u32 = 256 << 10;

/// First bytes of files that cannot be read, and the program that makes such files.
const UNKNOWN: [(&[u8], &str); 3] = [(&[0x1f, 0x9d], "compress"), (b"LZIP", "lzip"), (b"\x89LZO", "lzop")];

/// Whether a file begins as those of lzma do: usual properties, a dictionary of whole pages, and a size
/// that is not known or below 1 TiB. There is no magic number.
fn is_lzma(head: &[u8]) -> bool {
    head.starts_with(&[0x5d, 0, 0]) && head.get(5..13).is_some_and(|size| size == [0xff; 8] || size[5..] == [0; 3])
}

fn too_large() -> io::Error {
    io::Error::other(format!("it unpacks to more than {} GiB", LARGEST >> 30))
}

/// A reader that gives no more data than an archive may unpack to.
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
    use modsmith_facts::{Root, Roots};
    use tar::{Builder, Header};

    /// An entry as it is written, whatever it says of itself.
    fn entry(archive: &mut Builder<Vec<u8>>, kind: EntryType, name: &[u8], contents: &[u8]) {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(contents.len() as u64);
        header.set_cksum();
        archive.append(&header, contents).unwrap();
    }

    fn archive(entries: &[(EntryType, &[u8], &[u8])]) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        entries.iter().for_each(|(kind, name, contents)| entry(&mut archive, *kind, name, contents));
        archive.into_inner().unwrap()
    }

    fn unpacked(archive: &[u8]) -> (tempfile::TempDir, io::Result<()>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("archive"), archive).unwrap();
        let files = Files::new(Roots::default().with(Root::Staging, dir.path()));
        let at = |name: &str| Location::new(Root::Staging, name).unwrap();
        let done = unpack(&files, &at("archive"), &at("to"));
        (dir, done)
    }

    /// A record of pax, with its own length.
    fn record(key: &str, value: &str) -> Vec<u8> {
        let rest = format!(" {key}={value}\n");
        let length = (rest.len()..).find(|length| length.to_string().len() + rest.len() == *length).unwrap();
        format!("{length}{rest}").into_bytes()
    }

    #[test]
    fn long_names_and_targets_are_taken_in_all_forms() {
        use EntryType::{GNULongLink, GNULongName, Regular, Symlink, XGlobalHeader, XHeader};
        let directory = "d".repeat(120);
        let (one, two) = (format!("{directory}/one"), format!("{directory}/two"));
        let (dir, done) = unpacked(&archive(&[
            (XGlobalHeader, b"g", &record("path", "nowhere")),
            (GNULongName, b"L", format!("{one}\0").as_bytes()),
            (Regular, b"cut off", b"1"),
            (XHeader, b"x", &[record("path", &two), record("size", "1"), record("mtime", "1.5")].concat()),
            (Regular, b"cut off", b"2"),
            (GNULongLink, b"K", format!("{one}\0").as_bytes()),
            (Symlink, b"gnu", b""),
            (XHeader, b"x", &record("linkpath", &two)),
            (Symlink, b"pax", b""),
            (Regular, b"plain", b"3"),
        ]));
        done.unwrap();
        for (name, contents) in [(one.as_str(), "1"), (&two, "2"), ("gnu", "1"), ("pax", "2"), ("plain", "3")] {
            assert_eq!(std::fs::read_to_string(dir.path().join("to").join(name)).unwrap(), contents, "{name}");
        }
    }

    #[test]
    fn what_describes_a_member_is_bounded_and_agrees_with_it() {
        use EntryType::{GNULongLink, GNULongName, Regular, XGlobalHeader, XHeader};
        let large = vec![b'a'; (1 << 20) + 1];
        for kind in [GNULongName, GNULongLink, XHeader, XGlobalHeader] {
            let (dir, done) = unpacked(&archive(&[(kind, b"x", &large), (Regular, b"member", b"")]));
            let error = done.unwrap_err().to_string();
            assert!(error.contains("with 1048577 bytes, of at most 1 MiB"), "{kind:?}: {error}");
            assert_eq!(std::fs::read_dir(dir.path().join("to")).unwrap().count(), 0, "{kind:?}");
        }
        let long = vec![b'a'; 5000];
        for (entries, why) in [
            (vec![(GNULongName, &b"L"[..], &long[..]), (Regular, b"member", b"")], "longer than 4096 bytes"),
            (vec![(GNULongName, b"L", b"a"), (GNULongName, b"L", b"b"), (Regular, b"member", b"")], "member twice"),
            (vec![(XHeader, b"x", b""), (XHeader, b"x", b""), (Regular, b"member", b"")], "member twice"),
            (vec![(Regular, b"member", b""), (GNULongName, b"L", b"a")], "ends where a member should be"),
            (vec![(XHeader, b"x", &record("size", "512")), (Regular, b"member", b"1")], "has two sizes"),
            (vec![(XHeader, b"x", &record("path", "../x")), (Regular, b"member", b"1")], "leave the directory"),
        ] {
            let error = unpacked(&archive(&entries)).1.unwrap_err().to_string();
            assert!(error.contains(why), "{why}: {error}");
        }
    }

    #[test]
    fn a_description_that_is_cut_off_is_an_error() {
        let whole = archive(&[(EntryType::GNULongName, b"L", &[b'a'; 3000]), (EntryType::Regular, b"member", b"")]);
        for length in [513, 1024, 2000] {
            assert!(unpacked(&whole[..length]).1.is_err(), "{length}");
        }
    }

    #[test]
    fn zstd_that_takes_much_memory_is_refused() {
        // Source: RFC 8878, 3.1.1.1: a window of 2 to the power of 10 and the descriptor's upper bits.
        let window = |log: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, (log - 10) << 3][..], &[0x01, 0, 0]].concat();
        let error = |log| unpacked(&window(log)).1.map_err(|error| error.to_string());
        assert!(error(28).unwrap_err().contains("window_size is too big"));
        assert_eq!(error(27), Ok(()), "an empty archive");
    }

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
    fn a_file_is_decompressed_as_it_begins() {
        let read = |bytes: &[u8]| {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("file"), bytes).unwrap();
            let mut contents = String::new();
            reader(std::fs::File::open(dir.path().join("file"))?)?.read_to_string(&mut contents)?;
            io::Result::Ok(contents)
        };
        // Of `printf contents | xz --format=lzma`.
        let lzma = [
            0x5d, 0, 0, 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0x31, 0x9b, 0xca, 0x19, 0xda, 0xe9,
            0xca, 0xd4, 0xa6, 0xc6, 0x88, 0x3d, 0xff, 0xfe, 0x2d, 0x18, 0,
        ];
        assert_eq!(read(&lzma).unwrap(), "contents");
        assert_eq!(read(b"contents").unwrap(), "contents");
        assert_eq!(read(b"").unwrap(), "");
        for (bytes, program) in [(&b"LZIP\x01"[..], "lzip"), (&[0x1f, 0x9d, 0x90][..], "compress")] {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.contains(&format!("compressed with {program}, which is not supported")), "{error}");
        }
    }

    #[test]
    fn more_data_than_an_archive_may_have_are_an_error() {
        let mut limited = Limited { inner: io::repeat(0), left: 1000 };
        let error = io::copy(&mut limited, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("unpacks to more than"), "{error}");
    }
}
