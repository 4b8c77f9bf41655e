//! `sha256:…`: what content is called in a registry.
//!
//! Source: "Digests" in descriptor.md of image-spec 1.1.1. Other algorithms are not
//! written by anyone that is known, and real registries refuse them.

use std::fmt;

use ring::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};

const ALGORITHM: &str = "sha256:";

/// A sha256 digest as registries write it: `sha256:` and 64 lower-case digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// # Errors
    /// A clause that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix(ALGORITHM).ok_or("a digest begins with `sha256:`")?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match digits.len() == 64 && digits.bytes().all(is_digit) {
            true => Ok(Self(text.to_owned())),
            false => Err("a sha256 digest has 64 digits, 0–9 and a–f".to_owned()),
        }
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::made(digest(&SHA256, bytes).as_ref())
    }

    fn made(hash: &[u8]) -> Self {
        Self(format!("{ALGORITHM}{}", hex::encode(hash)))
    }

    /// With the algorithm.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 digits.
    pub fn hex(&self) -> &str {
        &self.0[ALGORITHM.len()..]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

/// Computes the digest of bytes that arrive in pieces.
pub struct Hasher(Context);

impl Hasher {
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> Digest {
        Digest::made(self.0.finish().as_ref())
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest of `abc`. Source: FIPS 180-2, appendix B.1.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_digest_of_pieces_is_that_of_the_whole() {
        let mut hasher = Hasher::new();
        [b"a".as_slice(), b"", b"bc"].iter().for_each(|piece| hasher.update(piece));
        assert_eq!((hasher.finish().as_str(), Digest::of(b"abc").as_str()), (ABC, ABC));
        assert_eq!(Digest::of(b"abc").hex().len(), 64);
    }

    #[test]
    fn only_a_sha256_digest_in_lower_case_is_one() {
        assert_eq!(Digest::parse(ABC).unwrap().as_str(), ABC);
        for text in [&ABC[7..], &ABC[..70], &ABC.to_uppercase(), &ABC.replace("sha256", "sha512"), "sha256:", ""] {
            assert!(Digest::parse(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Digest>("\"sha256:../../etc\"").is_err());
    }
}
