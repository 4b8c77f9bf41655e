//! The signature of a module file: a detached PKCS#7 (CMS, RFC 5652) message
//! without signed attributes, then `struct module_signature`, then a magic line.
//!
//! Source: scripts/sign-file.c, include/linux/module_signature.h and
//! Documentation/admin-guide/module-signing.rst of the kernel.

use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos};
use pkcs1::RsaPublicKey;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use x509_cert::der::{Any, Decode, DecodePem, Encode};
use x509_cert::spki::AlgorithmIdentifierOwned;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// `PKEY_ID_PKCS7` of the kernel.
const PKCS7: u8 = 2;
const MAGIC: &[u8] = b"~Module signature appended~\n";

/// A certificate with an RSA key.
pub struct Certificate {
    signer: IssuerAndSerialNumber,
    /// `RSAPublicKey` in DER form.
    public_key: Vec<u8>,
    /// Length of the key's modulus, which is that of a signature, in bytes.
    signature_length: usize,
}

impl Certificate {
    /// Reads DER or PEM. The error is a clause.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let parsed = if bytes.first() == Some(&0x30) {
            x509_cert::Certificate::from_der(bytes)
        } else {
            x509_cert::Certificate::from_pem(bytes)
        };
        let certificate = parsed.map_err(|e| format!("it is not an X.509 certificate ({e})"))?.tbs_certificate;
        let info = certificate.subject_public_key_info;
        if info.algorithm.oid != RSA_ENCRYPTION {
            return Err(format!("its key is not an RSA key (algorithm {})", info.algorithm.oid));
        }
        let public_key = info.subject_public_key.raw_bytes().to_vec();
        let key = RsaPublicKey::try_from(public_key.as_slice()).map_err(|e| format!("its key is damaged ({e})"))?;
        let signature_length = key.modulus.as_bytes().len();
        let signer = IssuerAndSerialNumber { issuer: certificate.issuer, serial_number: certificate.serial_number };
        Ok(Self { signer, public_key, signature_length })
    }

    /// `RSAPublicKey` in DER form.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// What comes before the signature value and behind it. The digest is named as
    /// the kernel's configuration does.
    pub fn around_signature(&self, digest: &str) -> Result<(Vec<u8>, Vec<u8>), String> {
        let mut message = self.message(digest).map_err(|e| format!("the signature cannot be encoded: {e}"))?;
        let length = u32::try_from(message.len()).map_err(|e| e.to_string())?;
        // The value is the last field of the last signer, so the end of the message.
        message.truncate(message.len() - self.signature_length);
        let mut after = vec![0, 0, PKCS7, 0, 0, 0, 0, 0];
        after.extend_from_slice(&length.to_be_bytes());
        after.extend_from_slice(MAGIC);
        Ok((message, after))
    }

    /// The message with zeros for the signature value.
    fn message(&self, digest: &str) -> x509_cert::der::Result<Vec<u8>> {
        let digest = match digest {
            "sha384" => SHA384,
            "sha512" => SHA512,
            _ => SHA256,
        };
        let digest = AlgorithmIdentifierOwned { oid: digest, parameters: None };
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(self.signer.clone()),
            digest_alg: digest.clone(),
            signed_attrs: None,
            signature_algorithm: AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: Some(Any::null()) },
            signature: OctetString::new(vec![0; self.signature_length])?,
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
}
