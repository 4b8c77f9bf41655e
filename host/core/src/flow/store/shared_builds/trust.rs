//! Keys: whom the administrator believes, and who signs.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use modsmith_facts::inside;
use modsmith_plugins::check_owner;
use modsmith_plugins::search::CONFIG;
use modsmith_registry::{PublicKey, SigningKey};

/// Below the configuration directory: `NAME.pub` of each key.
const KEYS: &str = "keys";

/// A public key in a file: PEM, on the curve P-256.
///
/// # Errors
/// It cannot be read as one.
pub fn public_key(file: &Path) -> Result<PublicKey> {
    let pem = inside::read_configuration(file).map_err(|error| Error::io("read", file, error))?;
    PublicKey::from_pem(&pem).map_err(|error| unusable(file, &error))
}

/// A private key in a file: PEM without a passphrase, on the curve P-256.
///
/// # Errors
/// It cannot be read as one.
pub fn signing_key(file: &Path) -> Result<SigningKey> {
    let pem = inside::read_configuration(file).map_err(|error| Error::io("read", file, error))?;
    SigningKey::from_pem(&pem).map_err(|error| unusable(file, &error))
}

/// The key of this name that the administrator has put into the directory of keys.
///
/// # Errors
/// There is none, or users other than root could have written it.
pub(super) fn key_of_administrator(name: &str) -> Result<PublicKey> {
    let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
    let file = Path::new(CONFIG).join(KEYS).join(format!("{name}.pub"));
    if !is_plain {
        let text = format!("`{name}` is no name of a key.");
        return Err(Error::new(Kind::System, text).hint("It is a plain name without `.pub`."));
    }
    check_owner(&file).map_err(|why| {
        Error::new(Kind::System, format!("The key `{name}` of a store cannot be used: {why}."))
            .hint(format!("Put the public key into {}, which belongs to root.", file.display()))
    })?;
    public_key(&file)
}

fn unusable(file: &Path, error: &modsmith_registry::Error) -> Error {
    Error::new(Kind::System, format!("{} cannot be used. {error}", file.display()))
        .hint("The page about shared builds says how a pair of keys is made.")
}
