//! Looking at files that are not ours: of the system below `--root`, of a
//! package, of the administrator.
//!
//! Two rules hold for all of them. A path below `--root` is resolved as that
//! system would resolve it, absolute links too, so that no link leads out of it;
//! what is opened stays inside also if names change meanwhile. And a file that is
//! read is a regular one of bounded size: opening a pipe or a device could block,
//! or do something. All that is asked of a file is asked of the opened one.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::beneath::HANDLE;
use super::in_root::{LINKS, handle_in_root, reversed};

/// The largest configuration file, in bytes.
pub const CONFIGURATION_LIMIT: u64 = 1 << 20;

/// The largest file of another kind that is read as a whole: a kernel image with
/// its debugging symbols.
const LIMIT: u64 = 4 << 30;

/// The directory of `--root`, once it is known.
static TARGET: OnceLock<Target> = OnceLock::new();

struct Target {
    path: PathBuf,
    handle: Option<OwnedFd>,
}

/// From now on, paths below this directory are resolved inside it. To be called
/// once, with a path that has no links.
pub fn enter(root: &Path) {
    if root != Path::new("/") {
        let handle = rustix::fs::open(root, HANDLE | OFlags::DIRECTORY, Mode::empty()).ok();
        let _ = TARGET.set(Target { path: root.to_path_buf(), handle });
    }
}

/// The path on this machine that a path stands for: below `--root`, every link is followed inside
/// of it. A path that does not exist yet stands for the place where the file would be made.
pub fn real(path: &Path) -> PathBuf {
    match TARGET.get() {
        Some(Target { path: root, .. }) => {
            path.strip_prefix(root).map_or_else(|_| path.to_path_buf(), |inside| locate_in_root(root, inside))
        }
        None => path.to_path_buf(),
    }
}

/// A handle of what a path below `--root` names; `None` for other paths.
fn handle_in_target(path: &Path) -> Option<io::Result<OwnedFd>> {
    let target = TARGET.get()?;
    let inside = path.strip_prefix(&target.path).ok()?;
    Some(target.handle.as_ref().map_or(Err(io::ErrorKind::NotFound.into()), |root| handle_in_root(root, inside)))
}

/// The real path of a path of the system below `root`, which need not exist.
/// Every link, absolute ones too, is resolved as that system would do it; `..`
/// does not climb out. A chain of more than 40 links ends as a path that is not
/// there.
///
/// Source: openat2(2), `RESOLVE_IN_ROOT`.
pub fn locate_in_root(root: &Path, path: &Path) -> PathBuf {
    let mut out = root.to_path_buf();
    let mut links = 0;
    let mut todo: Vec<std::ffi::OsString> = reversed(path);
    while let Some(part) = todo.pop() {
        if part == ".." {
            if out != root {
                out.pop();
            }
            continue;
        }
        let next = out.join(&part);
        match std::fs::read_link(&next) {
            Ok(target) if links < LINKS => {
                links += 1;
                if target.is_absolute() {
                    out = root.to_path_buf();
                }
                todo.extend(reversed(&target));
            }
            Ok(_) => return root.join(".too-many-symbolic-links"),
            Err(_) => out = next,
        }
    }
    out
}

pub fn metadata(path: &Path) -> io::Result<Metadata> {
    handle_in_target(path).map_or_else(|| std::fs::metadata(path), |handle| File::from(handle?).metadata())
}

pub fn is_file(path: &Path) -> bool {
    metadata(path).is_ok_and(|metadata| metadata.is_file())
}

pub fn is_dir(path: &Path) -> bool {
    metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

pub fn exists(path: &Path) -> bool {
    metadata(path).is_ok()
}

/// A configuration file: regular, and no larger than [`CONFIGURATION_LIMIT`].
///
/// # Errors
/// Those of open(2) and read(2), and one that says what the file is instead.
pub fn read_configuration(path: &Path) -> io::Result<Vec<u8>> {
    read_within(path, CONFIGURATION_LIMIT)
}

/// A configuration file as text; bytes that are no UTF-8 are replaced.
pub fn read_configuration_text(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read_configuration(path)?).into_owned())
}

/// A regular file of another kind, such as a module.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    read_within(path, LIMIT)
}

