//! Reading a layout, wherever its files are.

use std::io::Write;

use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::manifest::{Descriptor, INDEX, Index, MANIFEST, RawManifest};

/// The annotation with the tag of a manifest.
pub const TAG: &str = "org.opencontainers.image.ref.name";
pub const INDEX_FILE: &str = "index.json";

/// The largest `index.json`, in bytes: it has room for some hundred thousand builds.
const LARGEST_INDEX: u64 = 64 << 20;
/// The largest manifest, in bytes. Registries have the same limit.
const LARGEST_MANIFEST: u64 = 4 << 20;

/// The files of a layout.
pub trait Files {
    /// How messages name the layout.
    fn place(&self) -> String;

    /// Writes a file of at most `limit` bytes to `sink`. `path` is relative to the layout.
    ///
    /// # Errors
    /// `NotFound`, `TooLarge`, and those of reading.
    fn copy(&self, path: &str, limit: u64, sink: &mut dyn Write) -> Result<()>;
}

/// The path of a blob.
pub fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// The list of manifests; an empty one where there is none.
pub fn index(files: &dyn Files) -> Result<Index> {
    let mut bytes = Vec::new();
    match files.copy(INDEX_FILE, LARGEST_INDEX, &mut bytes) {
        Err(error) if error.is_not_found() => return Ok(Index::new(Vec::new())),
        copied => copied?,
    }
    serde_json::from_slice(&bytes).map_err(|error| Error::Malformed {
        host: files.place(),
        what: INDEX_FILE.to_owned(),
        reason: error.to_string(),
    })
}

/// All tags of an index.
pub fn tags(index: &Index) -> Vec<String> {
    index.manifests.iter().filter_map(|listed| listed.annotations.get(TAG).cloned()).collect()
}

/// The manifest that a tag names. The last one counts, if several have it.
pub fn tagged(files: &dyn Files, index: &Index, tag: &str) -> Result<RawManifest> {
    let named = index.manifests.iter().rev().find(|listed| listed.annotations.get(TAG).is_some_and(|own| own == tag));
    let named = named.ok_or_else(|| Error::NotFound { host: files.place(), what: format!("manifest {tag}") })?;
    Ok(RawManifest { media_type: named.media_type.clone(), ..by_digest(files, &named.digest)? })
}

/// The manifest of a digest.
pub fn by_digest(files: &dyn Files, digest: &Digest) -> Result<RawManifest> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: Option<String>,
        manifests: Option<serde::de::IgnoredAny>,
    }
    let mut bytes = Vec::new();
    files.copy(&blob_path(digest), LARGEST_MANIFEST, &mut bytes)?;
    let typed: Typed = serde_json::from_slice(&bytes).unwrap_or(Typed { media_type: None, manifests: None });
    let presumed = if typed.manifests.is_some() { INDEX } else { MANIFEST };
    let raw = RawManifest::new(typed.media_type.as_deref().unwrap_or(presumed), bytes);
    match raw.digest == *digest {
        true => Ok(raw),
        false => Err(Error::WrongDigest { host: files.place(), what: digest.to_string(), got: raw.digest.to_string() }),
    }
}

/// A blob's bytes, whose size and digest are those of its descriptor.
pub fn blob(files: &dyn Files, descriptor: &Descriptor, limit: u64, sink: &mut dyn Write) -> Result<()> {
    let (host, what) = (files.place(), descriptor.digest.to_string());
    if descriptor.size > limit {
        return Err(Error::TooLarge { host, what, limit });
    }
    let mut checked = Checked { sink, hasher: Hasher::new(), got: 0 };
    files.copy(&blob_path(&descriptor.digest), descriptor.size, &mut checked)?;
    let Checked { hasher, got, .. } = checked;
    if got != descriptor.size {
        return Err(Error::Truncated { host, what, got, expected: descriptor.size });
    }
    match hasher.finish() {
        digest if digest == descriptor.digest => Ok(()),
        digest => Err(Error::WrongDigest { host, what, got: digest.to_string() }),
    }
}

/// A sink that knows what went into it.
struct Checked<'s> {
    sink: &'s mut dyn Write,
    hasher: Hasher,
    /// In bytes.
    got: u64,
}

impl Write for Checked<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.got += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sink.flush()
    }
}
