//! Digests of bytes and of files.

use std::io::{self, Read};
use std::path::Path;

use ring::digest::{Context, SHA256};

use crate::inside;

/// The prefix of a digest.
pub const DIGEST_PREFIX: &str = "sha256:";

/// `sha256:` and 64 hexadecimal digits of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    format!("{DIGEST_PREFIX}{}", hex::encode(ring::digest::digest(&SHA256, bytes)))
}

/// The digest of the rest of a file, from where it is read next.
///
/// # Errors
/// Those of read(2).
pub fn digest_of(mut file: impl Read) -> io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 128 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(format!("{DIGEST_PREFIX}{}", hex::encode(context.finish()))),
            Ok(length) => context.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The digest of the regular file at a path.
///
/// # Errors
/// Those of [`inside::open`] and of read(2).
pub fn file_digest(path: &Path) -> io::Result<String> {
    inside::open(path)?.map_or_else(|| Ok(digest(&[])), digest_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_others() {
        // Source: FIPS 180-2, B.1.
        let known = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc"), known);
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"abc").unwrap();
        io::Seek::rewind(&mut file).unwrap();
        assert_eq!(digest_of(file).unwrap(), known);
    }
}
