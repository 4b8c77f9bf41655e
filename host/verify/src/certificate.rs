//! A certificate, by what kernels and people know it.

use cms::cert::x509::Certificate as Parsed;
use cms::cert::x509::der::oid::AssociatedOid;
use cms::cert::x509::der::{Decode, Encode};
use cms::cert::x509::ext::pkix::SubjectKeyIdentifier;
use ring::digest::{SHA256, digest};

/// A certificate in the form of X.509.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub der: Vec<u8>,
    /// The owner's name in the form of RFC 4514. It is text of third parties: it must be made
    /// harmless before it is shown.
    pub subject: String,
    /// The name of its signer, in the same form.
    pub issuer: String,
    /// In hexadecimal.
    pub serial: String,
    /// The identifier of the subject's key, in hexadecimal.
    pub key_id: Option<String>,
    /// The digest of the whole certificate, in hexadecimal.
    pub sha256: String,
    /// The digest of the part that the issuer signed.
    pub(crate) signed_part: Vec<u8>,
}

impl Certificate {
    /// A certificate in DER form; `None` for what is none.
    pub fn of(der: &[u8]) -> Option<Self> {
        let parsed = Parsed::from_der(der).ok()?;
        let body = &parsed.tbs_certificate;
        let key_id = extension(&parsed, SubjectKeyIdentifier::OID)
            .and_then(|value| SubjectKeyIdentifier::from_der(value).ok().map(|id| hexadecimal(id.0.as_bytes())));
        Some(Self {
            subject: body.subject.to_string(),
            issuer: body.issuer.to_string(),
            serial: hexadecimal(body.serial_number.as_bytes()),
            key_id,
            sha256: hexadecimal(digest(&SHA256, der).as_ref()),
            signed_part: digest(&SHA256, &body.to_der().ok()?).as_ref().to_vec(),
            der: der.to_vec(),
        })
    }

    /// Whether the kernel calls it by this identifier in its rings: that of the key, or the serial
    /// number where the certificate has none.
    pub fn is_called(&self, id: &str) -> bool {
        let own = self.key_id.as_deref().unwrap_or(&self.serial);
        let plain = |id: &str| id.to_ascii_lowercase().trim_start_matches("00").to_owned();
        plain(own) == plain(id)
    }
}

fn extension(parsed: &Parsed, id: cms::cert::x509::der::oid::ObjectIdentifier) -> Option<&[u8]> {
    let extensions = parsed.tbs_certificate.extensions.as_ref()?;
    extensions.iter().find(|extension| extension.extn_id == id).map(|extension| extension.extn_value.as_bytes())
}

/// Two digits for each byte.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
