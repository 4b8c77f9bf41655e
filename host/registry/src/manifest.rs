//! Manifests and indexes: what an artefact consists of.
//!
//! Source: manifest.md, image-index.md and descriptor.md of image-spec 1.1.1. The bytes
//! of a manifest are its identity, so they are kept as they came ([`RawManifest`]) and
//! never written again from what was understood of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media types of older clients.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The type of a configuration that says nothing: the two bytes `{}`.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub const EMPTY_CONTENT: &[u8] = b"{}";
/// The largest number of entries of a list of referrers that are read.
pub(crate) const MOST_REFERRERS: usize = 1024;

pub type Annotations = BTreeMap<String, String>;

/// Names content by type, digest and size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
}

impl Descriptor {
    /// The descriptor of these bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            artifact_type: None,
            annotations: Annotations::new(),
        }
    }

    pub fn annotated(mut self, key: &str, value: impl Into<String>) -> Self {
        self.annotations.insert(key.to_owned(), value.into());
        self
    }
}

/// The manifest of an artefact or image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    /// The artefact that this one refers to, such as the one that it signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
}

impl Manifest {
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(MANIFEST.to_owned()),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: Annotations::new(),
        }
    }

    /// The bytes to push.
    pub fn to_raw(&self) -> RawManifest {
        RawManifest::of(MANIFEST, self)
    }
}

/// A list of manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
}

impl Index {
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self { schema_version: 2, media_type: Some(INDEX.to_owned()), manifests }
    }

    /// Lists a manifest that refers to the subject of this list. `false`: it is there.
    ///
    /// Source: "Referrers Tag Schema" of distribution-spec 1.1.1.
    pub fn add_referrer(&mut self, manifest: &Manifest) -> bool {
        let raw = manifest.to_raw();
        if self.manifests.iter().any(|known| known.digest == raw.digest) {
            return false;
        }
        let artifact_type = manifest.artifact_type.clone().unwrap_or_else(|| manifest.config.media_type.clone());
        let annotations = manifest.annotations.clone();
        self.manifests.push(Descriptor { artifact_type: Some(artifact_type), annotations, ..raw.descriptor() });
        true
    }

    /// The bytes to push.
    pub fn to_raw(&self) -> RawManifest {
        RawManifest::of(INDEX, self)
    }
}

/// A manifest or index as its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawManifest {
    pub media_type: String,
    pub bytes: Vec<u8>,
    pub digest: Digest,
}

impl RawManifest {
    pub fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        Self { media_type: media_type.to_owned(), digest: Digest::of(&bytes), bytes }
    }

    fn of(media_type: &str, document: &impl Serialize) -> Self {
        // Maps of text and numbers: there is nothing that JSON cannot express.
        Self::new(media_type, serde_json::to_vec(document).unwrap_or_default())
    }

    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.media_type.clone(),
            digest: self.digest.clone(),
            size: self.bytes.len() as u64,
            artifact_type: None,
            annotations: Annotations::new(),
        }
    }

    /// Reads the bytes as the manifest of one artefact.
    ///
    /// # Errors
    /// A clause that says why it is none.
    pub fn manifest(&self) -> Result<Manifest, String> {
        if matches!(self.media_type.as_str(), INDEX | DOCKER_INDEX) {
            return Err("it is a list of several manifests".to_owned());
        }
        let manifest: Manifest = serde_json::from_slice(&self.bytes).map_err(|e| format!("its manifest: {e}"))?;
        match manifest.schema_version {
            2 => Ok(manifest),
            other => Err(format!("its manifest has the schema version {other} instead of 2")),
        }
    }

    /// Reads the bytes as a list of manifests.
    ///
    /// # Errors
    /// A clause that says why it is none.
    pub fn index(&self) -> Result<Index, String> {
        if !matches!(self.media_type.as_str(), INDEX | DOCKER_INDEX) {
            return Err("it is not a list of manifests".to_owned());
        }
        serde_json::from_slice(&self.bytes).map_err(|e| format!("its index: {e}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let layer = Descriptor::of("text/plain", b"x").annotated("org.opencontainers.image.title", "x.txt");
        let mut manifest = Manifest::new(Descriptor::of(EMPTY, EMPTY_CONTENT), vec![layer]);
        manifest.artifact_type = Some("application/vnd.example".into());
        let raw = manifest.to_raw();
        assert_eq!(raw.manifest().unwrap(), manifest);
        assert_eq!((raw.descriptor().digest, raw.descriptor().size), (Digest::of(&raw.bytes), raw.bytes.len() as u64));
        let text = String::from_utf8(raw.bytes.clone()).unwrap();
        assert!(
            text.starts_with("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\""),
            "{text}"
        );
        assert!(!text.contains("subject") && !text.contains("null"), "{text}");
        assert!(raw.index().is_err());
    }

    #[test]
    fn an_index_is_not_taken_for_a_manifest_nor_an_unknown_schema() {
        let index = Index::new(vec![Descriptor::of(MANIFEST, b"{}")]).to_raw();
        assert_eq!(index.index().unwrap().manifests.len(), 1);
        assert!(index.manifest().unwrap_err().contains("several manifests"));
        let old = Manifest { schema_version: 1, ..Manifest::new(Descriptor::of(EMPTY, b"{}"), vec![]) };
        assert!(old.to_raw().manifest().unwrap_err().contains("schema version 1"));
        let negative = br#"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:1","size":-1},"layers":[]}"#;
        assert!(RawManifest::new(MANIFEST, negative.to_vec()).manifest().is_err());
    }
}
