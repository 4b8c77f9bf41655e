//! Keys on the curve P-256, as cosign makes them by default.
//!
//! Source: RFC 5480 (public keys), RFC 5958 (private keys), RFC 7468 (PEM).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

use crate::digest::Digest;
use crate::error::{Error, Result};

/// The bytes before the point in a SubjectPublicKeyInfo of P-256: the identifiers of the algorithm
/// and of the curve. Source: RFC 5480, 2.
const HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The length of an uncompressed point, in bytes.
const POINT: usize = 65;

/// A key that signatures are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// A SubjectPublicKeyInfo in DER.
    info: Vec<u8>,
}

impl PublicKey {
    /// From PEM, as `cosign.pub` has it.
    ///
    /// # Errors
    /// `BadKey`: it is not a public key on the curve P-256.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let info =
            SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| bad("it is not a public key in PEM form"))?;
        let info = info.to_vec();
        match info.len() == HEAD.len() + POINT && info.starts_with(&HEAD) && info[HEAD.len()] == 4 {
            true => Ok(Self { info }),
            false => Err(bad("it is not on the curve P-256, which is what cosign uses for keys of its own")),
        }
    }

    /// `sha256:…` of the key, by which it is told from others.
    pub fn fingerprint(&self) -> String {
        Digest::of(&self.info).to_string()
    }

    /// How a bundle names the key.
    pub(super) fn hint(&self) -> String {
        STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, &self.info))
    }

    /// Whether a signature (ECDSA with SHA-256, in DER) of a message is of this key.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let point = &self.info[HEAD.len()..];
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
    }
}

/// A key that signatures are made with.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl SigningKey {
    /// From PEM, in the form PKCS#8 and without a passphrase.
    ///
    /// # Errors
    /// `BadKey`: it has another form, or is not on the curve P-256.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let form = "it is not a private key in PEM form PKCS#8 without a passphrase";
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| bad(form))?;
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.secret_pkcs8_der(), &random)
            .map_err(|e| bad(&format!("it is not a private key on the curve P-256 ({e})")))?;
        Ok(Self { pair, random })
    }

    pub fn public(&self) -> PublicKey {
        PublicKey { info: [&HEAD, self.pair.public_key().as_ref()].concat() }
    }

    /// # Errors
    /// `BadKey`: the system has no random numbers.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let signature = self.pair.sign(&self.random, message).map_err(|_| bad("the system gives no random numbers"))?;
        Ok(signature.as_ref().to_vec())
    }
}

fn bad(reason: &str) -> Error {
    Error::BadKey { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new key, and its PEM.
    fn new_key() -> (SigningKey, String) {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(pkcs8));
        (SigningKey::from_pem(pem.as_bytes()).unwrap(), pem)
    }

    /// Made with `openssl ecparam -name prime256v1 -genkey` and `openssl ec -pubout`, and
    /// `openssl dgst -sha256 -sign` over `abc`.
    const PUBLIC: &str = include_str!("testdata/key.pub");
    const SIGNATURE: &[u8] = include_bytes!("testdata/abc.sig");
    const RSA: &str = include_str!("testdata/rsa.pub");

    #[test]
    fn a_signature_of_openssl_is_verified() {
        let key = PublicKey::from_pem(PUBLIC.as_bytes()).unwrap();
        assert!(key.has_signed(b"abc", SIGNATURE));
        assert!(!key.has_signed(b"abd", SIGNATURE) && !key.has_signed(b"abc", &SIGNATURE[1..]));
        assert!(key.fingerprint().starts_with("sha256:"));
    }

    #[test]
    fn a_key_verifies_its_own_signatures_and_no_others() {
        let ((key, _), (other, _)) = (new_key(), new_key());
        let signature = key.sign(b"message").unwrap();
        assert!(key.public().has_signed(b"message", &signature));
        assert!(!other.public().has_signed(b"message", &signature));
        assert_ne!(key.public().fingerprint(), other.public().fingerprint());
    }

    #[test]
    fn a_key_of_another_kind_is_refused_with_the_reason() {
        let refused = |pem: &str| PublicKey::from_pem(pem.as_bytes()).unwrap_err().to_string();
        assert!(refused(RSA).contains("P-256"));
        assert!(refused("x").contains("not a public key in PEM form"));
        let (_, private) = new_key();
        assert!(refused(&private).contains("not a public key"));
        assert!(SigningKey::from_pem(PUBLIC.as_bytes()).is_err());
    }
}
