//! Compares the files that a step uses while it is carried out with the grant.

use std::path::Path;

use modsmith_facts::{Last, Location};
use modsmith_plan::{Inode, PRIVATE_DIR, Source, Watch};

use super::super::refusal;
use super::super::secrets::Why;
use super::Reach;
use super::secrecy::is_private;

impl Watch for Reach {
    fn source(&self, location: &Location, using: Source) -> Result<Location, String> {
        let found = match using {
            Source::Contents => self.readable(location, Last::Follow)?,
            Source::Entry => self.readable(location, Last::Keep)?,
            Source::Key => self.signing_key(location)?,
        };
        if !found.through_link {
            return Ok(location.clone());
        }
        // The file's place below the innermost root, with no link in between.
        let depth = |location: &&Location| {
            let real = self.places.real_root(location.root).ok().map(|root| root.join(location.relative()));
            (real.as_ref() == Some(&found.path)).then(|| std::cmp::Reverse(location.relative().iter().count()))
        };
        let inner = found.names.iter().filter(|location| depth(location).is_some()).max_by_key(depth);
        inner.cloned().ok_or_else(|| self.leads_out(location, &found))
    }

    fn reads(&self, location: &Location, found: &Inode) -> Result<(), String> {
        if self.secrets().is_none() && !mentions_host(location) {
            return Ok(());
        }
        let names = self.places.names_of(location);
        if names.iter().any(is_private) {
            return Err(self.private(location));
        }
        match self.kept(&names, (found.device, found.inode), found.links, found.is_directory) {
            None => Ok(()),
            Some(Why::Key) => Err(refusal::is_a_key(&self.grant.plugin, location)),
            Some(Why::Denied(file)) => Err(refusal::is_denied(&self.grant.plugin, location, &file)),
        }
    }

    fn writes(&self, location: &Location) -> Result<(), String> {
        if self.grant.denials.roots().next().is_none() && !mentions_host(location) {
            return Ok(());
        }
        let names = self.places.names_of(location);
        if names.iter().any(is_private) {
            return Err(self.private(location));
        }
        match names.iter().find_map(|location| self.grant.denials.denies_path(location)) {
            None => Ok(()),
            Some(file) => Err(refusal::is_denied(&self.grant.plugin, location, file)),
        }
    }

    fn links(&self, location: &Location, target: &Path) -> Result<(), String> {
        self.may_lead(location, target)
    }
}

/// Whether a name may be one of the host's own, under some root.
fn mentions_host(location: &Location) -> bool {
    location.relative().iter().any(|part| part.as_encoded_bytes().starts_with(PRIVATE_DIR.as_bytes()))
}
