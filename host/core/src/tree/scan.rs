//! Reading the tree: what is registered, built and installed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, FileType, OFlags, RawDir};

use super::layout::{PackageId, Target};
use crate::error::{Error, Kind, Result};
use modsmith_facts::{Location, Root, Roots, TrustError, Untrusted, inside, open_trusted, read_trusted};
use modsmith_plan::Files;

/// Children of a version directory that hold sources. Of the others, a kernel's has a
/// directory for each architecture, and a package format's has files.
const SOURCES: [&str; 2] = ["source", "build"];

/// Children of a version directory that dkms puts its package formats in: they hold results
/// even while they are empty.
const RESULTS: [&str; 5] = ["tarball", "rpm", "deb", "dsc", "bmdeb"];

/// Whether a child of a version directory would be taken for a kernel.
pub(crate) fn is_kernel_name(name: &str) -> bool {
    !name.starts_with('.') && !SOURCES.contains(&name)
}

/// Where a registered package's source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// A link to a directory, or (binaries-only packages) a directory itself.
    Present(PathBuf),
    /// The link leads to nothing, or is missing while the source is there.
    Broken,
}

/// A registered package.
#[derive(Debug, Clone)]
pub struct PackageEntry {
    pub id: PackageId,
    pub source: SourceState,
}

/// What one look at a module's directory shows.
#[derive(Debug, Clone, Default)]
pub struct ModuleDirectory {
    pub name: String,
    /// Names of versions, sorted; not all need be registered.
    pub versions: Vec<String>,
    /// `kernel-K-A`
    links: BTreeSet<String>,
    /// Whether modules were put aside for any kernel.
    pub has_originals: bool,
}

impl ModuleDirectory {
    /// The kernels that the module has a link `kernel-K-A` for, wherever that leads.
    pub fn linked_targets(&self) -> Vec<Target> {
        let target = |link: &String| {
            let (kernel, arch) = link.strip_prefix("kernel-")?.rsplit_once('-')?;
            let is_named = !kernel.is_empty() && !arch.is_empty();
            is_named.then(|| Target { kernel: kernel.to_owned(), arch: arch.to_owned() })
        };
        self.links.iter().filter_map(target).collect()
    }
}

/// The tree of a system, for reading.
#[derive(Debug, Clone)]
pub struct Tree {
    roots: Roots,
    path: PathBuf,
    /// Files of the program that other users could have written; each is reported once.
    untrusted: Arc<Mutex<BTreeMap<Untrusted, bool>>>,
}

