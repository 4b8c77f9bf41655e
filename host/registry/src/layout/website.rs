//! A layout as static files over HTTPS.

use std::io::Write;
use std::sync::OnceLock;

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::fetch::fetch;
use crate::layout::files::{self, Files};
use crate::manifest::{Descriptor, Index, RawManifest};
use crate::settings::Settings;
use crate::shelf::Shelf;
use crate::transport::Content;

/// A layout below an address. It is only read, and its index is read once.
pub struct Website {
    at: Address,
    index: OnceLock<Index>,
}

struct Address {
    address: String,
    settings: Settings,
}

impl Website {
    /// `address` is that of the directory with `index.json`.
    pub fn new(settings: Settings, address: &str) -> Self {
        let at = Address { address: address.trim_end_matches('/').to_owned(), settings };
        Self { at, index: OnceLock::new() }
    }

    fn index(&self) -> Result<&Index> {
        match self.index.get() {
            Some(index) => Ok(index),
            None => files::index(&self.at).map(|index| self.index.get_or_init(|| index)),
        }
    }

    fn read_only(&self) -> Error {
        Error::ReadOnly { host: self.at.address.clone() }
    }
}

impl Files for Address {
    fn place(&self) -> String {
        self.address.clone()
    }

    fn copy(&self, path: &str, limit: u64, sink: &mut dyn Write) -> Result<()> {
        fetch(&self.settings, &format!("{}/{path}", self.address), limit, sink).map(drop)
    }
}

impl Shelf for Website {
    fn name(&self) -> String {
        self.at.place()
    }

    fn tagged(&self, tag: &str) -> Result<RawManifest> {
        files::tagged(&self.at, self.index()?, tag)
    }

    fn tags(&self) -> Result<Vec<String>> {
        Ok(files::tags(self.index()?))
    }

    fn by_digest(&self, digest: &Digest) -> Result<RawManifest> {
        files::by_digest(&self.at, digest)
    }

    fn blob(&self, descriptor: &Descriptor, limit: u64, sink: &mut dyn Write) -> Result<()> {
        files::blob(&self.at, descriptor, limit, sink)
    }

    fn put_blob(&self, _: &Descriptor, _: &dyn Content) -> Result<()> {
        Err(self.read_only())
    }

    fn put_manifest(&self, _: Option<&str>, _: &RawManifest) -> Result<()> {
        Err(self.read_only())
    }
}
