//! The parts of an rpm file, as rpm's `file-format` document has them: lead,
//! signature, header, payload.

use modsmith_plugin::prelude::*;

const LEAD: usize = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// With the version of the header's form.
const HEADER_MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];
/// Magic, four bytes that are kept, the number of entries, the bytes of the store.
const INTRO: usize = 16;
const ENTRY: usize = 16;
/// As much as rpm itself accepts.
const MOST_ENTRIES: usize = 65_535;
const MOST_STORE: usize = 256 << 20;

/// Only binary packages have it.
const SOURCE_RPM: u32 = 1044;
const PAYLOAD_FORMAT: u32 = 1124;
const STRING: u32 = 6;

/// The payload of a binary package, as it is compressed.
///
/// # Errors
/// `invalid` for what is no rpm, is cut off, or holds no cpio archive; and for a
/// source package.
pub fn payload(rpm: &[u8]) -> Result<&[u8]> {
    if !rpm.starts_with(&LEAD_MAGIC) {
        return Err(invalid("it is no rpm package"));
    }
    let signature = Header::read(rpm, LEAD)?;
    // The header behind the signature is aligned.
    let header = Header::read(rpm, signature.end.next_multiple_of(8))?;
    if header.string(SOURCE_RPM).is_none() {
        return Err(invalid("it is a source package: build it with `rpmbuild --rebuild`, and load what that makes"));
    }
    match header.string(PAYLOAD_FORMAT) {
        None | Some("cpio") => Ok(&rpm[header.end..]),
        Some(other) => Err(invalid(format!("its payload is in the form `{other}`, and only cpio is known here"))),
    }
}

struct Header<'r> {
    entries: &'r [u8],
    store: &'r [u8],
    /// Where it ends in the file.
    end: usize,
}

impl<'r> Header<'r> {
    fn read(rpm: &'r [u8], at: usize) -> Result<Self> {
        let cut = || invalid("the rpm package is cut off or damaged");
        let intro = rpm.get(at..).and_then(|rest| rest.get(..INTRO)).ok_or_else(cut)?;
        let (entries, size) = (number(intro, 8) as usize, number(intro, 12) as usize);
        if !intro.starts_with(&HEADER_MAGIC) || entries > MOST_ENTRIES || size > MOST_STORE {
            return Err(invalid("the rpm package is damaged: a header is none"));
        }
        let (first, store) = (at + INTRO, at + INTRO + entries * ENTRY);
        let end = store + size;
        let entries = rpm.get(first..store).ok_or_else(cut)?;
        Ok(Self { entries, store: rpm.get(store..end).ok_or_else(cut)?, end })
    }

    fn string(&self, tag: u32) -> Option<&'r str> {
        let mut entries = self.entries.chunks_exact(ENTRY);
        let entry = entries.find(|entry| number(entry, 0) == tag && number(entry, 4) == STRING)?;
        let rest = self.store.get(number(entry, 8) as usize..)?;
        let length = rest.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&rest[..length]).ok()
    }
}

/// A big-endian number; the slice is long enough.
fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
pub mod tests {
    use super::*;

    fn header(tags: &[(u32, &str)]) -> Vec<u8> {
        let (mut entries, mut store) = (Vec::new(), Vec::new());
        for (tag, text) in tags {
            for value in [*tag, STRING, store.len() as u32, 1] {
                entries.extend(value.to_be_bytes());
            }
            store.extend(text.as_bytes());
            store.push(0);
        }
        let mut header = HEADER_MAGIC.to_vec();
        header.extend([0; 4]);
        header.extend((tags.len() as u32).to_be_bytes());
        header.extend((store.len() as u32).to_be_bytes());
        header.extend(entries);
        header.extend(store);
        header
    }

    /// An rpm with this payload.
    pub fn rpm(tags: &[(u32, &str)], payload: &[u8]) -> Vec<u8> {
        let mut rpm = LEAD_MAGIC.to_vec();
        rpm.resize(LEAD, 0);
        rpm.extend(header(&[(1000, "x")]));
        rpm.resize(rpm.len().next_multiple_of(8), 0);
        rpm.extend(header(tags));
        rpm.extend(payload);
        rpm
    }

    pub const BINARY: [(u32, &str); 2] = [(SOURCE_RPM, "demo-1.0-1.src.rpm"), (PAYLOAD_FORMAT, "cpio")];

    #[test]
    fn the_payload_is_what_follows_the_header() {
        assert_eq!(payload(&rpm(&BINARY, b"here")).unwrap(), b"here");
    }

    #[test]
    fn what_is_no_binary_package_is_refused() {
        let said = |rpm: &[u8]| payload(rpm).unwrap_err().to_string();
        assert!(said(b"no rpm").contains("no rpm package"));
        assert!(said(&rpm(&[(PAYLOAD_FORMAT, "cpio")], b"")).contains("source package"));
        assert!(said(&rpm(&[BINARY[0], (PAYLOAD_FORMAT, "drpm")], b"")).contains("drpm"));
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
