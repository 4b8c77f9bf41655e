//! Directories: what is in them, and the digest of that.
//!
//! A digest covers names, contents, targets of links, and whether a file can be executed. Times,
//! owners, other permissions, the order in a directory, and what is above it are left out.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use crate::beneath::open_beneath;
use crate::digest::{digest, digest_of};
use crate::{inside, path_text};

/// The most entries that are listed: far more than the source of a kernel has.
pub const MOST_ENTRIES: usize = 400_000;

/// More threads would wait for the same disk.
const MOST_WORKERS: usize = 4;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// File systems that keep times in units of two seconds set the longest time in which a second
/// change cannot be told from the first. In nanoseconds.
const SETTLED: i128 = 2_000_000_000;

/// The entries of a directory and of all directories below it, at one moment. Links are not followed.
#[derive(Debug)]
pub struct Listing {
    root: PathBuf,
    /// In the order of their paths.
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    /// Below the root.
    path: PathBuf,
    kind: Kind,
    size: u64,
    /// Nanoseconds since the epoch.
    mtime: i128,
    ctime: i128,
    inode: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Directory {
        empty: bool,
    },
    File {
        executable: bool,
    },
    Link(PathBuf),
    /// A pipe, a socket or a device.
    Other,
}

impl Listing {
    /// Of a directory, whose own path may lead through links.
    ///
    /// # Errors
    /// Those of open(2), readdir(3) and stat(2); more than [`MOST_ENTRIES`] entries.
    pub fn of(root: &Path) -> io::Result<Self> {
        let top = inside::open_directory(root, OFlags::RDONLY)?;
        let items = list_all(&top)?;
        Ok(Self { root: root.to_path_buf(), items })
    }

    /// A digest of what stat(2) says of each entry: while it is the same, so are the contents.
    /// `None` where something has changed so recently that another change would not show.
    pub fn signature(&self) -> Option<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let now = i128::try_from(now.as_nanos()).ok()?;
        let newest = self.items.iter().map(|item| item.ctime).max().unwrap_or(0);
        (newest + SETTLED <= now).then(|| self.stamp())
    }

    /// As [`Listing::signature`], but also for recent changes: equal stamps mean equal contents
    /// within one run of the program only.
    pub fn stamp(&self) -> String {
        let mut text = Vec::with_capacity(self.items.len() * 128);
        for Item { path, kind, size, mtime, ctime, inode } in &self.items {
            text.extend_from_slice(path.as_os_str().as_bytes());
            let executable = matches!(kind, Kind::File { executable: true });
            text.push(0);
            text.push(u8::from(executable));
            for number in [mtime.to_le_bytes(), ctime.to_le_bytes()] {
                text.extend_from_slice(&number);
            }
            text.extend_from_slice(&size.to_le_bytes());
            text.extend_from_slice(&inode.to_le_bytes());
        }
        digest(&text)
    }

    /// The kind of each entry, by its path: `file` or `program` with a digest, `link` with its
    /// target, `directory` for an empty one. Paths show the directories that are not empty.
    ///
    /// # Errors
    /// A file that cannot be read, or that is no longer a file.
    pub fn digests(&self) -> io::Result<BTreeMap<String, String>> {
        let top = inside::open_directory(&self.root, OFlags::RDONLY)?;
        let mut digests = BTreeMap::new();
        // No more is read of a file that grows meanwhile than was known of it.
        let digest = |path: &Path, size: u64| digest_of(open(&top, path)?.take(size));
        for Item { path, kind, size, .. } in &self.items {
            let what = match kind {
                Kind::Directory { empty: false } => continue,
                Kind::Directory { empty: true } => "directory".to_owned(),
                Kind::File { executable: false } => format!("file {}", digest(path, *size)?),
                Kind::File { executable: true } => format!("program {}", digest(path, *size)?),
                Kind::Link(target) => format!("link {}", path_text(target)),
                Kind::Other => "other".to_owned(),
            };
            digests.insert(path_text(path).into_owned(), what);
        }
        Ok(digests)
    }

    /// The digest of all lines of [`Listing::digests`].
    ///
    /// # Errors
    /// As there.
    pub fn digest(&self) -> io::Result<String> {
        Ok(digest(&serde_json::to_vec(&self.digests()?).map_err(io::Error::from)?))
    }

    /// The size of all files, in bytes, as stat(2) says it: known before any is read.
    pub fn size(&self) -> u64 {
        let files = self.items.iter().filter(|item| matches!(item.kind, Kind::File { .. }));
        files.fold(0, |sum, item| sum.saturating_add(item.size))
    }

    /// How many entries there are.
    pub fn entries(&self) -> usize {
        self.items.len()
    }

    /// The links, each with its target.
    pub fn links(&self) -> impl Iterator<Item = (&Path, &Path)> {
        self.items.iter().filter_map(|item| match &item.kind {
            Kind::Link(target) => Some((item.path.as_path(), target.as_path())),
            _ => None,
        })
    }

    /// Paths of files below the root whose name passes.
    pub fn files(&self, passes: impl Fn(&Path) -> bool) -> impl Iterator<Item = &Path> {
        let is_file = |item: &&Item| matches!(item.kind, Kind::File { .. });
        self.items.iter().filter(is_file).map(|item| item.path.as_path()).filter(move |path| passes(path))
    }
}

