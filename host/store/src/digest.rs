//! Digests, and identities, which are digests of inputs.

use std::fmt;
use std::io::{self, Read};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

const PREFIX: &str = "sha256:";

/// `sha256:` and 64 hexadecimal digits of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", hex::encode(ring::digest::digest(&SHA256, bytes)))
}

/// The same of what is left to read of a file.
///
/// # Errors
/// Those of reading.
pub fn digest_of(mut file: impl Read) -> io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 128 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(format!("{PREFIX}{}", hex::encode(context.finish()))),
            Ok(length) => context.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What a product is known by: the digest of its inputs in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identity(String);

impl Identity {
    pub(crate) fn of(canonical: &[u8]) -> Self {
        Self(digest(canonical))
    }

    /// From its text, with `sha256:` or without. `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX).unwrap_or(text);
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == 64 && digits.bytes().all(is_digit)).then(|| Self(format!("{PREFIX}{digits}")))
    }

    /// Its 64 digits: a plain file name.
    pub fn digits(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or(&self.0)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> Self {
        identity.0
    }
}

impl TryFrom<String> for Identity {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no identity: `sha256:` and 64 digits are needed"))
    }
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

    #[test]
    fn an_identity_is_a_digest_and_a_plain_name() {
        let text = digest(b"");
        let identity = Identity::parse(&text).unwrap();
        assert_eq!(identity.to_string(), text);
        assert_eq!(Identity::parse(identity.digits()), Some(identity));
        for bad in ["", "sha256:", "sha256:0", "..", &text.to_uppercase(), &text.replace('e', "/")] {
            assert_eq!(Identity::parse(bad), None, "{bad}");
        }
    }
}
