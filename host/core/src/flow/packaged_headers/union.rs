//! Unpacked packages, looked at as if all were below one root directory.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use super::PackageFile;
use crate::error::{Error, Kind, Result};
use modsmith_facts::inside;
use modsmith_facts::kernel::kbuild::source_trees;

/// How many links one path may have, as Linux has it (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// A package and the directory with its files.
pub(super) struct Unpacked {
    pub file: PackageFile,
    pub root: PathBuf,
}

/// All unpacked packages. Paths are relative to the one root directory.
pub(super) struct Union(pub Vec<Unpacked>);

/// What a kernel's headers consist of.
#[derive(Debug, Default)]
pub(super) struct Extent {
    /// Packages, by their number.
    pub packages: BTreeSet<usize>,
    /// Directories, links resolved.
    pub trees: Vec<PathBuf>,
}

/// Where a path leads, and the packages that have it or a link on the way.
struct Place {
    path: PathBuf,
    packages: BTreeSet<usize>,
}

/// A path that a package leads to.
struct Lead {
    package: usize,
    to: PathBuf,
}

impl Union {
    /// What headers consist of: their directory, what its links lead to, and the source that its makefile
    /// goes on in.
    ///
    /// # Errors
    /// Something that no package has.
    pub fn reach(&self, package: usize, headers: &Path) -> Result<Extent> {
        let mut extent = Extent::default();
        let mut todo = vec![Lead { package, to: headers.to_path_buf() }];
        while let Some(lead) = todo.pop() {
            let place = self.resolve(&lead.to).ok_or_else(|| self.missing(&lead))?;
            extent.packages.extend(place.packages);
            if !extent.trees.iter().any(|tree| place.path.starts_with(tree)) {
                todo.extend(self.leads(&place.path));
                extent.trees.push(place.path);
            }
        }
        Ok(extent)
    }

    fn missing(&self, lead: &Lead) -> Error {
        let from = self.0[lead.package].file.path.display();
        Error::new(Kind::Usage, format!("{from} leads to /{}, which none of the packages has.", lead.to.display()))
            .hint("Name the package that has it, too.")
    }

    /// What the entries of a directory lead to.
    fn leads(&self, tree: &Path) -> Vec<Lead> {
        let mut leads = Vec::new();
        for (package, Unpacked { root, .. }) in self.0.iter().enumerate() {
            let directory = root.join(tree);
            let entries = std::fs::read_dir(&directory).into_iter().flatten().flatten();
            let targets = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
            leads.extend(targets.map(|target| Lead { package, to: plain(tree, &target) }));
            let makefile = directory.join("Makefile");
            if makefile.is_symlink() {
                continue;
            }
            if let Ok(text) = inside::read_configuration_text(&makefile) {
                leads.extend(source_trees(&text).iter().map(|named| Lead { package, to: plain(tree, named) }));
            }
        }
        leads
    }

    /// Follows a path through all packages.
    fn resolve(&self, path: &Path) -> Option<Place> {
        let mut todo: VecDeque<OsString> = names(path).collect();
        let (mut here, mut packages, mut links) = (PathBuf::new(), BTreeSet::new(), 0);
        while let Some(name) = todo.pop_front() {
            if name == ".." {
                here.pop();
                continue;
            }
            let next = here.join(name);
            let link = self
                .having(&next)
                .find_map(|package| Some((package, std::fs::read_link(self.0[package].root.join(&next)).ok()?)));
            match link {
                Some((package, target)) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return None;
                    }
                    packages.insert(package);
                    if target.is_absolute() {
                        here = PathBuf::new();
                    }
                    names(&target).rev().for_each(|name| todo.push_front(name));
                }
                None if self.having(&next).next().is_some() => here = next,
                None => return None,
            }
        }
        packages.extend(self.having(&here));
        Some(Place { path: here, packages })
    }

    /// The packages that have a path.
    fn having<'u>(&'u self, path: &'u Path) -> impl Iterator<Item = usize> + 'u {
        let has = move |(_, package): &(usize, &Unpacked)| package.root.join(path).symlink_metadata().is_ok();
        self.0.iter().enumerate().filter(has).map(|(index, _)| index)
    }
}

/// Names of a path, with `..`.
fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

/// The path that something in a directory names, relative to the root directory.
fn plain(directory: &Path, named: &Path) -> PathBuf {
    let mut path = if named.is_absolute() { PathBuf::new() } else { directory.to_path_buf() };
    for name in names(named) {
        if name == ".." {
            path.pop();
        } else {
            path.push(name);
        }
    }
    path
}