/// A directory that is still to be listed, and where it is among the items.
struct Unlisted {
    place: usize,
    path: PathBuf,
}

/// Lists a directory and all below it in the order of paths. Several threads list the entries that
/// are two levels down: the headers of a kernel are more than 30,000 files.
fn list_all(top: &OwnedFd) -> io::Result<Vec<Item>> {
    let mut walk = Walk { items: Vec::new(), depth: Some(1), unlisted: Vec::new(), most: MOST_ENTRIES };
    walk.list(Dir::read_from(top)?, Path::new(""))?;
    let Walk { items: above, unlisted, .. } = walk;
    let (next, most) = (AtomicUsize::new(0), MOST_ENTRIES - above.len());
    let work = || {
        let listed = |below: &Unlisted| {
            let mut walk = Walk { items: Vec::new(), depth: None, unlisted: Vec::new(), most };
            let directory = open_beneath(top, &below.path, DIRECTORY, Mode::empty())?;
            let empty = walk.list(Dir::new(directory)?, &below.path)?;
            Ok((below.place, empty, walk.items))
        };
        std::iter::from_fn(|| unlisted.get(next.fetch_add(1, Ordering::Relaxed))).map(listed).collect()
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS).min(unlisted.len());
    let listed: io::Result<Vec<Vec<_>>> = thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let own: io::Result<Vec<_>> = work();
        let joined = others.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        std::iter::once(own).chain(joined).collect()
    });
    let mut listed: Vec<(usize, bool, Vec<Item>)> = listed?.into_iter().flatten().collect();
    listed.sort_unstable_by_key(|(place, ..)| *place);

    let mut listed = listed.into_iter().peekable();
    let mut items = Vec::new();
    for (place, mut item) in above.into_iter().enumerate() {
        let below = listed.next_if(|(of, ..)| *of == place);
        if let Some((_, empty, _)) = below {
            item.kind = Kind::Directory { empty };
        }
        items.push(item);
        items.extend(below.into_iter().flat_map(|(.., items)| items));
    }
    if items.len() > MOST_ENTRIES { Err(too_many()) } else { Ok(items) }
}

struct Walk {
    items: Vec<Item>,
    /// How many more levels are listed; `None`: all.
    depth: Option<usize>,
    unlisted: Vec<Unlisted>,
    most: usize,
}

impl Walk {
    /// Adds what is in a directory, each directory before what is in it and names in their order: the
    /// order of paths. Returns whether the directory is empty.
    fn list(&mut self, mut directory: Dir, path: &Path) -> io::Result<bool> {
        let names: io::Result<Vec<CString>> =
            directory.by_ref().map(|entry| Ok(entry?.file_name().to_owned())).collect();
        let directory = directory.fd()?;
        let mut names = names?;
        names.retain(|name| !matches!(name.to_bytes(), b"." | b".."));
        names.sort_unstable();
        for name in &names {
            if self.items.len() >= self.most {
                return Err(too_many());
            }
            let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let below = path.join(OsStr::from_bytes(name.to_bytes()));
            let kind = match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    self.list_below((directory, name), below, &stat)?;
                    continue;
                }
                FileType::RegularFile => Kind::File { executable: stat.st_mode & 0o111 != 0 },
                FileType::Symlink => {
                    let target = rustix::fs::readlinkat(directory, name, Vec::new())?;
                    Kind::Link(OsString::from_vec(target.into_bytes()).into())
                }
                _ => Kind::Other,
            };
            self.items.push(item(below, kind, &stat));
        }
        Ok(names.is_empty())
    }

    /// Adds a directory and, unless others do, what is in it.
    fn list_below(&mut self, at: (BorrowedFd<'_>, &CString), path: PathBuf, stat: &Stat) -> io::Result<()> {
        let place = self.items.len();
        self.items.push(item(path.clone(), Kind::Directory { empty: true }, stat));
        if self.depth == Some(0) {
            self.unlisted.push(Unlisted { place, path });
            return Ok(());
        }
        let directory = rustix::fs::openat(at.0, at.1, DIRECTORY, Mode::empty())?;
        self.depth = self.depth.map(|depth| depth - 1);
        let empty = self.list(Dir::new(directory)?, &path)?;
        self.depth = self.depth.map(|depth| depth + 1);
        self.items[place].kind = Kind::Directory { empty };
        Ok(())
    }
}

fn too_many() -> io::Error {
    io::Error::other(format!("it has more than {MOST_ENTRIES} entries"))
}

fn item(path: PathBuf, kind: Kind, stat: &Stat) -> Item {
    let time = |seconds: i64, nanoseconds: i128| i128::from(seconds) * 1_000_000_000 + nanoseconds;
    Item {
        path,
        kind,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mtime: time(stat.st_mtime, i128::from(stat.st_mtime_nsec)),
        ctime: time(stat.st_ctime, i128::from(stat.st_ctime_nsec)),
        inode: stat.st_ino,
    }
}

