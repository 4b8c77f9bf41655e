//! Named roots: a location is a path relative to one of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{path_text, text_path};

/// A directory that locations are below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Root {
    /// The target system's `/`.
    System,
    /// The module tree: `/var/lib/dkms`.
    Tree,
    /// Where sources are registered: `/usr/src`.
    SourceTree,
    /// Where kernels keep their modules: `/lib/modules`.
    InstallTree,
    /// The module directory of the kernel that is worked for: `/lib/modules/K`.
    Modules,
    /// The build directory of that kernel, links resolved.
    Headers,
    /// The registered source that is worked on: `/usr/src/NAME-VERSION`.
    Source,
    Boot,
    Etc,
    Usr,
    /// `/var`, but for the module tree.
    Var,
    /// `/sys`: the kernel's facts about devices and itself. Nothing is written there.
    Sys,
    /// `/proc`, without the directories of processes. Nothing is written there.
    Proc,
    /// A private directory of one task, removed at its end.
    Staging,
}

impl Root {
    pub const ALL: [Root; 14] = [
        Root::System,
        Root::Tree,
        Root::SourceTree,
        Root::InstallTree,
        Root::Modules,
        Root::Headers,
        Root::Source,
        Root::Boot,
        Root::Etc,
        Root::Usr,
        Root::Var,
        Root::Sys,
        Root::Proc,
        Root::Staging,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Root::System => "system",
            Root::Tree => "tree",
            Root::SourceTree => "source-tree",
            Root::InstallTree => "install-tree",
            Root::Modules => "modules",
            Root::Headers => "headers",
            Root::Source => "source",
            Root::Boot => "boot",
            Root::Etc => "etc",
            Root::Usr => "usr",
            Root::Var => "var",
            Root::Sys => "sys",
            Root::Proc => "proc",
            Root::Staging => "staging",
        }
    }

    /// The root of a name, unless it is a wide one: `system` and `source-tree` hold files of many purposes.
    pub fn narrow(name: &str) -> Option<Root> {
        Self::ALL.into_iter().filter(|root| root.is_narrow()).find(|root| root.name() == name)
    }

    /// Whether the running kernel provides the files of this root. Nothing is written there.
    pub fn is_of_kernel(self) -> bool {
        matches!(self, Root::Sys | Root::Proc)
    }

    fn is_narrow(self) -> bool {
        !matches!(self, Root::System | Root::SourceTree)
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A path below a named root: never absolute, never with `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    pub root: Root,
    #[serde(with = "as_text")]
    relative: PathBuf,
}

/// A path as text, in the form of [`path_text`]: names need not be UTF-8.
mod as_text {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::{path_text, text_path};

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&path_text(path))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Ok(text_path(&String::deserialize(deserializer)?))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{path}` is not a path below `{root}`: it must be relative and without `..`")]
pub struct BadLocation {
    root: Root,
    path: String,
}

impl Location {
    /// Normalises `.` and doubled slashes away.
    pub fn new(root: Root, relative: impl AsRef<Path>) -> Result<Self, BadLocation> {
        let relative = relative.as_ref();
        let mut out = PathBuf::new();
        for part in relative.components() {
            match part {
                Component::Normal(name) => out.push(name),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err(BadLocation { root, path: relative.display().to_string() });
                }
            }
        }
        Ok(Self { root, relative: out })
    }

    /// The location of a path in the form of [`path_text`]: names that are not UTF-8 are escaped.
    ///
    /// # Errors
    /// As [`Location::new`].
    pub fn of_text(root: Root, relative: &str) -> Result<Self, BadLocation> {
        Self::new(root, text_path(relative))
    }

    pub fn relative(&self) -> &Path {
        &self.relative
    }

    /// The path as [`Location::of_text`] has it.
    pub fn text(&self) -> String {
        path_text(&self.relative).into_owned()
    }

    /// The location of an entry below this one.
    pub fn join(&self, name: impl AsRef<Path>) -> Result<Self, BadLocation> {
        Self::new(self.root, self.relative.join(name))
    }

    pub fn parent(&self) -> Option<Self> {
        Some(Self { root: self.root, relative: self.relative.parent()?.to_path_buf() })
    }
}

/// `root:relative`, for messages where no real path is known.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.root, self.relative.display())
    }
}

/// Where the named roots are on this machine (with `--root` already applied).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Roots(BTreeMap<Root, PathBuf>);

impl Roots {
    pub fn set(&mut self, root: Root, path: impl Into<PathBuf>) {
        self.0.insert(root, path.into());
    }

    pub fn with(mut self, root: Root, path: impl Into<PathBuf>) -> Self {
        self.set(root, path);
        self
    }

    pub fn get(&self, root: Root) -> Option<&Path> {
        self.0.get(&root).map(PathBuf::as_path)
    }

    /// The real path of a location; `None` if its root is not known.
    pub fn path(&self, location: &Location) -> Option<PathBuf> {
        let base = self.get(location.root)?;
        Some(if location.relative.as_os_str().is_empty() { base.to_path_buf() } else { base.join(&location.relative) })
    }

    /// The location of a real path below the innermost root that holds it.
    pub fn locate(&self, path: &Path) -> Option<Location> {
        self.locate_below(path, |_| true)
    }

    /// As [`Roots::locate`], below narrow roots alone: see [`Root::narrow`].
    pub fn locate_narrow(&self, path: &Path) -> Option<Location> {
        self.locate_below(path, Root::is_narrow)
    }

    fn locate_below(&self, path: &Path, allowed: impl Fn(Root) -> bool) -> Option<Location> {
        self.0
            .iter()
            .filter(|(root, _)| allowed(**root))
            .filter_map(|(root, base)| Some((base.as_os_str().len(), *root, path.strip_prefix(base).ok()?)))
            .max_by_key(|(len, ..)| *len)
            .and_then(|(_, root, relative)| Location::new(root, relative).ok())
    }
}
