//! The form that cosign writes since version 3: a sigstore bundle that refers to the
//! manifest, with a signed statement (DSSE, in-toto) of its digest.
//!
//! Source: sigstore_bundle.proto of protobuf-specs (version 0.3), protocol.md of DSSE,
//! and the statement of in-toto, version 1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Found, LARGEST_STATEMENT, MOST_OPENED, PublicKey, SigningKey};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::manifest::{Descriptor, EMPTY, EMPTY_CONTENT, Manifest};
use crate::shelf::Shelf;

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const CONTENT: (&str, &str) = ("dev.sigstore.bundle.content", "dsse-envelope");
const PREDICATE: &str = "dev.sigstore.bundle.predicateType";
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
const PAYLOAD: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Which cosign's attestations had until version 3.1.
const STATEMENT_OF_OLD: &str = "https://in-toto.io/Statement/v0.1";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Envelope,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(default)]
    public_key: Option<Hint>,
}

#[derive(Serialize, Deserialize)]
struct Hint {
    #[serde(default)]
    hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    sig: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    #[serde(default)]
    predicate: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    digest: Hashes,
}

#[derive(Serialize, Deserialize)]
struct Hashes {
    sha256: String,
}

/// The bytes that are signed: the payload with its type and both lengths. Source: "PAE" of DSSE.
fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {PAYLOAD} {} ", PAYLOAD.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

fn statement(subject: &Digest, about: &Predicate) -> Vec<u8> {
    let statement = Statement {
        kind: STATEMENT.to_owned(),
        subject: vec![Subject { name: String::new(), digest: Hashes { sha256: subject.hex().to_owned() } }],
        predicate_type: about.kind.to_owned(),
        predicate: about.content.clone(),
    };
    // Text alone: there is nothing that JSON cannot express.
    serde_json::to_vec(&statement).unwrap_or_default()
}

fn is_about(payload: &[u8], subject: &Digest) -> bool {
    let statement: Result<Statement, _> = serde_json::from_slice(payload);
    statement.is_ok_and(|statement| {
        matches!(statement.kind.as_str(), STATEMENT | STATEMENT_OF_OLD)
            && statement.predicate_type == SIGNED
            && statement.subject.iter().any(|named| named.digest.sha256 == subject.hex())
    })
}

fn bundle(subject: &Digest, about: &Predicate, key: &SigningKey) -> Result<Vec<u8>> {
    let payload = statement(subject, about);
    let bundle = Bundle {
        media_type: BUNDLE.to_owned(),
        verification_material: Material { public_key: Some(Hint { hint: key.public().hint() }) },
        dsse_envelope: Envelope {
            payload: STANDARD.encode(&payload),
            payload_type: PAYLOAD.to_owned(),
            signatures: vec![Signature { sig: STANDARD.encode(key.sign(&signed_bytes(&payload))?) }],
        },
    };
    Ok(serde_json::to_vec(&bundle).unwrap_or_default())
}

/// The key whose signature a bundle has; `None` if it is no bundle about this manifest
/// that can be verified with a key.
fn signer<'k>(bundle: &[u8], subject: &Digest, keys: &'k [PublicKey]) -> Option<Found<'k>> {
    let bundle: Bundle = serde_json::from_slice(bundle).ok()?;
    let envelope = bundle.dsse_envelope;
    if bundle.media_type != BUNDLE || envelope.payload_type != PAYLOAD {
        return None;
    }
    let payload = STANDARD.decode(&envelope.payload).ok()?;
    if !is_about(&payload, subject) {
        return None;
    }
    let message = signed_bytes(&payload);
    let signatures: Vec<Vec<u8>> = envelope.signatures.iter().filter_map(|s| STANDARD.decode(&s.sig).ok()).collect();
    let key = keys.iter().find(|key| signatures.iter().any(|signature| key.has_signed(&message, signature)));
    Some(key.map_or(Found::Others, Found::By))
}

