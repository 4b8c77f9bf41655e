//! Identities, which are digests of inputs.

use std::fmt;

use modsmith_facts::{DIGEST_PREFIX, digest};
use serde::{Deserialize, Serialize};

/// The identity of a product: the digest of its inputs in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identity(String);

impl Identity {
    pub(crate) fn of(canonical: &[u8]) -> Self {
        Self(digest(canonical))
    }

    /// Reads an identity, with `sha256:` or without. `None`: the text is no identity.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(DIGEST_PREFIX).unwrap_or(text);
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == 64 && digits.bytes().all(is_digit)).then(|| Self(format!("{DIGEST_PREFIX}{digits}")))
    }

    /// The 64 digits, which are a plain file name.
    pub fn digits(&self) -> &str {
        self.0.strip_prefix(DIGEST_PREFIX).unwrap_or(&self.0)
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
