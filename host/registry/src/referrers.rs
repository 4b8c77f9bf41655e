//! Artefacts that refer to a manifest: signatures, statements, lists of parts.
//!
//! Source: "Listing Referrers" and "Referrers Tag Schema" of distribution-spec 1.1.1.
//! Registries without that API keep a list below a tag, which each client maintains; two
//! clients that write at the same time may lose an entry, so that a subject should have
//! one writer. The types of entries in a list are not always right: a search for a type opens the
//! manifests.

use crate::client::{Client, Pushed};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::manifest::{Descriptor, Index, MOST_REFERRERS, Manifest};
use crate::reference::Repository;

/// The tag of the list of a manifest's referrers.
pub fn referrers_tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

impl Client {
    /// The manifests of all types that refer to this one.
    ///
    /// # Errors
    /// `Malformed`, `TooLarge`, and those of every request. None at all is no error.
    pub fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>> {
        let what = format!("what refers to {subject}");
        let address = self.address(repository, &format!("referrers/{subject}"));
        let mut found = match self.pages(address, repository, &what, self.settings().largest_manifest) {
            Ok(pages) => {
                let mut found = Vec::new();
                for page in pages {
                    let index: Index =
                        serde_json::from_slice(&page).map_err(|e| self.malformed(repository, &what, &e))?;
                    found.extend(index.manifests);
                }
                found
            }
            // Some registries refuse what they do not know with other numbers.
            Err(Error::NotFound { .. } | Error::Refused { status: 400 | 405 | 501, .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        // A registry may have got the API after its clients wrote their lists.
        for listed in self.listed(repository, subject)?.manifests {
            if !found.iter().any(|known| known.digest == listed.digest) {
                found.push(listed);
            }
        }
        found.truncate(MOST_REFERRERS);
        Ok(found)
    }

    /// Puts a manifest with a subject where those who look for referrers find it.
    ///
    /// # Errors
    /// The errors of [`Client::push_manifest`] and [`Client::referrers`].
    pub fn push_referrer(&self, repository: &Repository, manifest: &Manifest) -> Result<Pushed> {
        let raw = manifest.to_raw();
        let pushed = self.push_manifest(&repository.with_digest(&raw.digest), &raw)?;
        if let Some(subject) = manifest.subject.as_ref().filter(|_| !pushed.knows_subject) {
            self.list(repository, &subject.digest, manifest)?;
        }
        Ok(pushed)
    }

    fn listed(&self, repository: &Repository, subject: &Digest) -> Result<Index> {
        match self.manifest(&repository.tagged(&referrers_tag(subject))?) {
            Ok(raw) => Ok(raw.index().unwrap_or_else(|_| Index::new(Vec::new()))),
            Err(error) if error.is_not_found() => Ok(Index::new(Vec::new())),
            Err(error) => Err(error),
        }
    }

    fn list(&self, repository: &Repository, subject: &Digest, manifest: &Manifest) -> Result<()> {
        let mut index = self.listed(repository, subject)?;
        if index.add_referrer(manifest) {
            self.push_manifest(&repository.tagged(&referrers_tag(subject))?, &index.to_raw())?;
        }
        Ok(())
    }
}
