//! The payload of an rpm file.

use modsmith_plugin::prelude::*;
use rpm_format::{Headers, NotRpm, tags};

/// The payload of a binary package, as it is compressed.
///
/// # Errors
/// `invalid` for what is no rpm, is cut off, or holds no cpio archive; and for a
/// source package.
pub fn payload(rpm: &[u8]) -> Result<&[u8]> {
    let headers = Headers::read(rpm).map_err(|why| match why {
        NotRpm::OtherStart => invalid("it is no rpm package"),
        NotRpm::Damaged => invalid("the rpm package is cut off or damaged"),
    })?;
    // Only binary packages have it.
    if headers.main.texts(tags::SOURCE_RPM).is_empty() {
        return Err(invalid("it is a source package: build it with `rpmbuild --rebuild`, and load what that makes"));
    }
    match headers.main.texts(tags::PAYLOAD_FORMAT).first() {
        None | Some(&"cpio") => Ok(&rpm[headers.range.1..]),
        Some(other) => Err(invalid(format!("its payload is in the form `{other}`, and only cpio is known here"))),
    }
}

#[cfg(test)]
pub mod tests {
    use rpm_format::Header;

    use super::*;

    /// An rpm with this payload.
    pub fn rpm(fields: &[(u32, &str)], payload: &[u8]) -> Vec<u8> {
        let header = |fields: &[(u32, &str)], region| {
            let mut header = Header::default();
            fields.iter().for_each(|(tag, text)| header.text(*tag, *text));
            header.bytes(region)
        };
        let mut rpm = vec![0xed, 0xab, 0xee, 0xdb];
        rpm.resize(96, 0);
        rpm.extend(header(&[], tags::HEADER_SIGNATURES));
        rpm.resize(rpm.len().next_multiple_of(8), 0);
        rpm.extend(header(fields, tags::HEADER_IMMUTABLE));
        rpm.extend(payload);
        rpm
    }

    pub const BINARY: [(u32, &str); 2] = [(tags::SOURCE_RPM, "demo-1.0-1.src.rpm"), (tags::PAYLOAD_FORMAT, "cpio")];

    #[test]
    fn the_payload_is_what_follows_the_header() {
        assert_eq!(payload(&rpm(&BINARY, b"here")).unwrap(), b"here");
    }

    #[test]
    fn what_is_no_binary_package_is_refused() {
        let said = |rpm: &[u8]| payload(rpm).unwrap_err().to_string();
        assert!(said(b"no rpm").contains("no rpm package"));
        assert!(said(&rpm(&[(tags::PAYLOAD_FORMAT, "cpio")], b"")).contains("source package"));
        assert!(said(&rpm(&[BINARY[0], (tags::PAYLOAD_FORMAT, "drpm")], b"")).contains("drpm"));
    }

    #[test]
    fn a_package_that_is_cut_off_or_damaged_anywhere_is_an_error() {
        let whole = rpm(&BINARY, b"");
        for length in 0..whole.len() {
            assert!(payload(&whole[..length]).is_err(), "{length}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] = 0xff;
            // Some bytes do not matter; none may make it panic.
            let _ = payload(&damaged);
        }
    }
}
