//! The form that cosign wrote up to version 2, and that podman and skopeo look for: a
//! manifest below the tag `sha256-DIGEST.sig`, with one layer for each signature.
//!
//! Source: SIGNATURE_SPEC.md of cosign; containers-signature(5).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Found, LARGEST_STATEMENT, MOST_OPENED, PublicKey, SigningKey};
use crate::digest::Digest;
use crate::error::Result;
use crate::manifest::{Descriptor, Manifest};
use crate::referrers::referrers_tag;
use crate::shelf::Shelf;

const LAYER: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const KIND: &str = "cosign container image signature";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// The text that is signed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Payload {
    critical: Critical,
    optional: Option<serde_json::Value>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: Digest,
}

/// The configuration that an image has; tools that copy images look at it.
#[derive(Serialize)]
struct Config<'c> {
    architecture: &'c str,
    os: &'c str,
    config: serde_json::Map<String, serde_json::Value>,
    rootfs: RootFs<'c>,
}

#[derive(Serialize)]
struct RootFs<'c> {
    #[serde(rename = "type")]
    kind: &'c str,
    diff_ids: Vec<&'c str>,
}

fn payload(reference: &str, subject: &Digest) -> Vec<u8> {
    let critical = Critical {
        identity: Identity { reference: reference.to_owned() },
        image: Image { digest: subject.clone() },
        kind: KIND.to_owned(),
    };
    // Text alone: there is nothing that JSON cannot express.
    serde_json::to_vec(&Payload { critical, optional: None }).unwrap_or_default()
}

/// Whether signed bytes speak of this manifest. The name in them may be that of a mirror.
fn is_about(payload: &[u8], subject: &Digest) -> bool {
    let payload: Result<Payload, _> = serde_json::from_slice(payload);
    payload.is_ok_and(|payload| payload.critical.kind == KIND && payload.critical.image.digest == *subject)
}

fn tag(subject: &Digest) -> String {
    format!("{}.sig", referrers_tag(subject))
}

/// Adds a signature to those that there are.
pub(super) fn write(shelf: &dyn Shelf, subject: &Descriptor, key: &SigningKey) -> Result<()> {
    let tag = tag(&subject.digest);
    let mut layers = match shelf.tagged(&tag) {
        Ok(raw) => raw.manifest().map(|manifest| manifest.layers).unwrap_or_default(),
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => return Err(error),
    };
    let payload = payload(&shelf.name(), &subject.digest);
    let layer = Descriptor::of(LAYER, &payload).annotated(SIGNATURE, STANDARD.encode(key.sign(&payload)?));
    shelf.put_blob(&layer, &payload.as_slice())?;
    layers.push(layer);
    let config = Config {
        architecture: "",
        os: "",
        config: serde_json::Map::new(),
        rootfs: RootFs { kind: "layers", diff_ids: layers.iter().map(|layer| layer.digest.as_str()).collect() },
    };
    let config = serde_json::to_vec(&config).unwrap_or_default();
    let described = Descriptor::of(CONFIG, &config);
    shelf.put_blob(&described, &config.as_slice())?;
    shelf.put_manifest(Some(&tag), &Manifest::new(described, layers).to_raw())
}

pub(super) fn find<'k>(shelf: &dyn Shelf, subject: &Digest, keys: &'k [PublicKey]) -> Result<Found<'k>> {
    let raw = match shelf.tagged(&tag(subject)) {
        Ok(raw) => raw,
        Err(error) if error.is_not_found() => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    let layers = raw.manifest().map(|manifest| manifest.layers).unwrap_or_default();
    let mut others = Found::Nothing;
    for layer in layers.iter().filter(|layer| layer.media_type == LAYER).take(MOST_OPENED) {
        let signature = layer.annotations.get(SIGNATURE).and_then(|text| STANDARD.decode(text).ok());
        let Some(signature) = signature else { continue };
        let payload = match shelf.small_blob(layer, LARGEST_STATEMENT) {
            Ok(payload) => payload,
            // A broken signature beside a good one does no harm.
            Err(error) if error.is_about_content() || error.is_not_found() => continue,
            Err(error) => return Err(error),
        };
        others = Found::Others;
        if let Some(key) = keys.iter().find(|key| key.has_signed(&payload, &signature))
            && is_about(&payload, subject)
        {
            return Ok(Found::By(key));
        }
    }
    Ok(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_has_the_form_of_cosign() {
        let digest = Digest::of(b"x");
        let text = String::from_utf8(payload("h.example/a", &digest)).unwrap();
        let expected = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"h.example/a"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
        );
        assert_eq!(text, expected);
        assert!(is_about(text.as_bytes(), &digest));
    }

    #[test]
    fn what_speaks_of_another_manifest_or_is_of_another_kind_does_not_count() {
        let digest = Digest::of(b"x");
        let text = String::from_utf8(payload("h.example/a", &digest)).unwrap();
        assert!(!is_about(text.as_bytes(), &Digest::of(b"y")));
        assert!(!is_about(text.replace(KIND, "atomic container signature").as_bytes(), &digest));
        assert!(!is_about(b"{}", &digest));
        // cosign adds what the signer wants to say.
        assert!(is_about(text.replace("null", r#"{"creator":"x"}"#).as_bytes(), &digest));
    }
}
