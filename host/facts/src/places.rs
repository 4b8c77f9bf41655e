//! The file that a name leads to, and all names of that file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::beneath::{HANDLE, kind_of, open_beneath};
use super::roots::{Location, Root, Roots};

/// Named roots, by their real paths.
pub struct Places {
    system_root: PathBuf,
    roots: Roots,
    real: Mutex<BTreeMap<Root, PathBuf>>,
}

/// Whether the last name of a path is followed if it is a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    Follow,
    Keep,
}

/// Device and inode: the identity of a file under all of its names.
pub type Identity = (u64, u64);

/// The file that a name leads to.
pub struct Found {
    /// On this machine; no part of it is a link, but perhaps the last one.
    pub path: PathBuf,
    /// `None` when nothing is there.
    pub handle: Option<OwnedFd>,
    /// Whether a link was followed below the root.
    pub through_link: bool,
    /// All names that the place has below the roots.
    pub names: Vec<Location>,
    /// Of the directories above, from the top of the system.
    above: Vec<Identity>,
}

/// As many as the kernel follows: path_resolution(7).
const MOST_LINKS: usize = 40;

/// Links in the directory of a kernel that the kernel's packages make: to the tree that it was
/// built from. A right to read `K/build` is a right to read the files behind the link.
const DOORS: [&str; 2] = ["build", "source"];

impl Places {
    /// `system_root`: `/`, or the directory of `--root`.
    pub fn new(system_root: &Path, roots: Roots) -> Self {
        Self { system_root: system_root.to_path_buf(), roots, real: Mutex::default() }
    }

    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The file that a location leads to, as the target system resolves links: absolute ones begin
    /// at its root, and none leads out of that. A missing file is no error.
    pub fn find(&self, location: &Location, last: Last) -> io::Result<Found> {
        let mut walk = self.root_walk(location.root)?;
        walk.passed.clear();
        walk.go(location.relative(), last)?;
        self.found(walk)
    }

    /// The file that a link at `location` would lead to, if it had this target.
    pub fn find_target(&self, location: &Location, target: &Path) -> io::Result<Found> {
        let mut walk = self.root_walk(location.root)?;
        walk.go(location.parent().as_ref().map_or(Path::new(""), Location::relative), Last::Follow)?;
        walk.passed.clear();
        walk.go(target, Last::Follow)?;
        self.found(walk)
    }

    /// All names of a real path.
    pub fn names(&self, path: &Path) -> Vec<Location> {
        let mut names = Vec::new();
        for root in Root::ALL {
            if self.roots.get(root).is_none() {
                continue;
            }
            let Ok(base) = self.real_root(root) else { continue };
            let Ok(below) = path.strip_prefix(&base) else { continue };
            let Ok(name) = Location::new(root, below) else { continue };
            // A file that is private to the call has no other name.
            if root == Root::Staging {
                return vec![name];
            }
            names.push(name);
        }
        names
    }

    /// All names of an entry that is reached without following a link.
    pub fn names_of(&self, location: &Location) -> Vec<Location> {
        match self.real_root(location.root) {
            Ok(base) => self.names(&base.join(location.relative())),
            Err(_) => vec![location.clone()],
        }
    }

    /// The real path of a root; one that is missing is where it would be made.
    pub fn real_root(&self, root: Root) -> io::Result<PathBuf> {
        let known = self.real.lock().unwrap_or_else(PoisonError::into_inner).get(&root).cloned();
        if let Some(path) = known {
            return Ok(path);
        }
        let walk = self.root_walk(root)?;
        let path = walk.path();
        if walk.missing.is_empty() {
            self.real.lock().unwrap_or_else(PoisonError::into_inner).insert(root, path.clone());
        }
        Ok(path)
    }

    fn root_walk(&self, root: Root) -> io::Result<Walk> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("no root named `{root}` is known here"));
        let path = self.roots.get(root).ok_or_else(missing)?;
        match path.strip_prefix(&self.system_root) {
            Ok(inside) => {
                let mut walk = Walk::within(&self.system_root)?;
                walk.go(inside, Last::Follow)?;
                Ok(walk)
            }
            // Put outside the target by name: confined to itself.
            Err(_) => Walk::within(path),
        }
    }

    fn found(&self, walk: Walk) -> io::Result<Found> {
        let path = walk.path();
        let mut names = self.names(&path);
        for link in &walk.passed {
            names.extend(self.names_through(link, &path)?);
        }
        let mut above = walk.identities()?;
        if walk.missing.is_empty() {
            above.pop();
        }
        Ok(Found { path, through_link: !walk.passed.is_empty(), names, above, handle: walk.end() })
    }

    /// Names of a path behind a kernel's own link.
    fn names_through(&self, link: &Path, path: &Path) -> io::Result<Vec<Location>> {
        let Ok(kernels) = self.real_root(Root::InstallTree) else { return Ok(Vec::new()) };
        let is_door = link.strip_prefix(&kernels).is_ok_and(|below| {
            below.components().count() == 2 && DOORS.iter().any(|door| below.file_name() == Some(door.as_ref()))
        });
        if !is_door {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for door in self.names(link) {
            let mut walk = self.root_walk(door.root)?;
            walk.go(door.relative(), Last::Follow)?;
            if let Ok(below) = path.strip_prefix(walk.path()) {
                names.extend(door.join(below).ok());
            }
        }
        Ok(names)
    }
}