/// A file that is one still, reached by no link.
fn open(top: impl AsFd, path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = open_beneath(top, path, flags, Mode::empty())?;
    match FileType::from_raw_mode(rustix::fs::fstat(&opened)?.st_mode) {
        FileType::RegularFile => Ok(File::from(opened)),
        _ => Err(io::Error::other(format!("{} is no regular file any more", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use proptest::prelude::*;

    /// Files by name, written in the order given, with a mode each.
    fn directory(files: &[(String, Vec<u8>)], mode: u32) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, contents) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, contents).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        dir
    }

    fn digest_in(dir: &tempfile::TempDir) -> String {
        Listing::of(dir.path()).unwrap().digest().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        /// What is no property of the contents: where the directory is, the order in which files came to be, times,
        /// permissions of others.
        #[test]
        fn the_digest_depends_on_names_and_contents_alone(
            files in proptest::collection::btree_map("[a-c]{1,2}(/[d-e]{1,2})?", any::<Vec<u8>>(), 1..6), seconds in 1_u64..2_000_000_000,
        ) {
            // A name is a file or a directory.
            let files: Vec<_> = files.iter().filter(|(name, _)| !files.keys().any(|k| k.starts_with(&format!("{name}/"))))
                .map(|(name, contents)| (name.clone(), contents.clone())).collect();
            let one = directory(&files, 0o644);
            let mut reversed = files.clone();
            reversed.reverse();
            let other = directory(&reversed, 0o600);
            let then = UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            for (name, _) in &files {
                File::options().write(true).open(other.path().join(name)).unwrap().set_modified(then).unwrap();
            }
            prop_assert_eq!(digest_in(&one), digest_in(&other));
            // Each file changed alone changes it, and so does each name.
            for (index, (name, contents)) in files.iter().enumerate() {
                let mut changed = files.clone();
                changed[index].1 = [contents.as_slice(), b"x"].concat();
                prop_assert_ne!(digest_in(&one), digest_in(&directory(&changed, 0o644)));
                changed[index] = (format!("{name}z"), contents.clone());
                prop_assert_ne!(digest_in(&one), digest_in(&directory(&changed, 0o644)));
            }
        }
    }

    #[test]
    fn links_programs_and_empty_directories_count() {
        let dir = directory(&[("a".into(), b"x".to_vec())], 0o644);
        let mut seen = vec![digest_in(&dir)];
        std::fs::set_permissions(dir.path().join("a"), std::fs::Permissions::from_mode(0o755)).unwrap();
        seen.push(digest_in(&dir));
        symlink("a", dir.path().join("l")).unwrap();
        seen.push(digest_in(&dir));
        std::fs::remove_file(dir.path().join("l")).unwrap();
        symlink("b", dir.path().join("l")).unwrap();
        seen.push(digest_in(&dir));
        std::fs::create_dir(dir.path().join("d")).unwrap();
        seen.push(digest_in(&dir));
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all, "each change changes the digest");
    }

    #[test]
    fn sizes_are_known_before_anything_is_read_and_no_more_is_read() {
        let dir = directory(&[("a".into(), b"one".to_vec()), ("d/b".into(), b"two".to_vec())], 0o644);
        let sparse = File::create(dir.path().join("d/sparse")).unwrap();
        sparse.set_len(200 << 30).unwrap();
        let listing = || Listing::of(dir.path()).unwrap();
        assert_eq!((listing().size(), listing().entries()), ((200 << 30) + 6, 4));
        sparse.set_len(0).unwrap();
        let (before, digest) = (listing(), digest_in(&dir));
        sparse.set_len(200 << 30).unwrap();
        assert_eq!(before.digest().unwrap(), digest, "as it was listed");
    }

    #[test]
    fn the_signature_is_the_same_until_a_file_is_written_to() {
        let dir = directory(&[("a".into(), b"one".to_vec()), ("d/b".into(), b"two".to_vec())], 0o644);
        let listing = || Listing::of(dir.path()).unwrap();
        assert_eq!(listing().signature(), None, "it was made just now");
        let before = listing().stamp();
        assert_eq!(listing().stamp(), before);
        // The same size and modification time, as a program could set it.
        let modified = std::fs::metadata(dir.path().join("a")).unwrap().modified().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(dir.path().join("a"), "eno").unwrap();
        File::options().write(true).open(dir.path().join("a")).unwrap().set_modified(modified).unwrap();
        assert_ne!(listing().stamp(), before);
    }

    #[test]
    fn a_file_that_became_a_link_or_a_pipe_is_not_read() {
        let dir = directory(&[("a".into(), b"x".to_vec())], 0o644);
        let listing = Listing::of(dir.path()).unwrap();
        std::fs::remove_file(dir.path().join("a")).unwrap();
        symlink("/dev/zero", dir.path().join("a")).unwrap();
        assert!(listing.digest().is_err());
        std::fs::remove_file(dir.path().join("a")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("a"), Mode::from_raw_mode(0o600)).unwrap();
        assert!(listing.digest().is_err());
    }
}
