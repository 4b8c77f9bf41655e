//! ar archives in their common form, as the containers of Debian packages are: a magic
//! text, then members, each behind a header of sixty bytes, at even places. Source: ar(5).
//!
//! The SDK writes them (`modsmith_plugin::packaging::ar`).

use modsmith_plugin::{Error, Result, invalid};

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;

/// The members of an archive, by their names.
///
/// # Errors
/// `invalid` for what is no archive or ends too early.
pub fn read(archive: &[u8]) -> Result<Vec<(String, &[u8])>> {
    let mut rest = archive.strip_prefix(MAGIC).ok_or_else(|| invalid("it does not begin as a Debian package does"))?;
    let mut members = Vec::new();
    while !rest.is_empty() {
        let (header, contents) = rest.split_at_checked(HEADER).ok_or_else(cut)?;
        let field = |range: std::ops::Range<usize>| header.get(range).and_then(|field| str::from_utf8(field).ok());
        let name = field(0..16).unwrap_or_default().trim_end().trim_end_matches('/');
        let size = field(48..58).and_then(|size| size.trim_end().parse::<usize>().ok());
        let (Some(size), Some("`\n"), false) = (size, field(58..60), name.is_empty()) else {
            return Err(invalid("the header of one of its members is damaged"));
        };
        let (contents, behind) = contents.split_at_checked(size).ok_or_else(cut)?;
        members.push((name.to_owned(), contents));
        rest = behind.get(size % 2..).unwrap_or_default();
    }
    Ok(members)
}

fn cut() -> Error {
    invalid("it ends in the middle: it was not copied as a whole")
}

#[cfg(test)]
mod tests {
    use modsmith_plugin::packaging::ar;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let members: [(&str, &[u8]); 2] = [("debian-binary", b"2.0\n"), ("odd", b"abc")];
        let archive = ar(&members, 7).unwrap();
        let names: Vec<(String, &[u8])> = members.iter().map(|(name, bytes)| ((*name).into(), *bytes)).collect();
        assert_eq!(read(&archive).unwrap(), names);
    }

    #[test]
    fn what_is_no_archive_or_is_cut_is_refused() {
        let archive = ar(&[("debian-binary", b"2.0\n")], 0).unwrap();
        assert!(read(b"PK").is_err());
        assert!(read(&archive[..40]).is_err());
        assert!(read(&archive[..archive.len() - 1]).is_err());
        let mut damaged = archive.clone();
        damaged[8 + 50] = b'x';
        assert!(read(&damaged).is_err());
    }
}
