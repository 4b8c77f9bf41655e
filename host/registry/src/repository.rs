//! A repository of a registry as a [`Shelf`].

use std::borrow::Borrow;
use std::io::Write;

use crate::client::Client;
use crate::digest::Digest;
use crate::error::Result;
use crate::manifest::{Descriptor, Manifest, RawManifest};
use crate::push::Sending;
use crate::reference::Repository;
use crate::shelf::Shelf;
use crate::transport::Content;

/// The shelf of one repository. `C` is a [`Client`], or a reference to one.
pub struct OfRegistry<C> {
    client: C,
    repository: Repository,
}

impl<C: Borrow<Client>> OfRegistry<C> {
    pub fn new(client: C, repository: Repository) -> Self {
        Self { client, repository }
    }

    fn client(&self) -> &Client {
        self.client.borrow()
    }
}

impl<C: Borrow<Client>> Shelf for OfRegistry<C> {
    fn name(&self) -> String {
        self.repository.to_string()
    }

    fn tagged(&self, tag: &str) -> Result<RawManifest> {
        self.client().manifest(&self.repository.tagged(tag)?)
    }

    fn tags(&self) -> Result<Vec<String>> {
        match self.client().tags(&self.repository) {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            tags => tags,
        }
    }

    fn by_digest(&self, digest: &Digest) -> Result<RawManifest> {
        self.client().manifest(&self.repository.with_digest(digest))
    }

    fn blob(&self, descriptor: &Descriptor, limit: u64, sink: &mut dyn Write) -> Result<()> {
        self.client().pull_blob(&self.repository, descriptor, limit, sink)
    }

    fn put_blob(&self, descriptor: &Descriptor, content: &dyn Content) -> Result<()> {
        self.client().push_blob(&self.repository, descriptor, content, Sending::Whole, None)
    }

    fn put_manifest(&self, tag: Option<&str>, raw: &RawManifest) -> Result<()> {
        let reference = match tag {
            Some(tag) => self.repository.tagged(tag)?,
            None => self.repository.with_digest(&raw.digest),
        };
        self.client().push_manifest(&reference, raw).map(drop)
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.client().referrers(&self.repository, subject)
    }

    fn put_referrer(&self, manifest: &Manifest) -> Result<()> {
        self.client().push_referrer(&self.repository, manifest).map(drop)
    }
}
