//! The certificates that are compiled into a kernel: it trusts them from its start.
//!
//! Source: the kernel's `certs/system_certificates.S`: certificates in DER form, one after
//! the other, from an address that is a multiple of 8; then, at the next such address or behind room for a
//! certificate more, the length of all and the length of the kernel's own one.

use std::ops::Range;

use memchr::memmem;

/// `SEQUENCE` with a length of two bytes, as every certificate of an ordinary size begins.
const BEGIN: &[u8] = &[0x30, 0x82];

/// The value of `CONFIG_SYSTEM_EXTRA_CERTIFICATE_SIZE` in kernels that have the room.
const EXTRA: usize = 4096;

/// The largest list of certificates, in bytes.
const LIMIT: usize = 1 << 20;

/// The most certificates of one list: kernels have some dozens of them.
const MOST: usize = 256;

/// The smallest certificate, in bytes: a key and its signature alone have more.
const SMALLEST: usize = 200;

/// The most certificates that are looked at in a kernel, whether they are in its list or not.
const MOST_TRIED: usize = 1 << 16;

/// The certificates of a kernel that has been unpacked, in DER form. `None` where no run of
/// certificates is followed by its own length, which alone proves that the run is this list
/// and not one of, say, revoked keys.
pub fn builtin_certificates(kernel: &[u8]) -> Option<Vec<Vec<u8>>> {
    search(kernel, &mut { MOST_TRIED })
}

/// As [`builtin_certificates`], with the number of certificates that may still be looked at. The search goes on
/// behind a run that has no list at its end: so the time does not grow with the square of the kernel's size.
fn search(kernel: &[u8], room: &mut usize) -> Option<Vec<Vec<u8>>> {
    let mut behind = 0;
    for start in memmem::find_iter(kernel, BEGIN) {
        if start < behind || !start.is_multiple_of(8) {
            continue;
        }
        let certificates = run(&kernel[start..], MOST.min(*room));
        *room -= certificates.len();
        let end = start + certificates.iter().map(|certificate| certificate.len()).sum::<usize>();
        let mut begin = start;
        for (index, first) in certificates.iter().enumerate() {
            if begin.is_multiple_of(8) && length_follows(kernel, begin..end, first.len()) {
                return Some(certificates[index..].iter().map(|certificate| certificate.to_vec()).collect());
            }
            begin += first.len();
        }
        if *room == 0 {
            return None;
        }
        behind = end;
    }
    None
}

/// Certificates that follow each other without a gap, at most so many.
fn run(bytes: &[u8], most: usize) -> Vec<&[u8]> {
    let mut rest = &bytes[..bytes.len().min(LIMIT)];
    let mut found = Vec::new();
    while found.len() < most
        && let Some((certificate, behind)) = certificate(rest)
    {
        found.push(certificate);
        rest = behind;
    }
    found
}

/// A certificate is a sequence that begins with a sequence.
fn certificate(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x30, 0x82, high, low, 0x30, 0x82, ..] = bytes else { return None };
    let length = 4 + usize::from(u16::from_be_bytes([*high, *low]));
    if length < SMALLEST { None } else { bytes.split_at_checked(length) }
}

/// Whether a list is followed by its length and by the length of the kernel's own certificate, which is the first.
fn length_follows(kernel: &[u8], list: Range<usize>, own: usize) -> bool {
    let number = |at: usize| Some(u64::from_le_bytes(*kernel.get(at..)?.first_chunk()?));
    let behind_room = (list.end + EXTRA).next_multiple_of(4) + 4;
    [list.end, behind_room].into_iter().map(|at| at.next_multiple_of(8)).any(|at| {
        // Without a key of its own, a kernel signs nothing.
        number(at) == Some(list.len() as u64) && number(at + 8).is_some_and(|first| first == own as u64 || first == 0)
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
        let short = [certificate_of(301), certificate_of(100)];
        assert_eq!(builtin_certificates(&kernel(&short, 0, [305 + 104, 305])), None, "no certificate is so short");
        for cut in 0..700 {
            assert_eq!(builtin_certificates(&kernel(&two, 0, lengths)[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn the_list_can_follow_what_is_no_part_of_it() {
        let all = [certificate_of(404), certificate_of(300), certificate_of(301)];
        let lengths = [304 + 305, 304];
        assert_eq!(builtin_certificates(&kernel(&all, 0, lengths)), Some(all[1..].to_vec()));
        let other = kernel(&all, 0, [7, 7]);
        let two = kernel(&all, 0, [408 + 304 + 305, 408]);
        assert_eq!(builtin_certificates(&[other, two].concat()), Some(all.to_vec()));
    }

    #[test]
    fn what_looks_like_certificates_everywhere_is_looked_at_once() {
        const SIZE: usize = 4 << 20;
        let looked_at = |pattern: &[u8]| {
            let mut room = usize::MAX;
            assert_eq!(search(&pattern.repeat(SIZE / pattern.len()), &mut room), None);
            usize::MAX - room
        };
        assert_eq!(looked_at(&[0x30, 0x82, 0, 4]), 0, "they are too short");
        for length in [200, 204, 1000] {
            let [high, low] = u16::to_be_bytes(length);
            let count = looked_at(&[0x30, 0x82, high, low]);
            assert!(count <= SIZE / usize::from(length), "{count} of {length} bytes");
        }
        let mut room = 1000;
        assert_eq!(search(&[0x30, 0x82, 0, 200].repeat(SIZE / 4), &mut room), None);
        assert_eq!(room, 0);
    }
}
