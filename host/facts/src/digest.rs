//! What a file is known by.

use std::io;
use std::path::Path;

use sha2::Digest;

/// `sha256:` and 64 hexadecimal digits of a file's contents.
///
/// # Errors
/// A file that cannot be read.
pub fn file_digest(path: &Path) -> io::Result<String> {
    Ok(format!("sha256:{}", hex::encode(sha2::Sha256::digest(std::fs::read(path)?))))
}