impl Found {
    /// Of what is there.
    pub fn identity(&self) -> io::Result<Option<Identity>> {
        self.handle.as_ref().map(identity).transpose()
    }

    /// Of the directories that it is in.
    pub fn above(&self) -> &[Identity] {
        &self.above
    }

    pub fn is_directory(&self) -> bool {
        self.kind() == Some(FileType::Directory)
    }

    /// What kind of file it is.
    pub fn kind(&self) -> Option<FileType> {
        self.handle.as_ref().and_then(|handle| kind_of(handle).ok())
    }

    /// Opens the file for reading, without waiting: a FIFO must not stop the host.
    pub fn open(&self) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        self.reopen(flags).map(|opened| opened.map(File::from))
    }

    /// Opens the directory for listing.
    pub fn list(&self) -> io::Result<Option<cap_std::fs::Dir>> {
        let opened = self.reopen(OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(opened.map(|opened| cap_std::fs::Dir::from_std_file(opened.into())))
    }

    /// Opens by the real path what must still be what was found.
    fn reopen(&self, flags: OFlags) -> io::Result<Option<OwnedFd>> {
        let Some(found) = self.identity()? else { return Ok(None) };
        let top = rustix::fs::open("/", HANDLE | OFlags::DIRECTORY, Mode::empty())?;
        let path = self.path.strip_prefix("/").map_err(io::Error::other)?;
        let opened = open_beneath(top, path, flags, Mode::empty())?;
        if identity(&opened)? == found {
            Ok(Some(opened))
        } else {
            Err(io::Error::other("it was replaced while it was being opened"))
        }
    }

    /// How many names the file has.
    pub fn links(&self) -> u64 {
        self.handle.as_ref().and_then(|handle| rustix::fs::fstat(handle).ok()).map_or(0, |found| found.st_nlink)
    }
}

fn identity(handle: &OwnedFd) -> io::Result<Identity> {
    let found = rustix::fs::fstat(handle)?;
    Ok((found.st_dev as u64, found.st_ino as u64))
}

/// A way through directories, held open one by one: what has been passed cannot
/// be exchanged for something else.
struct Walk {
    base: PathBuf,
    top: OwnedFd,
    /// The directories below the top, and what is at the end.
    stack: Vec<(OsString, OwnedFd)>,
    /// Names of which the first does not exist.
    missing: Vec<OsString>,
    /// The links that were followed, by their real paths.
    passed: Vec<PathBuf>,
}

impl Walk {
    /// A walk that does not leave a directory.
    fn within(directory: &Path) -> io::Result<Self> {
        // Missing: what is above it is where it would be.
        let existing = directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
        let base = std::fs::canonicalize(existing)?;
        let top = rustix::fs::open(&base, HANDLE | OFlags::DIRECTORY, Mode::empty())?;
        let mut walk = Self { base, top, stack: Vec::new(), missing: Vec::new(), passed: Vec::new() };
        walk.missing.extend(directory.strip_prefix(existing).into_iter().flatten().map(OsString::from));
        Ok(walk)
    }

    fn path(&self) -> PathBuf {
        let names = self.stack.iter().map(|(name, _)| name).chain(&self.missing);
        names.fold(self.base.clone(), |path, name| path.join(name))
    }

    fn identities(&self) -> io::Result<Vec<Identity>> {
        std::iter::once(&self.top).chain(self.stack.iter().map(|(_, handle)| handle)).map(identity).collect()
    }

    fn end(mut self) -> Option<OwnedFd> {
        if !self.missing.is_empty() {
            return None;
        }
        Some(self.stack.pop().map_or(self.top, |(_, handle)| handle))
    }

    fn go(&mut self, path: &Path, last: Last) -> io::Result<()> {
        let mut ahead: Vec<OsString> = reversed(path);
        let mut links = 0;
        if path.is_absolute() {
            self.restart();
        }
        while let Some(name) = ahead.pop() {
            if name == ".." {
                if self.missing.pop().is_none() {
                    self.stack.pop();
                }
                continue;
            }
            if !self.missing.is_empty() {
                self.missing.push(name);
                continue;
            }
            let here = self.stack.last().map_or(self.top.as_fd(), |(_, handle)| handle.as_fd());
            let handle = match rustix::fs::openat(here, &name, HANDLE | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(handle) => handle,
                Err(Errno::NOENT | Errno::NOTDIR) => {
                    self.missing.push(name);
                    continue;
                }
                Err(e) => return Err(e.into()),
            };
            if kind_of(&handle)? != FileType::Symlink || (ahead.is_empty() && last == Last::Keep) {
                self.stack.push((name, handle));
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP.into());
            }
            let target = rustix::fs::readlinkat(&handle, "", Vec::new())?;
            let target = PathBuf::from(<OsString as std::os::unix::ffi::OsStringExt>::from_vec(target.into_bytes()));
            self.passed.push(self.path().join(&name));
            if target.is_absolute() {
                self.restart();
            }
            ahead.extend(reversed(&target));
        }
        Ok(())
    }

    fn restart(&mut self) {
        self.stack.clear();
        self.missing.clear();
    }
}

