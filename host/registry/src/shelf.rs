//! A shelf: a place with manifests, their blobs and their tags.
//!
//! The code that signs and verifies uses a shelf, so that one verification serves a registry, a
//! directory and static files.

use std::io::Write;

use crate::digest::Digest;
use crate::error::Result;
use crate::manifest::{Descriptor, Index, MOST_REFERRERS, Manifest, RawManifest};
use crate::referrers::referrers_tag;
use crate::transport::Content;

/// Manifests, blobs and tags in one place.
pub trait Shelf {
    /// How messages, and signatures, name the place.
    fn name(&self) -> String;

    /// The manifest or index that a tag names.
    ///
    /// # Errors
    /// `NotFound`, and those of reading.
    fn tagged(&self, tag: &str) -> Result<RawManifest>;

    /// All tags, in any order.
    ///
    /// # Errors
    /// The shelf cannot be read. An empty list is no error.
    fn tags(&self) -> Result<Vec<String>>;

    /// The manifest or index of a digest; its bytes have it.
    ///
    /// # Errors
    /// `NotFound`, `WrongDigest`, and those of reading.
    fn by_digest(&self, digest: &Digest) -> Result<RawManifest>;

    /// Writes a blob's bytes to `sink`, which has to throw them away after an error.
    ///
    /// # Errors
    /// `TooLarge`: it is larger than `limit` bytes, or than its descriptor says. `Truncated`,
    /// `WrongDigest`; `Io`: the sink failed.
    fn blob(&self, descriptor: &Descriptor, limit: u64, sink: &mut dyn Write) -> Result<()>;

    /// Keeps a blob, if it is not there.
    ///
    /// # Errors
    /// `ReadOnly`, and those of writing.
    fn put_blob(&self, descriptor: &Descriptor, content: &dyn Content) -> Result<()>;

    /// Keeps a manifest or index, below a tag where one is given.
    ///
    /// # Errors
    /// `ReadOnly`, and those of writing.
    fn put_manifest(&self, tag: Option<&str>, raw: &RawManifest) -> Result<()>;

    /// The manifests of all types that refer to this one.
    ///
    /// # Errors
    /// The shelf cannot be read. An empty list is no error.
    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let mut listed = listed(self, subject)?.manifests;
        listed.truncate(MOST_REFERRERS);
        Ok(listed)
    }

    /// Keeps a manifest with a subject where those who look for referrers find it.
    ///
    /// # Errors
    /// The shelf cannot be read or written.
    fn put_referrer(&self, manifest: &Manifest) -> Result<()> {
        self.put_manifest(None, &manifest.to_raw())?;
        list_referrer(self, manifest)
    }

    /// A blob that fits into memory.
    ///
    /// # Errors
    /// The errors of [`Shelf::blob`].
    fn small_blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.blob(descriptor, limit, &mut bytes)?;
        Ok(bytes)
    }
}

/// The list of referrers below the tag that clients maintain.
///
/// Source: "Referrers Tag Schema" of distribution-spec 1.1.1.
fn listed<S: Shelf + ?Sized>(shelf: &S, subject: &Digest) -> Result<Index> {
    match shelf.tagged(&referrers_tag(subject)) {
        Ok(raw) => Ok(raw.index().unwrap_or_else(|_| Index::new(Vec::new()))),
        Err(error) if error.is_not_found() => Ok(Index::new(Vec::new())),
        Err(error) => Err(error),
    }
}

/// Adds a manifest to the list of its subject.
fn list_referrer<S: Shelf + ?Sized>(shelf: &S, manifest: &Manifest) -> Result<()> {
    let Some(subject) = &manifest.subject else { return Ok(()) };
    let mut index = listed(shelf, &subject.digest)?;
    if index.add_referrer(manifest) {
        shelf.put_manifest(Some(&referrers_tag(&subject.digest)), &index.to_raw())?;
    }
    Ok(())
}
