//! Module signatures: a detached CMS message (RFC 5652) without signed attributes,
//! then `struct module_signature`, then a magic line.
//!
//! Source: scripts/sign-file.c, include/linux/module_signature.h,
//! crypto/asymmetric_keys/pkcs7_parser.c and Documentation/admin-guide/module-signing.rst
//! of the kernel; RFC 5754 for the identifiers.

use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::DecodePrivateKey;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use x509_cert::der::{Any, Decode, DecodePem, Encode};
use x509_cert::spki::AlgorithmIdentifierOwned;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// `PKEY_ID_PKCS7` of the kernel.
const PKCS7: u8 = 2;
const MAGIC: &[u8] = b"~Module signature appended~\n";

/// A digest that module signatures are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    /// The digest of this name in the kernel's configuration.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512].into_iter().find(|digest| digest.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn identifier(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        })
    }

    /// ECDSA over this digest.
    fn with_ecdsa(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Sha256 => "1.2.840.10045.4.3.2",
            Self::Sha384 => "1.2.840.10045.4.3.3",
            Self::Sha512 => "1.2.840.10045.4.3.4",
        })
    }

    /// RSASSA-PKCS1-v1_5 (RFC 8017) over this digest.
    fn with_rsa(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Sha256 => &RSA_PKCS1_SHA256,
            Self::Sha384 => &RSA_PKCS1_SHA384,
            Self::Sha512 => &RSA_PKCS1_SHA512,
        }
    }

    fn of(self, contents: &[u8]) -> ring::digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &ring::digest::SHA256,
            Self::Sha384 => &ring::digest::SHA384,
            Self::Sha512 => &ring::digest::SHA512,
        };
        ring::digest::digest(algorithm, contents)
    }
}

/// A private key.
enum Key {
    Rsa(RsaKeyPair),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
}

impl Key {
    /// From PEM: PKCS#8, PKCS#1 or SEC 1. The error is a clause.
    fn read(pem: &[u8]) -> Result<Self, String> {
        let form = "it must be an RSA or ECDSA key in PEM form (PKCS#8, PKCS#1 or SEC 1), without a passphrase";
        let rsa = |key: Result<RsaKeyPair, ring::error::KeyRejected>| {
            key.map(Self::Rsa).map_err(|why| format!("it is no RSA key of 2048 to 4096 bits ({why})"))
        };
        let curve = || "it is no ECDSA key on the curve P-256 or P-384".to_owned();
        match PrivateKeyDer::from_pem_slice(pem).map_err(|_| form.to_owned())? {
            PrivateKeyDer::Pkcs1(key) => rsa(RsaKeyPair::from_der(key.secret_pkcs1_der())),
            PrivateKeyDer::Sec1(key) => {
                let key = key.secret_sec1_der();
                let p256 = p256::SecretKey::from_sec1_der(key).map(Self::P256);
                p256.or_else(|_| p384::SecretKey::from_sec1_der(key).map(Self::P384)).map_err(|_| curve())
            }
            PrivateKeyDer::Pkcs8(key) => {
                let key = key.secret_pkcs8_der();
                let p256 = p256::SecretKey::from_pkcs8_der(key).map(Self::P256);
                let ecdsa = p256.or_else(|_| p384::SecretKey::from_pkcs8_der(key).map(Self::P384));
                ecdsa.or_else(|_| rsa(RsaKeyPair::from_pkcs8(key)))
            }
            _ => Err(form.to_owned()),
        }
    }

    /// The public key in the form of certificates: `RSAPublicKey` in DER form, or an uncompressed point.
    fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.public().as_ref().to_vec(),
            Self::P256(key) => key.public_key().to_encoded_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.public_key().to_encoded_point(false).as_bytes().to_vec(),
        }
    }

    fn algorithm(&self, digest: Digest) -> AlgorithmIdentifierOwned {
        match self {
            Self::Rsa(_) => AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: Some(Any::null()) },
            Self::P256(_) | Self::P384(_) => AlgorithmIdentifierOwned { oid: digest.with_ecdsa(), parameters: None },
        }
    }

    fn sign(&self, digest: Digest, contents: &[u8]) -> Result<Vec<u8>, String> {
        let failed = |_| "signing failed".to_owned();
        match self {
            Self::Rsa(key) => {
                let mut value = vec![0; key.public().modulus_len()];
                key.sign(digest.with_rsa(), &SystemRandom::new(), contents, &mut value)
                    .map_err(|_| "signing failed".to_owned())?;
                Ok(value)
            }
            Self::P256(key) => {
                let signer = p256::ecdsa::SigningKey::from(key);
                let value: p256::ecdsa::Signature =
                    signer.sign_prehash(digest.of(contents).as_ref()).map_err(failed)?;
                Ok(value.to_der().as_bytes().to_vec())
            }
            Self::P384(key) => {
                let signer = p384::ecdsa::SigningKey::from(key);
                let value: p384::ecdsa::Signature =
                    signer.sign_prehash(digest.of(contents).as_ref()).map_err(failed)?;
                Ok(value.to_der().as_bytes().to_vec())
            }
        }
    }
}

