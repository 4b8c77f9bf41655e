//! The rings of keys that the running kernel has for itself, such as `.builtin_trusted_keys`.
//!
//! The kernel tells a key's description, which has the identifier of its certificate, but never the
//! certificate.
//!
//! Source: `proc_keys(5)`, `keyctl_read(3)`; the kernel's `security/keys/proc.c` and
//! `crypto/asymmetric_keys/x509_public_key.c`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::inside;

/// `KEYCTL_READ`
const READ: libc::c_long = 11;

/// More keys than any ring has.
const MOST: usize = 1 << 16;

/// A key of a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingKey {
    /// The owner of the key, in the kernel's words. It is text of third parties: it must be made
    /// harmless before it is shown.
    pub name: String,
    /// The identifier of the certificate's subject key, else its serial number, in hexadecimal.
    pub id: String,
}

/// The rings whose names begin with a dot, and what is trusted no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyrings {
    /// By name; `Err` says why the keys of a ring are not known, as a clause.
    pub rings: BTreeMap<String, Result<Vec<RingKey>, String>>,
    /// The words of the ring `.blacklist`: `tbs:` and a SHA-256 digest, and others.
    pub forbidden: BTreeSet<String>,
}

/// The rings of the running kernel.
///
/// # Errors
/// Why they are not known, as a clause.
pub fn keyrings() -> Result<Keyrings, String> {
    let text = inside::read_configuration_text(Path::new("/proc/keys"));
    Ok(parse(&text.map_err(|error| format!("/proc/keys cannot be read: {error}"))?, members))
}

/// One line of `/proc/keys`.
struct Line<'t> {
    serial: i32,
    kind: &'t str,
    description: &'t str,
}

fn line(text: &str) -> Option<Line<'_>> {
    let mut rest = text;
    let mut words = [""; 8];
    for word in &mut words {
        rest = rest.trim_start();
        (*word, rest) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
    }
    let [serial, _flags, _usage, _timeout, _rights, _user, _group, kind] = words;
    let serial = u32::from_str_radix(serial, 16).ok()?.cast_signed();
    Some(Line { serial, kind, description: rest.trim() })
}

fn parse(text: &str, members: impl Fn(i32) -> Result<BTreeSet<i32>, String>) -> Keyrings {
    let lines: Vec<Line<'_>> = text.lines().filter_map(line).collect();
    let keys: BTreeMap<i32, RingKey> = lines
        .iter()
        .filter(|line| line.kind == "asymmetri")
        .filter_map(|line| Some((line.serial, key(line)?)))
        .collect();
    let ring = |line: &Line<'_>| {
        let (name, count) = line.description.rsplit_once(": ")?;
        let members = if count == "empty" { Ok(BTreeSet::new()) } else { members(line.serial) };
        let of_members =
            |members: BTreeSet<i32>| members.iter().filter_map(|serial| keys.get(serial)).cloned().collect();
        name.starts_with('.').then(|| (name.to_owned(), members.map(of_members)))
    };
    let forbidden = lines.iter().filter(|line| line.kind == "blacklist").map(|line| line.description.to_owned());
    Keyrings {
        rings: lines.iter().filter(|line| line.kind == "keyring").filter_map(ring).collect(),
        forbidden: forbidden.collect(),
    }
}

/// `NAME: ID: X509.rsa ID []`; a name may have anything in it.
fn key(line: &Line<'_>) -> Option<RingKey> {
    let (rest, _algorithm) = line.description.rsplit_once(": ")?;
    let (name, id) = rest.rsplit_once(": ").unwrap_or(("", rest));
    Some(RingKey { name: name.to_owned(), id: id.to_owned() })
}

