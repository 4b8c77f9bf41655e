//! What a step does to files while it is carried out, compared with the grant.

use std::path::Path;

use modsmith_facts::{Last, Location};
use modsmith_plan::{Entry, PRIVATE_DIR, Source, Watch};

use super::super::secrets::Why;
use super::{Reach, is_private};

impl Watch for Reach {
    fn source(&self, at: &Location, using: Source) -> Result<Location, String> {
        let found = match using {
            Source::Contents => self.readable(at, Last::Follow)?,
            Source::Entry => self.readable(at, Last::Keep)?,
            Source::Key => self.signing_key(at)?,
        };
        if !found.through_link {
            return Ok(at.clone());
        }
        // Its place below the innermost root, with no link in between.
        let depth = |at: &&Location| {
            let real = self.places.real_root(at.root).ok().map(|root| root.join(at.relative()));
            (real.as_ref() == Some(&found.path)).then(|| std::cmp::Reverse(at.relative().iter().count()))
        };
        let inner = found.names.iter().filter(|at| depth(at).is_some()).max_by_key(depth);
        inner.cloned().ok_or_else(|| self.leads_out(at, &found))
    }

    fn reads(&self, at: &Location, found: &Entry) -> Result<(), String> {
        if self.secrets().is_none() && !mentions_host(at) {
            return Ok(());
        }
        let names = self.places.names_of(at);
        if names.iter().any(is_private) {
            return Err(self.private(at));
        }
        match self.kept(&names, (found.device, found.inode), found.links, found.is_directory) {
            None => Ok(()),
            Some(Why::Key) => Err(self.grant.is_a_key(at)),
            Some(Why::Denied(file)) => Err(self.grant.is_denied(at, &file)),
        }
    }

    fn writes(&self, at: &Location) -> Result<(), String> {
        if self.grant.denials.roots().next().is_none() && !mentions_host(at) {
            return Ok(());
        }
        let names = self.places.names_of(at);
        if names.iter().any(is_private) {
            return Err(self.private(at));
        }
        match names.iter().find_map(|at| self.grant.denials.denies_path(at)) {
            None => Ok(()),
            Some(file) => Err(self.grant.is_denied(at, file)),
        }
    }

    fn links(&self, at: &Location, target: &Path) -> Result<(), String> {
        self.may_lead(at, target)
    }
}

/// Whether a name may be one of the host's own, under some root.
fn mentions_host(at: &Location) -> bool {
    at.relative().iter().any(|part| part.as_encoded_bytes().starts_with(PRIVATE_DIR.as_bytes()))
}
