//! The signer of a module, and whether the signature fits.
//!
//! Source: the kernel's `crypto/asymmetric_keys`; RFC 5652.

use cms::cert::x509::Certificate;
use cms::cert::x509::der::{Decode, Encode};
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use modsmith_facts::kernel::Signature;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA384, UnparsedPublicKey,
    VerificationAlgorithm,
};

/// `id-ce-subjectKeyIdentifier`
const SUBJECT_KEY: &str = "2.5.29.14";

/// A CMS message, as it stands in a signature.
pub(crate) fn signed_data(message: &[u8]) -> Option<SignedData> {
    ContentInfo::from_der(message).ok()?.content.decode_as().ok()
}

/// The hash that a signature is made over, in the kernel's word; `None` for one that no kernel
/// knows.
pub(crate) fn hash_name(signer: &SignerInfo) -> Option<&'static str> {
    Some(match signer.digest_alg.oid.to_string().as_str() {
        "1.3.14.3.2.26" => "sha1",
        "2.16.840.1.101.3.4.2.4" => "sha224",
        "2.16.840.1.101.3.4.2.1" => "sha256",
        "2.16.840.1.101.3.4.2.2" => "sha384",
        "2.16.840.1.101.3.4.2.3" => "sha512",
        "2.16.840.1.101.3.4.2.8" => "sha3-256",
        "2.16.840.1.101.3.4.2.9" => "sha3-384",
        "2.16.840.1.101.3.4.2.10" => "sha3-512",
        "1.2.156.10197.1.401" => "sm3",
        "1.2.643.7.1.1.2.2" => "streebog256",
        "1.2.643.7.1.1.2.3" => "streebog512",
        _ => return None,
    })
}

/// The certificate that a signer names, among those of a list.
pub(crate) fn certificate_of(signer: &SignerInfo, list: &[Vec<u8>]) -> Option<Certificate> {
    list.iter().filter_map(|der| Certificate::from_der(der).ok()).find(|certificate| is_of(signer, certificate))
}

fn is_of(signer: &SignerInfo, certificate: &Certificate) -> bool {
    let body = &certificate.tbs_certificate;
    match &signer.sid {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            named.serial_number == body.serial_number && named.issuer == body.issuer
        }
        SignerIdentifier::SubjectKeyIdentifier(named) => {
            let extensions = body.extensions.iter().flatten();
            let key = extensions.into_iter().find(|extension| extension.extn_id.to_string() == SUBJECT_KEY);
            // An octet string in the octet string of the extension.
            let key = key.and_then(|extension| extension.extn_value.as_bytes().get(2..));
            key == Some(named.0.as_bytes())
        }
    }
}

/// The relation of a signature to the signer's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    Fits,
    /// The module has changed since it was signed.
    Altered,
    /// The key or the hash is of a kind that is not computed here.
    NotComputed,
}

/// Whether a module is as it was when the certificate's key signed it.
pub(crate) fn fit(signature: &Signature<'_>, signer: &SignerInfo, certificate: &Certificate) -> Fit {
    let key = &certificate.tbs_certificate.subject_public_key_info;
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.to_der().ok());
    let (kind, hash) = (key.algorithm.oid.to_string(), hash_name(signer));
    let algorithm = hash.and_then(|hash| algorithm(&kind, curve.as_deref(), hash));
    let Some((algorithm, bytes)) = algorithm.zip(key.subject_public_key.as_bytes()) else { return Fit::NotComputed };
    match UnparsedPublicKey::new(algorithm, bytes).verify(signature.content, signer.signature.as_bytes()) {
        Ok(()) => Fit::Fits,
        Err(_) => Fit::Altered,
    }
}

/// `namedCurve` of P-256 and of P-384, in DER form.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

fn algorithm(kind: &str, curve: Option<&[u8]>, hash: &str) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (kind, curve, hash) {
        ("1.2.840.113549.1.1.1", _, "sha1") => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        ("1.2.840.113549.1.1.1", _, "sha256") => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        ("1.2.840.113549.1.1.1", _, "sha384") => &RSA_PKCS1_2048_8192_SHA384,
        ("1.2.840.113549.1.1.1", _, "sha512") => &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        ("1.2.840.10045.2.1", Some(P256), "sha256") => &ECDSA_P256_SHA256_ASN1,
        ("1.2.840.10045.2.1", Some(P256), "sha384") => &ECDSA_P256_SHA384_ASN1,
        ("1.2.840.10045.2.1", Some(P384), "sha256") => &ECDSA_P384_SHA256_ASN1,
        ("1.2.840.10045.2.1", Some(P384), "sha384") => &ECDSA_P384_SHA384_ASN1,
        _ => return None,
    })
}
