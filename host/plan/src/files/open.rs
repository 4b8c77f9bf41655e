//! Opens the files of steps: each root once, every path beneath its handle. A watch
//! decides about each file that is opened.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cap_std::fs::{Dir, Metadata};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::watch::{Inode, Source, Watch, refused};
use modsmith_facts::{Location, Root, Roots, inside, is_link_error, open_beneath, open_parent};

/// How operations treat links below a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Links {
    /// Followed, but never out of the root.
    #[default]
    Beneath,
    /// Refused on the way; the last name is what it is.
    Refused,
}

/// The open roots of one plan, as a step sees them.
#[derive(Clone)]
pub struct Opener {
    shared: Arc<Shared>,
    links: Links,
    watch: Option<Arc<dyn Watch>>,
}

struct Shared {
    roots: Roots,
    open: Mutex<BTreeMap<Root, Arc<Dir>>>,
}

/// A name in an open directory.
pub(super) struct Spot {
    pub dir: Arc<Dir>,
    pub name: PathBuf,
}

impl Opener {
    pub(super) fn new(roots: Roots) -> Self {
        let shared = Shared { roots, open: Mutex::default() };
        Self { shared: Arc::new(shared), links: Links::Beneath, watch: None }
    }

    /// The same roots, with another treatment of links and another watch.
    pub(super) fn with(&self, links: Links, watch: Option<Arc<dyn Watch>>) -> Self {
        Self { shared: self.shared.clone(), links, watch }
    }

    /// Whether a watch decides about what is come upon.
    pub(super) fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    pub fn links(&self) -> Links {
        self.links
    }

    pub fn roots(&self) -> &Roots {
        &self.shared.roots
    }

    pub(super) fn watched(&self, ask: impl FnOnce(&dyn Watch) -> Result<(), String>) -> io::Result<()> {
        self.watch.as_deref().map_or(Ok(()), |watch| ask(watch).map_err(refused))
    }

    /// The location of a source, without any link.
    pub(super) fn source(&self, location: &Location, using: Source) -> io::Result<Location> {
        match &self.watch {
            None => Ok(location.clone()),
            Some(watch) => watch.source(location, using).map_err(refused),
        }
    }

    /// A handle to act from, and the name to act on.
    pub(super) fn spot(&self, location: &Location) -> io::Result<Spot> {
        let dir = self.dir(location.root)?;
        if self.links == Links::Beneath || location.relative().as_os_str().is_empty() {
            return Ok(Spot { dir, name: relative(location).to_path_buf() });
        }
        let (parent, name) = open_parent(&*dir, location.relative()).map_err(|e| self.behind_a_link(location, e))?;
        Ok(Spot { dir: Arc::new(Dir::from_std_file(parent.into())), name: name.into() })
    }

    pub(super) fn behind_a_link(&self, location: &Location, error: io::Error) -> io::Error {
        if !is_link_error(&error) {
            return error;
        }
        let path = self.path(location);
        refused(format!(
            "{} is a symbolic link or is reached through one, and steps of plugins do not follow links",
            path.display()
        ))
    }

    pub(super) fn open_directory_of(&self, parent: &Dir, name: &Path) -> io::Result<Dir> {
        match self.links {
            Links::Beneath => parent.open_dir(name),
            Links::Refused => open_directory(parent, name),
        }
    }

    pub(super) fn open_file_of(&self, parent: &Dir, name: &Path) -> io::Result<std::fs::File> {
        match self.links {
            Links::Beneath => Ok(parent.open(name)?.into_std()),
            Links::Refused => open_file(parent, name),
        }
    }

    /// A directory that something is made in.
    pub fn open_directory(&self, location: &Location) -> io::Result<Dir> {
        let Spot { dir, name } = self.spot(location)?;
        self.open_directory_of(&dir, &name).map_err(|e| self.behind_a_link(location, e))
    }

    /// A directory whose contents are read, and where it really is.
    pub fn open_source(&self, location: &Location) -> io::Result<(Dir, Location)> {
        let location = self.source(location, Source::Contents)?;
        Ok((self.open_directory(&location)?, location))
    }

    /// A file whose contents are read.
    pub fn open_file(&self, location: &Location) -> io::Result<std::fs::File> {
        self.open_for(location, Source::Contents)
    }

    pub(super) fn open_for(&self, location: &Location, using: Source) -> io::Result<std::fs::File> {
        let location = self.source(location, using)?;
        let Spot { dir, name } = self.spot(&location)?;
        self.open_file_of(&dir, &name).map_err(|e| self.behind_a_link(&location, e))
    }

    /// The handle of a root. A root whose directory is missing is `NotFound`.
    pub fn dir(&self, root: Root) -> io::Result<Arc<Dir>> {
        let mut open = self.shared.open.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(dir) = open.get(&root) {
            return Ok(dir.clone());
        }
        let path = self.base(root)?;
        let dir = Arc::new(Dir::from_std_file(inside::open_directory(path, OFlags::PATH)?.into()));
        open.insert(root, dir.clone());
        Ok(dir)
    }

    pub(super) fn base(&self, root: Root) -> io::Result<&Path> {
        self.roots()
            .get(root)
            .ok_or_else(|| io::Error::new(ErrorKind::NotFound, format!("the plan has no root named `{root}`")))
    }

    /// The real path, for messages and for programs.
    pub fn path(&self, location: &Location) -> PathBuf {
        self.roots().path(location).unwrap_or_else(|| PathBuf::from(location.to_string()))
    }

    /// The path of a location as messages and views show it.
    pub fn shown(&self, location: &Location) -> String {
        self.path(location).display().to_string()
    }

    pub(super) fn may_read(&self, location: &Location, metadata: &Metadata) -> io::Result<()> {
        self.watched(|watch| watch.reads(location, &Inode::of(metadata)))
    }

    pub(crate) fn may_write(&self, location: &Location) -> io::Result<()> {
        self.watched(|watch| watch.writes(location))
    }

    /// Links in the staging directory are let be: what is put there is read,
    /// copied out or packed by the same rules again.
    pub(crate) fn may_link(&self, location: &Location, target: &Path) -> io::Result<()> {
        if location.root == Root::Staging { Ok(()) } else { self.watched(|watch| watch.links(location, target)) }
    }
}

/// A directory that a link cannot stand for.
pub(super) fn open_directory(dir: &Dir, name: &Path) -> io::Result<Dir> {
    let handle = open_beneath(dir, name, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
    Ok(Dir::from_std_file(handle.into()))
}

/// A file that a link cannot stand for, without waiting for a FIFO's writer.
pub(super) fn open_file(dir: &Dir, name: &Path) -> io::Result<std::fs::File> {
    let file = std::fs::File::from(open_beneath(dir, name, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file(name)) }
}

pub(super) fn no_file(name: &Path) -> io::Error {
    let what = format!("{} is neither a file, a directory nor a link", name.display());
    io::Error::new(ErrorKind::Unsupported, what)
}

/// cap-std has no name for the directory itself but `.`.
pub(super) fn relative(location: &Location) -> &Path {
    if location.relative().as_os_str().is_empty() { Path::new(".") } else { location.relative() }
}
