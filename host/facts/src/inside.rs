//! Looking at files that are not ours: of the system below `--root`, of a
//! package, of the administrator.
//!
//! Two rules hold for all of them. A path below `--root` is resolved as that
//! system would resolve it, absolute links too, so that no link leads out of it.
//! And a file that is read as configuration is a regular one of bounded size:
//! opening a pipe or a device could block, or do something.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::FileType;

use super::trust::describe;

/// The largest configuration file, in bytes.
pub const CONFIGURATION_LIMIT: u64 = 1 << 20;

/// The largest file of another kind that is read as a whole: a kernel image with
/// its debugging symbols.
const LIMIT: u64 = 4 << 30;

/// How many links one path may have, as Linux has it (path_resolution(7)).
const LINKS: usize = 40;

/// The directory of `--root`, once it is known.
static TARGET: OnceLock<PathBuf> = OnceLock::new();

/// From now on, paths below this directory are resolved inside it. To be called
/// once, with a path that has no links.
pub fn enter(root: &Path) {
    if root != Path::new("/") {
        let _ = TARGET.set(root.to_path_buf());
    }
}

/// The path on this machine that a path stands for: below `--root`, every link is followed inside
/// of it. A path that does not exist yet stands for the place where the file would be made.
pub fn real(path: &Path) -> PathBuf {
    match TARGET.get() {
        Some(root) => {
            path.strip_prefix(root).map_or_else(|_| path.to_path_buf(), |inside| locate_in_root(root, inside))
        }
        None => path.to_path_buf(),
    }
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

fn reversed(path: &Path) -> Vec<std::ffi::OsString> {
    let parts = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    parts.collect()
}

pub fn metadata(path: &Path) -> io::Result<Metadata> {
    std::fs::metadata(real(path))
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

fn read_within(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
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
    let path = real(path);
    let metadata = std::fs::metadata(&path)?;
    if is_null(&metadata) {
        return Ok(None);
    }
    follows_only_own_links(&path, &metadata)?;
    // A device is not even opened: that alone may have an effect.
    regular(&metadata)?;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    let file = File::options().read(true).custom_flags(flags).open(&path)?;
    regular(&file.metadata()?)?;
    Ok(Some(file))
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
fn follows_only_own_links(path: &Path, target: &Metadata) -> io::Result<()> {
    let link = std::fs::symlink_metadata(path)?;
    let own = [0, rustix::process::geteuid().as_raw(), target.uid()];
    if !link.is_symlink() || own.contains(&link.uid()) {
        return Ok(());
    }
    Err(refusal(format!("it is a link of the user {} to a file of another user", link.uid())))
}

fn is_null(metadata: &Metadata) -> bool {
    FileType::from_raw_mode(metadata.mode()) == FileType::CharacterDevice && metadata.rdev() == libc::makedev(1, 3)
}

fn refusal(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
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
}
