//! Signatures of manifests with a key, as cosign makes and verifies them.
//!
//! Both of cosign's forms are written, since programs look for one or the other, and
//! either is accepted: [`simple`] is what versions up to 2 and container tools know,
//! [`bundle`] what version 3 writes. A signature is one of a manifest's digest; through
//! it, all layers are covered.

mod bundle;
mod key;
mod simple;

pub use bundle::Predicate;
pub use key::{PublicKey, SigningKey};

use crate::client::Client;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::reference::Repository;
use crate::repository::OfRegistry;
use crate::shelf::Shelf;

/// The largest number of manifests that are opened in search of a signature.
const MOST_OPENED: usize = 64;
/// The largest signed text and the largest bundle, in bytes.
const LARGEST_STATEMENT: u64 = 1 << 20;

/// The result of a search for a signature.
enum Found<'k> {
    /// A signature of this key was found.
    By(&'k PublicKey),
    /// Each signature that was found is of another key.
    Others,
    Nothing,
}

/// Signs a manifest, in both forms. Returns the refusal of a registry that takes no bundles: then
/// only the other form is there, which is enough.
///
/// # Errors
/// `BadKey`: the key cannot sign. Those of writing to the shelf.
pub fn sign(shelf: &dyn Shelf, subject: &Descriptor, key: &SigningKey) -> Result<Option<Error>> {
    simple::write(shelf, subject, key)?;
    match bundle::write(shelf, subject, &bundle::signed(), key) {
        Err(error) if error.is_about_kind() => Ok(Some(error)),
        written => written.map(|()| None),
    }
}

/// Attaches a signed statement about a manifest, as `cosign attest` does.
///
/// # Errors
/// The errors of [`sign`].
pub fn attest(shelf: &dyn Shelf, subject: &Descriptor, about: &Predicate, key: &SigningKey) -> Result<()> {
    bundle::write(shelf, subject, about, key)
}

/// The first of the keys that has signed a manifest.
///
/// # Errors
/// `Unsigned`: there is no signature. `OtherSigner`: there are signatures, and none is of one
/// of the keys. Those of reading from the shelf.
pub fn verify<'k>(shelf: &dyn Shelf, subject: &Digest, keys: &'k [PublicKey]) -> Result<&'k PublicKey> {
    let simple = simple::find(shelf, subject, keys)?;
    if let Found::By(key) = simple {
        return Ok(key);
    }
    let bundle = bundle::find(shelf, subject, keys)?;
    let what = format!("{}@{subject}", shelf.name());
    match (simple, bundle) {
        (_, Found::By(key)) => Ok(key),
        (Found::Nothing, Found::Nothing) => Err(Error::Unsigned { what }),
        _ => Err(Error::OtherSigner { what, keys: keys.len() }),
    }
}

impl Client {
    /// [`sign`] for a manifest of a repository.
    ///
    /// # Errors
    /// The errors of [`sign`].
    pub fn sign(&self, repository: &Repository, subject: &Descriptor, key: &SigningKey) -> Result<Option<Error>> {
        sign(&OfRegistry::new(self, repository.clone()), subject, key)
    }

    /// [`verify`] for a manifest of a repository.
    ///
    /// # Errors
    /// The errors of [`verify`].
    pub fn verify<'k>(
        &self,
        repository: &Repository,
        subject: &Digest,
        keys: &'k [PublicKey],
    ) -> Result<&'k PublicKey> {
        verify(&OfRegistry::new(self, repository.clone()), subject, keys)
    }
}
