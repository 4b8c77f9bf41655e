//! Files that are kept from a plugin under every name: keys, denied places, and the host's own files.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::refusal;
use super::super::secrets::{Secrets, Why};
use super::Reach;
use crate::pattern::format_location;
use modsmith_facts::{Found, Identity, Location, Root};
use modsmith_plan::{HIDDEN, PRIVATE_DIR};

/// Below the private directory of a tree: where modules are built, which signers
/// may be granted. The rest is the host's alone.
const BUILDS: &str = "builds";

impl Reach {
    pub(super) fn is_key(&self, names: &[Location]) -> bool {
        names.iter().any(|location| self.grant.is_key(location))
    }

    /// Whether what was found is a key, by its names or as the same file.
    pub(super) fn leads_to_key(&self, found: &Found) -> bool {
        self.is_key(&found.names) || self.secret(found) == Some(Why::Key)
    }

    /// Whether neither key, policy nor host keeps it from being read.
    pub(super) fn is_open(&self, found: &Found, location: &Location) -> Result<(), String> {
        if self.leads_to_key(found) {
            return Err(refusal::is_a_key(&self.grant.plugin, location));
        }
        self.is_not_denied(found, location)
    }

    pub(super) fn is_not_denied(&self, found: &Found, location: &Location) -> Result<(), String> {
        if found.names.iter().any(is_private) {
            return Err(self.private(location));
        }
        // A file that is private to the call has no other name.
        let denied =
            found.names.iter().find_map(|location| self.grant.denials.denies_path(location).map(str::to_owned));
        match (denied, self.secret(found)) {
            (Some(file), _) | (None, Some(Why::Denied(file))) => {
                Err(refusal::is_denied(&self.grant.plugin, location, &file))
            }
            _ => Ok(()),
        }
    }

    /// Why what was found, or a directory that it is in, is kept.
    pub(super) fn secret(&self, found: &Found) -> Option<Why> {
        let secrets = self.secrets()?;
        let own = found.identity().ok().flatten();
        let own = own.and_then(|identity| secrets.find(identity, found.links(), found.is_directory()));
        own.or_else(|| found.above().iter().find_map(|above| secrets.find(*above, 1, true))).cloned()
    }

    /// `None` where nothing is kept: nothing has to be looked for.
    pub(super) fn secrets(&self) -> Option<&Secrets> {
        let kept = self.grant.keeps_anything();
        kept.then(|| self.secrets.get_or_init(|| Secrets::of(&self.grant, &self.places)))
    }

    /// Refuses a directory with a key, a denied place, or the host's own files
    /// somewhere in it.
    pub(super) fn holds_no_secret(&self, found: &Found, location: &Location) -> Result<(), String> {
        if is_staging(&found.names) {
            return Ok(());
        }
        if let Ok(tree) = self.places.real_root(Root::Tree) {
            let private = tree.join(PRIVATE_DIR);
            if private.starts_with(&found.path) && private.symlink_metadata().is_ok() {
                return Err(self.private(location));
            }
        }
        let Some(secrets) = self.secrets() else { return Ok(()) };
        if let Some((inside, why)) = secrets.first_below(&found.path) {
            return Err(self.holds(location, inside, why));
        }
        // Files that the kernel makes have no second names.
        if found.names.iter().any(|name| name.root.is_of_kernel()) {
            return Ok(());
        }
        for entry in walkdir::WalkDir::new(&found.path) {
            let entry = entry.map_err(|e| self.unclear(location, &e.into()))?;
            let metadata = entry.metadata().map_err(|e| self.unclear(location, &e.into()))?;
            let (identity, links) = ((metadata.dev(), metadata.ino()), metadata.nlink());
            let names = self.places.names(entry.path());
            if let Some(why) = self.kept(&names, identity, links, metadata.is_dir()) {
                return Err(self.holds(location, entry.path(), &why));
            }
        }
        Ok(())
    }

    pub(super) fn kept(&self, names: &[Location], identity: Identity, links: u64, is_directory: bool) -> Option<Why> {
        let secrets = self.secrets()?;
        if self.is_key(names) {
            return Some(Why::Key);
        }
        let denied = names.iter().find_map(|location| self.grant.denials.denies_path(location));
        denied.map(|file| Why::Denied(file.to_owned())).or_else(|| secrets.find(identity, links, is_directory).cloned())
    }

    fn holds(&self, location: &Location, inside: &Path, why: &Why) -> String {
        let reason = match why {
            Why::Key => "is a key that it may sign with, and stays with the host; report this to its author".to_owned(),
            Why::Denied(file) => format!("is denied by {file}; change that policy to allow it"),
        };
        format!(
            "plugin `{}` may not touch `{}`: {} in it {reason}",
            self.grant.plugin,
            format_location(location),
            inside.display()
        )
    }

    pub(super) fn private(&self, location: &Location) -> String {
        format!(
            "plugin `{}` may not touch `{}`: it is or holds what the host keeps for itself; report this to its author",
            self.grant.plugin,
            format_location(location)
        )
    }
}

pub(super) fn is_staging(names: &[Location]) -> bool {
    names.iter().any(|location| location.root == Root::Staging)
}

/// Whether a location is the host's own: files that it puts aside, and its directory in a tree,
/// without the builds there. Staging directories belong to their call.
pub(super) fn is_private(location: &Location) -> bool {
    let mut parts = location.relative().iter();
    if parts.clone().any(|part| part.as_encoded_bytes().starts_with(HIDDEN.as_bytes())) {
        return true;
    }
    location.root == Root::Tree
        && parts.next().is_some_and(|part| part == PRIVATE_DIR)
        && parts.next().is_some_and(|part| part != BUILDS)
}