/// A regular file that is no larger than `limit`, in bytes.
///
/// # Errors
/// Those of [`read_configuration`].
pub fn read_within(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let Some(file) = open(path)? else { return Ok(Vec::new()) };
    let too_large = || refusal(format!("it is larger than {} MiB", limit >> 20));
    let length = file.metadata()?.len();
    if length > limit {
        return Err(too_large());
    }
    let mut contents = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(limit + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > limit { Err(too_large()) } else { Ok(contents) }
}

/// Opens a regular file for reading; `None` for `/dev/null`, which people link
/// to where they want a file to be empty.
pub fn open(path: &Path) -> io::Result<Option<File>> {
    let Found { file, owners_of_links } = find(path)?;
    let metadata = file.metadata()?;
    if is_null(&metadata) {
        return Ok(None);
    }
    follows_only_own_links(&owners_of_links, &metadata)?;
    // A device is not even opened: that alone may have an effect.
    regular(&metadata)?;
    let read = |path: &Path| {
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
        File::options().read(true).custom_flags(flags).open(path)
    };
    match read(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd()))) {
        // There is no procfs.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let opened = read(&real(path))?;
            let identity = |metadata: &Metadata| (metadata.dev(), metadata.ino());
            if identity(&opened.metadata()?) != identity(&metadata) {
                return Err(refusal("it was replaced while it was opened".to_owned()));
            }
            Ok(Some(opened))
        }
        opened => opened.map(Some),
    }
}

/// Opens a directory, which links may lead to.
///
/// # Errors
/// Those of open(2).
pub fn open_directory(path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(match handle_in_target(path) {
        Some(handle) => rustix::fs::openat(handle?, ".", flags, Mode::empty())?,
        None => rustix::fs::open(path, flags, Mode::empty())?,
    })
}

/// The kind of file that a path names.
struct Found {
    /// A handle, which reads nothing.
    file: File,
    /// The owners of the links that stood at the path's end. Below `--root` they do not count:
    /// all that is there is the image's.
    owners_of_links: Vec<u32>,
}

