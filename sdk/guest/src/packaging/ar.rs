use crate::{Pieces, Result, invalid};

/// The first bytes of an archive.
const MAGIC: &[u8] = b"!<arch>\n";

/// Longest name of a member in its common form, as dpkg wants it: the field has
/// 16 bytes, and GNU's `/` is not there.
const LONGEST: usize = 16;

/// An ar archive, as `.deb` files are: members in the order given, owned by
/// root, all of one date in seconds since 1970.
///
/// # Errors
/// `invalid` for a name that is empty, longer than 16 bytes or not plain, and
/// for contents whose size has more than ten digits.
pub fn ar(members: &[(&str, &[u8])], date: u64) -> Result<Vec<u8>> {
    let mut archive = MAGIC.to_vec();
    for (name, contents) in members {
        archive.extend(header(name, contents.len() as u64, date)?.bytes());
        archive.extend(*contents);
        archive.extend(padding(contents.len() as u64));
    }
    Ok(archive)
}

/// As [`ar`], from pieces: for members that are larger than the plugin's memory.
///
/// # Errors
/// As [`ar`].
pub fn ar_of_pieces(members: Vec<(&str, Pieces)>, date: u64) -> Result<Pieces> {
    let mut archive = Pieces::from(MAGIC);
    for (name, contents) in members {
        let length = contents.len();
        archive.bytes(header(name, length, date)?);
        archive.append(contents);
        archive.bytes(padding(length));
    }
    Ok(archive)
}

fn header(name: &str, length: u64, date: u64) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
    if name.is_empty() || name.len() > LONGEST || !name.bytes().all(plain) {
        return Err(invalid(format!("`{name}` cannot be the name of a member of an ar archive")));
    }
    let header = format!("{name:<16}{date:<12}{:<6}{:<6}{:<8}{length:<10}`\n", 0, 0, 100_644);
    match header.len() {
        60 => Ok(header),
        _ => Err(invalid(format!("{name} is too large for an ar archive, or its date has too many digits"))),
    }
}

/// Members begin at even places.
fn padding(length: u64) -> &'static [u8] {
    if length % 2 == 1 { b"\n" } else { b"" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_begin_at_even_places_behind_headers_of_sixty_bytes() {
        let members: [(&str, &[u8]); 3] = [("debian-binary", b"2.0\n"), ("odd", b"x"), ("last", b"")];
        let archive = ar(&members, 946_684_800).unwrap();
        let pieces = members.map(|(name, contents)| (name, Pieces::from(contents)));
        assert_eq!(ar_of_pieces(pieces.into(), 946_684_800).unwrap().held(), Some(archive.as_slice()));
        let text = String::from_utf8(archive).unwrap();
        let expected = [
            "!<arch>\n",
            "debian-binary   946684800   0     0     100644  4         `\n2.0\n",
            "odd             946684800   0     0     100644  1         `\nx\n",
            "last            946684800   0     0     100644  0         `\n",
        ];
        assert_eq!(text, expected.concat());
    }

    #[test]
    fn names_that_no_header_can_hold_are_refused() {
        for name in ["", "seventeen-letters", "a/b", "two words"] {
            assert!(ar(&[(name, b"")], 0).is_err(), "{name}");
        }
        assert!(ar(&[("x", b"")], u64::MAX).is_err());
    }
}
