//! The certificates that are compiled into a kernel: it trusts them from its start.
//!
//! Source: the kernel's `certs/system_certificates.S`: certificates in DER form, one after
//! the other, from an address that is a multiple of 8; then, at the next such address or behind room for a
//! certificate more, the length of all and the length of the kernel's own one.

use memchr::memmem;

/// `SEQUENCE` with a length of two bytes, as every certificate of an ordinary size begins.
const BEGIN: &[u8] = &[0x30, 0x82];

/// The value of `CONFIG_SYSTEM_EXTRA_CERTIFICATE_SIZE` in kernels that have the room.
const EXTRA: usize = 4096;

/// The largest list of certificates, in bytes.
const LIMIT: usize = 1 << 20;

/// The certificates of a kernel that has been unpacked, in DER form. `None` where no run of
/// certificates is followed by its own length, which alone proves that the run is this list
/// and not one of, say, revoked keys.
pub fn builtin_certificates(kernel: &[u8]) -> Option<Vec<Vec<u8>>> {
    memmem::find_iter(kernel, BEGIN).filter(|at| at % 8 == 0).find_map(|at| {
        let certificates = run(&kernel[at..]);
        let length: usize = certificates.iter().map(|certificate| certificate.len()).sum();
        let is_list = length > 0 && length_follows(kernel, at + length, &certificates);
        is_list.then(|| certificates.into_iter().map(<[u8]>::to_vec).collect())
    })
}

/// Certificates that follow each other without a gap.
fn run(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = &bytes[..bytes.len().min(LIMIT)];
    let mut found = Vec::new();
    while let Some((certificate, behind)) = certificate(rest) {
        found.push(certificate);
        rest = behind;
    }
    found
}

/// A certificate is a sequence that begins with a sequence.
fn certificate(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x30, 0x82, high, low, 0x30, 0x82, ..] = bytes else { return None };
    bytes.split_at_checked(4 + usize::from(u16::from_be_bytes([*high, *low])))
}

fn length_follows(kernel: &[u8], end: usize, certificates: &[&[u8]]) -> bool {
    let number = |at: usize| Some(u64::from_le_bytes(*kernel.get(at..)?.first_chunk()?));
    let own = certificates.first().map_or(0, |certificate| certificate.len() as u64);
    let all: u64 = certificates.iter().map(|certificate| certificate.len() as u64).sum();
    let behind_room = (end + EXTRA).next_multiple_of(4) + 4;
    [end, behind_room].into_iter().map(|at| at.next_multiple_of(8)).any(|at| {
        // Without a key of its own, a kernel signs nothing.
        number(at) == Some(all) && number(at + 8).is_some_and(|first| first == own || first == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate_of(length: u16) -> Vec<u8> {
        let mut certificate = vec![7; 4 + usize::from(length)];
        certificate[..2].copy_from_slice(BEGIN);
        certificate[2..4].copy_from_slice(&length.to_be_bytes());
        certificate[4..6].copy_from_slice(BEGIN);
        certificate
    }

    fn kernel(certificates: &[Vec<u8>], room: usize, lengths: [u64; 2]) -> Vec<u8> {
        let mut kernel = vec![1; 16];
        kernel.extend(certificates.concat());
        kernel.resize(kernel.len() + room, 0);
        kernel.resize(kernel.len().next_multiple_of(8), 0);
        lengths.iter().for_each(|length| kernel.extend(length.to_le_bytes()));
        kernel
    }

    #[test]
    fn a_list_of_certificates_is_proven_by_the_length_behind_it() {
        let two = [certificate_of(301), certificate_of(404)];
        let lengths = [305 + 408, 305];
        assert_eq!(builtin_certificates(&kernel(&two, 0, lengths)), Some(two.to_vec()));
        assert_eq!(builtin_certificates(&kernel(&two, EXTRA + 4 + 3, lengths)), Some(two.to_vec()));
        assert_eq!(builtin_certificates(&kernel(&two, 0, [305 + 409, 305])), None);
        assert_eq!(builtin_certificates(&kernel(&two, 0, [305 + 408, 77])), None);
        for cut in 0..700 {
            assert_eq!(builtin_certificates(&kernel(&two, 0, lengths)[..cut]), None, "{cut}");
        }
    }
}
