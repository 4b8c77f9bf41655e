//! Lists of signatures, as the firmware's variables have them.
//!
//! Source: UEFI Specification 2.10, section 32.4.1 (`EFI_SIGNATURE_LIST`); the kernel's
//! `security/integrity/platform_certs/efi_parser.c`.

/// Type, size of the list, of its header, and of each signature.
const HEAD: usize = 28;

/// The owner, in front of each signature.
const OWNER: usize = 16;

/// `EFI_CERT_X509_GUID`, as it lies in memory.
const X509: [u8; 16] = [0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72];

/// `EFI_CERT_X509_SHA256_GUID`
const X509_SHA256: [u8; 16] =
    [0x92, 0xa4, 0xd2, 0x3b, 0xc0, 0x96, 0x79, 0x40, 0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03, 0xed];

/// `EFI_CERT_SHA256_GUID`
const SHA256: [u8; 16] =
    [0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28];

/// One signature of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EfiSignature {
    /// A certificate, in DER form.
    Certificate(Vec<u8>),
    /// The SHA-256 digest of the part of a certificate that its issuer signed.
    CertificateDigest([u8; 32]),
    /// The SHA-256 digest of a program or another file.
    FileDigest([u8; 32]),
    /// A signature of another kind, which says nothing about certificates.
    Other,
}

/// Why lists cannot be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    #[error("the list that begins at byte {0} is cut off")]
    Cut(usize),
    #[error("the list that begins at byte {0} has sizes that contradict each other")]
    Sizes(usize),
}

/// The signatures of all lists in the value of a variable.
///
/// # Errors
/// A list that the kernel would not read either.
pub fn entries(value: &[u8]) -> Result<Vec<EfiSignature>, ListFault> {
    let mut found = Vec::new();
    let (mut rest, mut at) = (value, 0);
    while !rest.is_empty() {
        let head = rest.first_chunk::<HEAD>().ok_or(ListFault::Cut(at))?;
        let [size, header, each] = [16, 20, 24].map(|place| number(head, place));
        let sizes = ListFault::Sizes(at);
        if size > rest.len() {
            return Err(ListFault::Cut(at));
        }
        let body = rest.get(HEAD..size).and_then(|body| body.get(header..)).ok_or(sizes.clone())?;
        if each <= OWNER || !body.len().is_multiple_of(each) {
            return Err(sizes);
        }
        let (kind, _) = head.split_at(16);
        found.extend(body.chunks_exact(each).map(|signature| entry(kind, &signature[OWNER..])));
        rest = &rest[size..];
        at += size;
    }
    Ok(found)
}

fn entry(kind: &[u8], data: &[u8]) -> EfiSignature {
    match (kind, data.first_chunk()) {
        (kind, _) if kind == X509 => EfiSignature::Certificate(data.to_vec()),
        (kind, Some(digest)) if kind == X509_SHA256 => EfiSignature::CertificateDigest(*digest),
        (kind, Some(digest)) if kind == SHA256 => EfiSignature::FileDigest(*digest),
        _ => EfiSignature::Other,
    }
}

/// A number of four bytes of a head, which has them.
fn number(head: &[u8; HEAD], place: usize) -> usize {
    let bytes = [head[place], head[place + 1], head[place + 2], head[place + 3]];
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A list of signatures of one kind and size.
    pub fn list(kind: [u8; 16], signatures: &[&[u8]]) -> Vec<u8> {
        let each = signatures.first().map_or(0, |signature| signature.len()) + OWNER;
        let number = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
        let mut list = kind.to_vec();
        list.extend(number(HEAD + each * signatures.len()));
        list.extend(number(0));
        list.extend(number(each));
        for signature in signatures {
            list.extend([9; OWNER]);
            list.extend(*signature);
        }
        list
    }

    /// A list with one certificate.
    pub fn certificate(der: &[u8]) -> Vec<u8> {
        list(X509, &[der])
    }

    #[test]
    fn every_kind_of_signature_is_found_in_any_number_of_lists() {
        let digest = |byte| [byte; 32];
        let value = [
            certificate(b"one"),
            list(SHA256, &[&digest(1), &digest(2)]),
            list(X509_SHA256, &[&[digest(3).as_slice(), &[0; 16]].concat()]),
            list([7; 16], &[b"?"]),
        ]
        .concat();
        let found = [
            EfiSignature::Certificate(b"one".to_vec()),
            EfiSignature::FileDigest(digest(1)),
            EfiSignature::FileDigest(digest(2)),
            EfiSignature::CertificateDigest(digest(3)),
            EfiSignature::Other,
        ];
        assert_eq!(entries(&value), Ok(found.to_vec()));
        assert_eq!(entries(&[]), Ok(Vec::new()));
    }

    #[test]
    fn lists_of_others_are_read_or_refused_whatever_they_say() {
        let value = [certificate(b"one"), list(SHA256, &[&[1; 32]])].concat();
        let first = certificate(b"one").len();
        for length in 1..value.len() {
            let expected = if length == first {
                entries(&value[..first])
            } else {
                Err(ListFault::Cut(if length < first { 0 } else { first }))
            };
            assert_eq!(entries(&value[..length]), expected, "{length}");
        }
        for (place, byte) in (16..28).flat_map(|place| [0, 1, 27, 0x7f, 0xff].map(|byte| (place, byte))) {
            let mut changed = value.clone();
            changed[place] = byte;
            let _ = entries(&changed);
        }
        let mut endless = value.clone();
        endless[16..20].copy_from_slice(&[0; 4]);
        assert_eq!(entries(&endless), Err(ListFault::Sizes(0)), "a list that has no size never ends");
        let mut nothing = value;
        nothing[24..28].copy_from_slice(&[0; 4]);
        assert_eq!(entries(&nothing), Err(ListFault::Sizes(0)), "signatures without a size");
    }
}
