//! Files that a plugin may not read under any name: keys, and paths that the policy
//! of this machine denies.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Grant;
use crate::pattern::PathPattern;
use modsmith_facts::{Identity, Last, Location, Places};

/// Why something is kept from a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// A key to sign with.
    Key,
    /// The policy file that denies it.
    Denied(String),
}

/// The files that the patterns match now, by device and inode.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    known: BTreeMap<Identity, Why>,
    /// Where these are, without links.
    places: Vec<(PathBuf, Why)>,
    /// Denied directories, and the policy file of each.
    directories: Vec<(PathBuf, Why)>,
}

impl Secrets {
    pub(super) fn of(grant: &Grant, places: &Places) -> Self {
        let mut secrets = Self::default();
        for at in grant.named.keys() {
            secrets.add(at, &Why::Key, places);
        }
        for pattern in &grant.sign {
            secrets.add_all(pattern, &Why::Key, places);
        }
        for (file, pattern) in grant.denials.roots() {
            secrets.add_all(pattern, &Why::Denied(file.to_owned()), places);
        }
        secrets
    }

    /// Why a file or directory of this identity is kept. `links`: how many names
    /// a file has; one that has others may be below a denied directory too.
    pub(super) fn find(&self, identity: Identity, links: u64, is_directory: bool) -> Option<&Why> {
        if let Some(why) = self.known.get(&identity) {
            return Some(why);
        }
        if is_directory || links < 2 {
            return None;
        }
        self.directories.iter().find(|(directory, _)| holds(directory, identity)).map(|(_, why)| why)
    }

    /// A secret that is in a directory, or is the directory.
    pub(super) fn first_below(&self, directory: &Path) -> Option<(&Path, &Why)> {
        let inside = self.places.iter().find(|(path, _)| path.starts_with(directory));
        inside.map(|(path, why)| (path.as_path(), why))
    }

    fn add_all(&mut self, pattern: &PathPattern, why: &Why, places: &Places) {
        matches(pattern, places).iter().for_each(|at| self.add(at, why, places));
    }

    fn add(&mut self, at: &Location, why: &Why, places: &Places) {
        // The name itself, and what it leads to.
        for last in [Last::Keep, Last::Follow] {
            let Ok(found) = places.find(at, last) else { continue };
            let Ok(Some(identity)) = found.identity() else { continue };
            self.places.push((found.path.clone(), why.clone()));
            // Files that the kernel makes have no second names elsewhere.
            if found.is_directory() && !at.root.is_of_kernel() {
                self.directories.push((found.path.clone(), why.clone()));
            }
            self.known.entry(identity).or_insert_with(|| why.clone());
        }
    }
}

/// Whether a file is below a directory.
fn holds(directory: &Path, identity: Identity) -> bool {
    let entries = walkdir::WalkDir::new(directory).into_iter().filter_map(Result::ok);
    entries.filter_map(|entry| entry.metadata().ok()).any(|found| (found.dev(), found.ino()) == identity)
}

/// The locations that a pattern matches, not those below them.
fn matches(pattern: &PathPattern, places: &Places) -> Vec<Location> {
    let Ok(top) = Location::new(pattern.root(), "") else { return Vec::new() };
    let mut found = Vec::new();
    let mut ahead = vec![top];
    while let Some(at) = ahead.pop() {
        if pattern.covers(&at) {
            found.push(at);
        } else if let Some(name) = pattern.next_plain_name(&at) {
            ahead.extend(at.join(name).ok());
        } else if pattern.may_hold(&at) {
            let Ok(directory) = places.find(&at, Last::Follow) else { continue };
            let entries = std::fs::read_dir(&directory.path).into_iter().flatten().filter_map(Result::ok);
            ahead.extend(
                entries
                    .filter_map(|entry| at.join(entry.file_name()).ok())
                    .filter(|at| pattern.covers(at) || (pattern.may_hold(at) && is_directory(places, at))),
            );
        }
    }
    found
}

/// Links to directories count for patterns of plain depth; below `**` the walk
/// would not end.
fn is_directory(places: &Places, at: &Location) -> bool {
    places.find(at, Last::Keep).is_ok_and(|found| found.is_directory())
}