fn find(path: &Path) -> io::Result<Found> {
    if let Some(handle) = handle_in_target(path) {
        return Ok(Found { file: handle?.into(), owners_of_links: Vec::new() });
    }
    let mut path = path.to_path_buf();
    let mut owners_of_links = Vec::new();
    loop {
        let handle = rustix::fs::open(&path, HANDLE | OFlags::NOFOLLOW, Mode::empty())?;
        let found = rustix::fs::fstat(&handle)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::Symlink {
            return Ok(Found { file: handle.into(), owners_of_links });
        }
        // Some links of procfs are no paths, as those of open files.
        if rustix::fs::fstatfs(&handle)?.f_type == rustix::fs::PROC_SUPER_MAGIC {
            let handle = rustix::fs::open(&path, HANDLE, Mode::empty())?;
            return Ok(Found { file: handle.into(), owners_of_links });
        }
        owners_of_links.push(found.st_uid);
        if owners_of_links.len() > LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = rustix::fs::readlinkat(&handle, "", Vec::new())?;
        let target = Path::new(std::ffi::OsStr::from_bytes(target.as_bytes()));
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    match FileType::from_raw_mode(metadata.mode()) {
        FileType::RegularFile => Ok(()),
        kind => Err(refusal(format!("it is {}, not a regular file", describe(kind)))),
    }
}

/// A link of another user is followed only to a file of that user. Otherwise root would read a file
/// that the maker of the link cannot read. (The kernel's `fs.protected_symlinks`, for all
/// directories.)
fn follows_only_own_links(owners_of_links: &[u32], target: &Metadata) -> io::Result<()> {
    let own = [0, rustix::process::geteuid().as_raw(), target.uid()];
    match owners_of_links.iter().find(|owner| !own.contains(owner)) {
        Some(owner) => Err(refusal(format!("it is a link of the user {owner} to a file of another user"))),
        None => Ok(()),
    }
}

fn is_null(metadata: &Metadata) -> bool {
    FileType::from_raw_mode(metadata.mode()) == FileType::CharacterDevice && metadata.rdev() == libc::makedev(1, 3)
}

fn refusal(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// A kind of file, as a message names it.
pub fn describe(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a regular file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "a file of unknown type",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_leads_out_of_a_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        std::fs::create_dir_all(root.join("data")).unwrap();
        for (link, target) in [
            ("lib", "/usr/lib"),
            ("up", "../../../../etc"),
            ("usr/there", "../data"),
            ("dangling", "/not/yet"),
            ("loop", "loop"),
            ("chain", "usr/there/../lib"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        for (path, inside) in [
            ("/lib/modules", "usr/lib/modules"),
            ("up/shadow", "etc/shadow"),
            ("usr/there/x", "data/x"),
            ("dangling/x", "not/yet/x"),
            ("../../etc/shadow", "etc/shadow"),
            ("chain/y", "usr/lib/y"),
            ("/", ""),
        ] {
            let found = locate_in_root(&root, Path::new(path));
            assert_eq!(found, root.join(inside).components().collect::<PathBuf>(), "{path}");
        }
        assert!(!locate_in_root(&root, Path::new("loop")).exists());
        assert!(locate_in_root(&root, Path::new("loop")).starts_with(&root));
    }

    #[test]
    fn a_configuration_file_is_regular_and_of_bounded_size() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("good"), "x").unwrap();
        symlink("good", at("link")).unwrap();
        symlink("/dev/null", at("empty")).unwrap();
        for (name, contents) in [("good", "x"), ("link", "x"), ("empty", "")] {
            assert_eq!(read_configuration(&at(name)).unwrap(), contents.as_bytes(), "{name}");
        }
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), FileType::Fifo, mode, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        symlink("/dev/zero", at("device")).unwrap();
        File::create(at("large")).unwrap().set_len(CONFIGURATION_LIMIT + 1).unwrap();
        for (name, why) in [
            ("pipe", "it is a named pipe, not a regular file"),
            ("socket", "it is a socket, not a regular file"),
            ("directory", "it is a directory, not a regular file"),
            ("device", "it is a device, not a regular file"),
            ("large", "it is larger than 1 MiB"),
        ] {
            assert_eq!(read_configuration(&at(name)).unwrap_err().to_string(), why, "{name}");
        }
    }

    #[test]
    fn a_link_of_another_user_leads_only_to_what_is_that_users() {
        if !rustix::process::geteuid().is_root() {
            panic!("run this test as root: it makes files of other users");
        }
        let dir = tempfile::tempdir().unwrap();
        let (secret, link) = (dir.path().join("secret"), dir.path().join("link"));
        std::fs::write(&secret, "x").unwrap();
        symlink(&secret, &link).unwrap();
        assert!(read_configuration(&link).is_ok(), "a link of root's");
        std::os::unix::fs::lchown(&link, Some(4711), None).unwrap();
        assert!(read_configuration(&link).unwrap_err().to_string().contains("a link of the user 4711"));
        std::os::unix::fs::chown(&secret, Some(4711), None).unwrap();
        assert!(read_configuration(&link).is_ok(), "to a file of the same user's");
    }

    #[test]
    fn every_link_at_the_end_of_a_path_counts() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::fs::write(at("secret"), "x").unwrap();
        symlink("sub/second", at("first")).unwrap();
        symlink("../secret", at("sub/second")).unwrap();
        assert!(read_configuration(&at("first")).is_ok());
        std::os::unix::fs::lchown(at("sub/second"), Some(4711), None).expect("root");
        assert!(read_configuration(&at("first")).unwrap_err().to_string().contains("a link of the user 4711"));
        symlink("loop", at("loop")).unwrap();
        assert_eq!(read_configuration(&at("loop")).unwrap_err().raw_os_error(), Some(libc::ELOOP));
        // A link of procfs leads to an open file, also to one without a name.
        let open = tempfile::tempfile().unwrap();
        let by_number = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
        assert_eq!(read_configuration(&by_number).unwrap(), b"");
    }

    /// Exchanges two names all the time while something is done.
    fn while_exchanged(one: &Path, other: &Path, act: impl Fn()) {
        let is_over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let exchanging = scope.spawn(|| {
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    let (at, flags) = (rustix::fs::CWD, rustix::fs::RenameFlags::EXCHANGE);
                    rustix::fs::renameat_with(at, one, at, other, flags).unwrap();
                }
            });
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&act));
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            exchanging.join().unwrap();
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
    }

    #[test]
    fn no_exchange_of_a_file_for_a_link_shows_a_file_of_another_user() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("secret"), "secret").unwrap();
        std::fs::write(at("own"), "own").unwrap();
        symlink("secret", at("link")).unwrap();
        for name in ["own", "link"] {
            std::os::unix::fs::lchown(at(name), Some(4711), None).expect("root");
        }
        while_exchanged(&at("own"), &at("link"), || {
            for _ in 0..10_000 {
                if let Ok(contents) = read_configuration(&at("own")) {
                    assert_eq!(contents, b"own");
                }
            }
        });
    }

    #[test]
    fn what_is_read_below_a_root_stays_inside_while_names_are_exchanged() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (directory, contents) in [("root/etc", "inside"), ("outside", "outside")] {
            std::fs::create_dir_all(at(directory)).unwrap();
            std::fs::write(at(directory).join("file"), contents).unwrap();
        }
        symlink(at("outside"), at("root/other")).unwrap();
        symlink("/etc/file", at("root/link")).unwrap();
        enter(&at("root"));
        assert_eq!(read_configuration(&at("root/link")).unwrap(), b"inside");
        assert_eq!(metadata(&at("root/link")).unwrap().len(), 6);
        assert!(open_directory(&at("root/other"), OFlags::RDONLY).is_err() && !exists(&at("root/other")));
        while_exchanged(&at("root/etc"), &at("root/other"), || {
            for _ in 0..10_000 {
                if let Ok(contents) = read_configuration(&at("root/etc/file")) {
                    assert_eq!(contents, b"inside");
                }
                assert!(metadata(&at("root/etc/file")).map_or(true, |metadata| metadata.len() == 6));
            }
        });
    }
}