impl Tree {
    pub fn new(roots: &Roots) -> Self {
        let path = roots.get(Root::Tree).unwrap_or(Path::new("/var/lib/dkms")).to_path_buf();
        Self { roots: roots.clone(), path, untrusted: Arc::default() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The real path of a location of the tree.
    pub fn real(&self, location: &Location) -> PathBuf {
        self.roots.path(location).unwrap_or_else(|| self.path.join(location.relative()))
    }

    /// The contents of a file of the program's own; `None` where there is none
    /// that is believed. Which ones are not, [`Tree::untrusted`] says.
    pub fn believed(&self, location: &Location) -> Option<Vec<u8>> {
        self.note(location, read_trusted(&self.path, location.relative()))
    }

    /// Whether a file of the program's own is there and believed.
    pub fn is_believed(&self, location: &Location) -> bool {
        self.note(location, open_trusted(&self.path, location.relative())).is_some()
    }

    fn note<T>(&self, location: &Location, found: std::result::Result<Option<T>, TrustError>) -> Option<T> {
        match found {
            Ok(found) => found,
            Err(TrustError::Untrusted(why)) => {
                self.untrusted.lock().unwrap_or_else(PoisonError::into_inner).entry(why).or_insert(false);
                None
            }
            Err(TrustError::Io(error)) => {
                tracing::debug!(%location, %error, "cannot be read");
                None
            }
        }
    }

    /// The files that were not believed since the last call.
    pub fn untrusted(&self) -> Vec<Untrusted> {
        let mut all = self.untrusted.lock().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<Untrusted> = all.iter().filter(|(_, reported)| !**reported).map(|(why, _)| why.clone()).collect();
        all.values_mut().for_each(|reported| *reported = true);
        new
    }

    /// The names of all modules, sorted.
    pub fn modules(&self) -> Result<Vec<String>> {
        directories(&self.path).map_err(|e| Error::io("read the tree", &self.path, e))
    }

    /// All registered packages, by module and version name.
    pub fn entries(&self) -> Result<Vec<PackageEntry>> {
        let mut out = Vec::new();
        for module in self.modules()? {
            out.extend(self.versions(&module)?);
        }
        Ok(out)
    }

    /// The registered versions of a module.
    pub fn versions(&self, module: &str) -> Result<Vec<PackageEntry>> {
        Ok(self.entries_of(&self.module(module)?, |_| true))
    }

    /// One look at a module's directory. A path that is no directory has no entries.
    pub fn module(&self, name: &str) -> Result<ModuleDirectory> {
        let path = self.path.join(name);
        let mut out = ModuleDirectory { name: name.to_owned(), ..ModuleDirectory::default() };
        let read = visit(&path, |name, is_directory| match (is_directory, name.as_str()) {
            (true, "original_module") => out.has_originals = true,
            (true, _) => out.versions.push(name),
            (false, _) => drop(name.starts_with("kernel-").then(|| out.links.insert(name))),
        });
        match read {
            Err(e) if e.kind() != io::ErrorKind::NotADirectory => return Err(Error::io("read", &path, e)),
            _ => out.versions.sort(),
        }
        Ok(out)
    }

    /// The wanted versions of a module that are registered.
    pub fn entries_of(&self, module: &ModuleDirectory, wanted: impl Fn(&str) -> bool) -> Vec<PackageEntry> {
        let versions = module.versions.iter().filter(|version| wanted(version));
        versions
            .filter_map(|version| {
                let id = PackageId { module: module.name.clone(), version: version.clone() };
                Some(PackageEntry { source: self.source(&id)?, id })
            })
            .collect()
    }

    /// Whether a version that is built is the one that the kernel's link names.
    pub fn is_active(&self, module: &ModuleDirectory, id: &PackageId, target: &Target) -> bool {
        let link = link_name(target);
        module.links.contains(&link)
            && std::fs::read_link(self.path.join(&module.name).join(link))
                .is_ok_and(|leads_to| version_named(&leads_to).is_some_and(|version| version == id.version.as_str()))
    }

    /// A registered package; `None` when it is not in the tree.
    pub fn entry(&self, id: &PackageId) -> Option<PackageEntry> {
        if !inside::is_dir(&self.real(&id.version_dir())) {
            return None;
        }
        Some(PackageEntry { id: id.clone(), source: self.source(id)? })
    }

    /// `None` for a directory that is no package: neither a source nor a
    /// registered one that could be found again.
    fn source(&self, id: &PackageId) -> Option<SourceState> {
        let link = self.real(&id.source_link());
        match std::fs::read_link(&link) {
            Ok(leads_to) => Some(self.follow(&link, &leads_to).map_or(SourceState::Broken, SourceState::Present)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                inside::is_dir(&self.real(&id.source_dir())).then_some(SourceState::Broken)
            }
            Err(_) => Some(if inside::is_dir(&link) { SourceState::Present(link) } else { SourceState::Broken }),
        }
    }

    /// Where a `source` link leads: absolute links are the target system's.
    fn follow(&self, link: &Path, leads_to: &Path) -> Option<PathBuf> {
        let root = self.roots.get(Root::System).unwrap_or(Path::new("/"));
        if root == Path::new("/") && leads_to.is_absolute() {
            return leads_to.is_dir().then(|| leads_to.to_path_buf());
        }
        let inside = link.strip_prefix(root).ok()?;
        modsmith_facts::resolve_in_root(root, inside).ok().filter(|path| path.is_dir())
    }

    /// The kernels that a package is built for, by kernel and architecture name.
    pub fn targets(&self, id: &PackageId) -> Vec<Target> {
        let base = self.real(&id.version_dir());
        let mut out = Vec::new();
        for kernel in directories(&base).unwrap_or_default() {
            if SOURCES.contains(&kernel.as_str()) {
                continue;
            }
            for arch in directories(&base.join(&kernel)).unwrap_or_default() {
                if inside::is_dir(&base.join(&kernel).join(&arch).join("module")) {
                    out.push(Target { kernel: kernel.clone(), arch });
                }
            }
        }
        out
    }

    pub fn is_built(&self, id: &PackageId, target: &Target) -> bool {
        inside::is_dir(&self.real(&id.products_dir(target)))
    }

    /// Built, and the version that the kernel's link names.
    pub fn is_installed(&self, id: &PackageId, target: &Target) -> bool {
        self.is_built(id, target) && self.active_version(&id.module, target).as_deref() == Some(id.version.as_str())
    }

    /// The version of a module that is installed for a kernel.
    pub fn active_version(&self, module: &str, target: &Target) -> Option<String> {
        let leads_to = std::fs::read_link(self.path.join(module).join(link_name(target))).ok()?;
        let version = version_named(&leads_to)?.to_string_lossy().into_owned();
        let directory = self.path.join(module).join(&version).join(&target.kernel).join(&target.arch);
        inside::is_dir(&directory).then_some(version)
    }

    /// Whether any version of a module is installed for another kernel.
    pub fn is_active_elsewhere(&self, module: &str, target: &Target) -> Result<bool> {
        let own = link_name(target);
        let module = self.module(module)?;
        // The link may be left where the module is gone, so its target is checked.
        let leads = |link: &String| inside::is_dir(&self.path.join(&module.name).join(link));
        Ok(module.links.iter().any(|link| *link != own && leads(link)))
    }

    /// The kernels that a module is installed for, of those that a version is
    /// built for.
    pub fn active_targets(&self, module: &ModuleDirectory, id: &PackageId) -> Vec<Target> {
        let mut targets = self.targets(id);
        targets.retain(|target| self.is_active(module, id, target));
        targets
    }

    /// Directories of a version, but for its source, its build directory, and the results of
    /// package formats: names, sorted. Each is a kernel's, or no part of the tree's layout.
    pub fn other_directories(&self, id: &PackageId) -> Vec<String> {
        let base = self.real(&id.version_dir());
        let mut names = directories(&base).unwrap_or_default();
        let is_results = |name: &String| RESULTS.contains(&name.as_str()) || holds_results(&base.join(name));
        names.retain(|name| !SOURCES.contains(&name.as_str()) && !is_results(name));
        names
    }

    /// Module files built for a kernel: file names, sorted.
    pub fn products(&self, id: &PackageId, target: &Target) -> Vec<String> {
        let files = Files::new(self.roots.clone());
        files
            .entries(&id.products_dir(target))
            .unwrap_or_default()
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .filter(|name| modsmith_facts::kernel::module_stem(name).is_some())
            .collect()
    }

    /// Whether originals were put aside when the module was installed.
    pub fn has_originals(&self, id: &PackageId, target: &Target) -> bool {
        inside::is_dir(&self.real(&id.originals_dir(target)))
    }
}

/// Whether a directory of a version is a package format's: it has files, where a
/// kernel's has a directory for each architecture.
fn holds_results(path: &Path) -> bool {
    let (mut files, mut directories) = (false, false);
    let read = visit(path, |_, is_directory| if is_directory { directories = true } else { files = true });
    read.is_ok() && files && !directories
}

/// The name of the link that says which version is installed.
fn link_name(target: &Target) -> String {
    format!("kernel-{}-{}", target.kernel, target.arch)
}

/// The version in `v/k/a`, whether relative or absolute.
fn version_named(leads_to: &Path) -> Option<&std::ffi::OsStr> {
    leads_to.iter().rev().nth(2)
}

/// Names of the directories directly below one, sorted as a shell sorts them,
/// without hidden ones.
/// A directory that is missing has none; one that is a file is an error.
pub(super) fn directories(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    visit(path, |name, is_directory| names.extend(is_directory.then_some(name)))?;
    // As a shell sorts `*/`, which is what status lines have always been sorted
    // by: `a-b` and `a.b` before `a`.
    names.sort_by(|a, b| a.bytes().chain([b'/']).cmp(b.bytes().chain([b'/'])));
    Ok(names)
}

/// Names directly below a directory but hidden ones, with whether each is a
/// directory itself.
fn visit(path: &Path, mut each: impl FnMut(String, bool)) -> io::Result<()> {
    let directory = match inside::open_directory(path, OFlags::RDONLY) {
        Ok(directory) => directory,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    // Large trees have thousands of small directories: nothing is allocated for
    // each of them.
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(&directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_bytes().starts_with(b".") {
            continue;
        }
        // Known from the listing, on most file systems.
        let is_directory = match entry.file_type() {
            FileType::Unknown => {
                let stat = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode).is_dir()
            }
            known => known.is_dir(),
        };
        each(name.to_string_lossy().into_owned(), is_directory);
    }
    Ok(())
}

/// The error for a package that the tree does not have.
pub fn not_in_tree(tree: &Tree, id: &PackageId) -> Error {
    let mut error = Error::new(Kind::NotInTree, format!("{id} is not in the tree {}.", tree.path().display()));
    let known: Vec<String> = tree.versions(&id.module).unwrap_or_default().into_iter().map(|e| e.id.version).collect();
    error = if known.is_empty() {
        error.hint(format!("`dkms status` lists the packages in the tree; `dkms add {id}` adds this one."))
    } else {
        error.hint(format!("Versions of {} in the tree: {}.", id.module, known.join(", ")))
    };
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_but_for_source_build_and_formats_are_other_ones() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::new(&Roots::default().with(Root::Tree, dir.path()));
        let id = PackageId::new("m", "1").unwrap();
        let version = dir.path().join("m/1");
        let kernels = ["6.1/x86_64/module", "6.2/x86_64/log", "6.3/.tmp_x86_64_1", "6.4"];
        // A result directory of dkms that is empty holds results all the same.
        for name in ["source", "build", "tarball", "rpm", "deb", "sysext"].into_iter().chain(kernels) {
            std::fs::create_dir_all(version.join(name)).unwrap();
        }
        std::fs::write(version.join("sysext/m-1.raw"), "").unwrap();
        assert_eq!(tree.other_directories(&id), ["6.1", "6.2", "6.3", "6.4"]);
        let built = Target { kernel: "6.1".to_owned(), arch: "x86_64".to_owned() };
        assert_eq!(tree.targets(&id), [built]);
    }
}