/// The names of a path, last one first, `..` among them.
fn reversed(path: &Path) -> Vec<OsString> {
    let parts = path.components().rev();
    parts
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|p| p.as_os_str().into())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct System(tempfile::TempDir);

    impl System {
        /// As a merged `/usr` has it: `/lib` is a link.
        fn new() -> Self {
            let system = Self(tempfile::tempdir().unwrap());
            for directory in ["usr/lib/modules/6.1", "usr/src/linux-6.1", "var/lib/dkms", "etc/d", "boot"] {
                std::fs::create_dir_all(system.path(directory)).unwrap();
            }
            symlink("usr/lib", system.path("lib")).unwrap();
            symlink("/usr/src/linux-6.1", system.path("lib/modules/6.1/build")).unwrap();
            std::fs::write(system.path("usr/src/linux-6.1/Module.symvers"), "").unwrap();
            std::fs::write(system.path("etc/d/x"), "").unwrap();
            system
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn find(&self, root: Root, relative: &str) -> Found {
            let roots = crate::System::new(self.0.path(), crate::OsRelease::default()).roots;
            let places = Places::new(self.0.path(), roots);
            places.find(&Location::new(root, relative).unwrap(), Last::Follow).unwrap()
        }

        fn names(&self, root: Root, relative: &str) -> Vec<String> {
            let names = self.find(root, relative).names;
            names.iter().filter(|location| location.root != Root::System).map(ToString::to_string).collect()
        }
    }

    #[test]
    fn a_place_has_all_the_names_that_lead_to_it_below_roots() {
        let system = System::new();
        assert_eq!(system.names(Root::Tree, "mok.key"), ["tree:mok.key", "var:lib/dkms/mok.key"]);
        assert_eq!(system.names(Root::Var, "lib/dkms/mok.key"), ["tree:mok.key", "var:lib/dkms/mok.key"]);
        assert_eq!(system.names(Root::InstallTree, "6.1/x"), ["install-tree:6.1/x", "usr:lib/modules/6.1/x"]);
        assert!(!system.find(Root::InstallTree, "6.1/x").through_link, "the root itself may be behind a link");
    }

    #[test]
    fn links_lead_where_the_target_system_has_it_and_never_out_of_it() {
        let system = System::new();
        for (name, target) in [("a", "/etc/d/x"), ("b", "../../../../etc/d/x"), ("c", "a"), ("d", "/etc/none/x")] {
            symlink(target, system.path("boot").join(name)).unwrap();
        }
        for name in ["a", "b", "c"] {
            assert_eq!(system.names(Root::Boot, name), ["etc:d/x"], "{name}");
        }
        let missing = system.find(Root::Boot, "d");
        assert!(missing.handle.is_none() && missing.through_link);
        assert_eq!(system.names(Root::Boot, "d"), ["etc:none/x"]);
        symlink("loop", system.path("boot/loop")).unwrap();
        let roots = Roots::default().with(Root::Boot, system.path("boot"));
        let location = Location::new(Root::Boot, "loop").unwrap();
        assert!(Places::new(system.0.path(), roots).find(&location, Last::Follow).is_err());
    }

    #[test]
    fn what_a_kernel_was_built_from_keeps_the_name_of_its_link() {
        let system = System::new();
        let names = system.names(Root::InstallTree, "6.1/build/Module.symvers");
        assert_eq!(
            names,
            [
                "source-tree:linux-6.1/Module.symvers",
                "usr:src/linux-6.1/Module.symvers",
                "install-tree:6.1/build/Module.symvers",
                "usr:lib/modules/6.1/build/Module.symvers"
            ]
        );
        symlink("/etc", system.path("lib/modules/6.1/other")).unwrap();
        assert_eq!(system.names(Root::InstallTree, "6.1/other/d/x"), ["etc:d/x"]);
    }

    #[test]
    fn what_is_private_to_a_call_has_no_other_name() {
        let system = System::new();
        let staging = system.path("var/lib/dkms/staging");
        let roots = crate::System::new(system.0.path(), crate::OsRelease::default()).roots;
        let places = Places::new(system.0.path(), roots.with(Root::Staging, staging));
        let found = places.find(&Location::new(Root::Tree, "staging/x").unwrap(), Last::Follow).unwrap();
        assert_eq!(found.names, [Location::new(Root::Staging, "x").unwrap()]);
    }
}