/// The predicate of a statement about its subject, with the name of its type.
#[derive(Debug, Clone)]
pub struct Predicate<'p> {
    /// Such as `https://slsa.dev/provenance/v1`.
    pub kind: &'p str,
    pub content: serde_json::Map<String, serde_json::Value>,
}

/// The statement of a signature: that it was signed.
pub(super) fn signed() -> Predicate<'static> {
    Predicate { kind: SIGNED, content: serde_json::Map::new() }
}

pub(super) fn write(shelf: &dyn Shelf, subject: &Descriptor, about: &Predicate, key: &SigningKey) -> Result<()> {
    let bundle = bundle(&subject.digest, about, key)?;
    let (config, layer) = (Descriptor::of(EMPTY, EMPTY_CONTENT), Descriptor::of(BUNDLE, &bundle));
    shelf.put_blob(&config, &EMPTY_CONTENT)?;
    shelf.put_blob(&layer, &bundle.as_slice())?;
    let mut manifest = Manifest::new(config, vec![layer]);
    manifest.artifact_type = Some(BUNDLE.to_owned());
    manifest.subject = Some(Descriptor { annotations: Default::default(), ..subject.clone() });
    manifest.annotations.insert(CONTENT.0.to_owned(), CONTENT.1.to_owned());
    manifest.annotations.insert(PREDICATE.to_owned(), about.kind.to_owned());
    shelf.put_referrer(&manifest)
}

pub(super) fn find<'k>(shelf: &dyn Shelf, subject: &Digest, keys: &'k [PublicKey]) -> Result<Found<'k>> {
    let mut others = Found::Nothing;
    // A broken referrer beside a good one does no harm.
    let skipped = |error: &Error| error.is_about_content() || error.is_not_found();
    for referrer in shelf.referrers(subject)?.iter().take(MOST_OPENED) {
        let raw = match shelf.by_digest(&referrer.digest) {
            Err(error) if skipped(&error) => continue,
            raw => raw?,
        };
        let Ok(manifest) = raw.manifest() else { continue };
        let Some(layer) = manifest.layers.first().filter(|layer| layer.media_type == BUNDLE) else { continue };
        let bundle = match shelf.small_blob(layer, LARGEST_STATEMENT) {
            Err(error) if skipped(&error) => continue,
            bundle => bundle?,
        };
        match signer(&bundle, subject, keys) {
            Some(Found::By(key)) => return Ok(Found::By(key)),
            Some(_) => others = Found::Others,
            None => {}
        }
    }
    Ok(others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

    fn new_key() -> SigningKey {
        let random = ring::rand::SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
        SigningKey::from_pem(pem.as_bytes()).unwrap()
    }

    #[test]
    fn a_bundle_is_verified_with_the_key_that_made_it() {
        let (key, other) = (new_key(), new_key());
        let subject = Digest::of(b"manifest");
        let made = bundle(&subject, &signed(), &key).unwrap();
        let both = [other.public(), key.public()];
        assert!(matches!(signer(&made, &subject, &both), Some(Found::By(found)) if *found == key.public()));
        assert!(matches!(signer(&made, &subject, &both[..1]), Some(Found::Others)));
        assert!(signer(&made, &Digest::of(b"other"), &both).is_none());
        assert!(signer(b"{}", &subject, &both).is_none());
    }

    #[test]
    fn a_statement_of_another_kind_is_no_signature() {
        let subject = Digest::of(b"manifest");
        let text = String::from_utf8(statement(&subject, &signed())).unwrap();
        assert!(is_about(text.as_bytes(), &subject));
        assert!(is_about(text.replace(STATEMENT, STATEMENT_OF_OLD).as_bytes(), &subject));
        assert!(!is_about(text.replace(SIGNED, "https://slsa.dev/provenance/v1").as_bytes(), &subject));
        assert!(signed_bytes(b"ab").starts_with(b"DSSEv1 28 application/vnd.in-toto+json 2 ab"));
    }
}