/// A certificate: the signer that signatures name, and its public key.
pub struct Certificate {
    signer: IssuerAndSerialNumber,
    public_key: Vec<u8>,
}

impl Certificate {
    /// Reads DER or PEM.
    ///
    /// # Errors
    /// A clause: why the bytes are no certificate.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let certificate = parse(bytes)?.tbs_certificate;
        let public_key = certificate.subject_public_key_info.subject_public_key.raw_bytes().to_vec();
        let signer = IssuerAndSerialNumber { issuer: certificate.issuer, serial_number: certificate.serial_number };
        Ok(Self { signer, public_key })
    }
}

fn parse(bytes: &[u8]) -> Result<x509_cert::Certificate, String> {
    let parsed = match bytes.first() {
        Some(0x30) => x509_cert::Certificate::from_der(bytes),
        _ => x509_cert::Certificate::from_pem(bytes),
    };
    parsed.map_err(|e| format!("it is not an X.509 certificate ({e})"))
}

/// Whether the message of a module's signature names a certificate as its signer: by
/// issuer and serial number, or by the identifier of the certificate's key. It says
/// nothing about the signature being right.
///
/// Source: RFC 5652, 5.3; crypto/asymmetric_keys/pkcs7_parser.c of the kernel.
///
/// # Errors
/// A clause: which of the two cannot be read.
pub fn names_signer(message: &[u8], certificate: &[u8]) -> Result<bool, String> {
    use x509_cert::ext::pkix::SubjectKeyIdentifier;
    let unreadable = |e: x509_cert::der::Error| format!("the signature is not a CMS message ({e})");
    let certificate = parse(certificate)?.tbs_certificate;
    let signed = ContentInfo::from_der(message).and_then(|info| info.content.decode_as::<SignedData>());
    let signers = signed.map_err(unreadable)?.signer_infos;
    let key = certificate.get::<SubjectKeyIdentifier>().ok().flatten().map(|(_, identifier)| identifier);
    Ok(signers.0.iter().any(|signer| match &signer.sid {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            named.issuer == certificate.issuer && named.serial_number == certificate.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(named) => key.as_ref() == Some(named),
    }))
}

/// Why a file was not signed: a clause about the key or the certificate.
#[derive(Debug)]
pub enum Unsigned {
    Key(String),
    Certificate(String),
}

/// The signature of a module's contents, as it stands behind them.
///
/// # Errors
/// A key or certificate that is of no use, or not of one pair.
pub fn signature(contents: &[u8], key: &[u8], certificate: &[u8], digest: Digest) -> Result<Vec<u8>, Unsigned> {
    let certificate = Certificate::read(certificate).map_err(Unsigned::Certificate)?;
    let key = Key::read(key).map_err(Unsigned::Key)?;
    if key.public() != certificate.public_key {
        let why = "it does not match the certificate; use the key and the certificate of one pair";
        return Err(Unsigned::Key(why.to_owned()));
    }
    let value = key.sign(digest, contents).map_err(Unsigned::Key)?;
    let mut message = message(certificate.signer, key.algorithm(digest), digest, value)
        .map_err(|e| Unsigned::Key(format!("the signature cannot be encoded: {e}")))?;
    let length = u32::try_from(message.len()).map_err(|e| Unsigned::Key(e.to_string()))?;
    message.extend_from_slice(&[0, 0, PKCS7, 0, 0, 0, 0, 0]);
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(MAGIC);
    Ok(message)
}

fn message(
    signer: IssuerAndSerialNumber,
    algorithm: AlgorithmIdentifierOwned,
    digest: Digest,
    value: Vec<u8>,
) -> x509_cert::der::Result<Vec<u8>> {
    let digest = AlgorithmIdentifierOwned { oid: digest.identifier(), parameters: None };
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(signer),
        digest_alg: digest.clone(),
        signed_attrs: None,
        signature_algorithm: algorithm,
        signature: OctetString::new(value)?,
        unsigned_attrs: None,
    };
    let signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![digest])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: DATA, econtent: None },
        certificates: None,
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
    };
    ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&signed)? }.to_der()
}