/// The serial numbers of the keys of a ring.
fn members(ring: i32) -> Result<BTreeSet<i32>, String> {
    let mut serials: Vec<i32> = vec![0; 256];
    loop {
        let room = serials.len() * size_of::<i32>();
        // SAFETY: the kernel writes at most `room` bytes, which `serials` has.
        let length =
            unsafe { libc::syscall(libc::SYS_keyctl, READ, libc::c_long::from(ring), serials.as_mut_ptr(), room) };
        let Ok(length) = usize::try_from(length) else {
            return Err(format!("the ring cannot be read: {}", std::io::Error::last_os_error()));
        };
        if length <= room {
            serials.truncate(length / size_of::<i32>());
            return Ok(serials.into_iter().collect());
        }
        if length > MOST * size_of::<i32>() {
            return Err("the ring has too many keys".to_owned());
        }
        serials.resize(length / size_of::<i32>(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "\
00ef81c8 I------     1 perm 1f0b0000     0     0 keyring   .builtin_trusted_keys: 1
0fae6686 I------     1 perm 1f0f0000     0     0 keyring   .machine: empty
1682a276 I------     1 perm 0f0b0000     0     0 keyring   .blacklist: 1
2c8af95a I--Q---     2 perm 1f3f0000     0 65534 keyring   _uid.0: empty
30cf37af I------     1 perm 1f030000     0     0 asymmetri Debian: Secure: CA: 6ccece7e4c6c: X509.rsa 4c6c0d1f []
30cf37b0 I------     1 perm 1f030000     0     0 asymmetri not of this ring: 01: X509.rsa 01 []
31cf37b0 I------     1 perm 0b0b0000     0     0 blacklist tbs:00ff
broken
";

    #[test]
    fn rings_have_the_keys_that_the_kernel_says_they_have() {
        let rings = parse(KEYS, |ring| match ring {
            0x00ef_81c8 => Ok(BTreeSet::from([0x30cf_37af])),
            _ => Err("no rights".to_owned()),
        });
        let key = RingKey { name: "Debian: Secure: CA".to_owned(), id: "6ccece7e4c6c".to_owned() };
        assert_eq!(rings.rings[".builtin_trusted_keys"], Ok(vec![key]));
        assert_eq!(rings.rings[".machine"], Ok(Vec::new()));
        assert_eq!(rings.rings[".blacklist"], Err("no rights".to_owned()));
        assert_eq!(rings.forbidden, BTreeSet::from(["tbs:00ff".to_owned()]));
        assert_eq!(rings.rings.len(), 3, "only the kernel's own");
    }

    #[test]
    fn lines_that_are_none_are_left_out() {
        let of = |text: &str| parse(text, |_| Ok(BTreeSet::from([0x30cf_37af, 0x30cf_37b0])));
        for text in ["", "\n\n", "zzz"] {
            assert_eq!(of(text), Keyrings::default(), "{text:?}");
        }
        let forbidden = BTreeSet::from(["tbs:00ff".to_owned()]);
        // Without a colon, the description of a ring or of a key has no name.
        let nameless = of(&KEYS.replace(": ", " "));
        assert_eq!(nameless, Keyrings { forbidden: forbidden.clone(), ..Keyrings::default() });
        // Without a blank, a key has another kind: the rings are there, and no key is in them.
        let keyless = of(&KEYS.replace("asymmetri ", "asymmetri"));
        let empty = [".blacklist", ".builtin_trusted_keys", ".machine"].map(|name| (name.to_owned(), Ok(Vec::new())));
        assert_eq!(keyless, Keyrings { rings: BTreeMap::from(empty), forbidden });
    }

    #[test]
    fn a_ring_of_ones_own_is_read_from_the_kernel() {
        /// `KEY_SPEC_THREAD_KEYRING`
        const OF_THREAD: libc::c_long = -1;
        let serials: BTreeSet<i32> = (0..300)
            .map(|number| {
                let name = std::ffi::CString::new(format!("modsmith-test-{number}")).unwrap();
                // SAFETY: both strings end with a NUL, and the payload has one byte.
                let serial = unsafe {
                    libc::syscall(libc::SYS_add_key, c"user".as_ptr(), name.as_ptr(), c"x".as_ptr(), 1_usize, OF_THREAD)
                };
                assert!(serial > 0, "add_key(2): {}", std::io::Error::last_os_error());
                i32::try_from(serial).unwrap()
            })
            .collect();
        let ring = i32::try_from(OF_THREAD).unwrap();
        assert_eq!(members(ring), Ok(serials));
        assert!(members(0).unwrap_err().starts_with("the ring cannot be read"));
    }
}
