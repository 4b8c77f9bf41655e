//! Where certificates are kept by the firmware and by the boot loader in front of the kernel.
//!
//! Source: UEFI Specification 2.10, section 32.3; the boot loader shim's `MokVars.txt`.

use super::list::{EfiSignature, entries};
use super::{Firmware, GLOBAL, OWNER};
use crate::inside;

/// Variables with the keys of programs that the firmware starts: `EFI_IMAGE_SECURITY_DATABASE_GUID`.
const IMAGES: &str = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";

/// Into how many variables one list is split, at most.
const PARTS: usize = 64;

/// A list of certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// `PK`: keys that may change the other lists.
    PlatformKey,
    /// `KEK`: keys that may change which programs are started.
    KeyExchange,
    /// `db`: signers of the programs that are started.
    Allowed,
    /// `dbx`: signers and programs that are no longer started, although they once were allowed.
    Forbidden,
    /// `MokListRT`: certificates that the machine's owner trusts.
    Owner,
    /// `MokListXRT`: certificates that the machine's owner, or the boot loader, no longer trusts.
    OwnerForbidden,
    /// `MokNew`: certificates that the next start asks about, to be trusted.
    OwnerRequested,
    /// `MokDel`: certificates that the next start asks about, to be trusted no longer.
    OwnerWithdrawn,
}

/// The contents of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreContents {
    pub entries: Vec<EfiSignature>,
    /// The variable that says so.
    pub source: &'static str,
}

impl Store {
    pub const ALL: [Store; 8] = [
        Store::PlatformKey,
        Store::KeyExchange,
        Store::Allowed,
        Store::Forbidden,
        Store::Owner,
        Store::OwnerForbidden,
        Store::OwnerRequested,
        Store::OwnerWithdrawn,
    ];

    /// The variable's name.
    pub fn name(self) -> &'static str {
        match self {
            Store::PlatformKey => "PK",
            Store::KeyExchange => "KEK",
            Store::Allowed => "db",
            Store::Forbidden => "dbx",
            Store::Owner => "MokListRT",
            Store::OwnerForbidden => "MokListXRT",
            Store::OwnerRequested => "MokNew",
            Store::OwnerWithdrawn => "MokDel",
        }
    }

    /// The meaning of an entry in this list, for people.
    pub fn words(self) -> &'static str {
        match self {
            Store::PlatformKey => "the platform key (PK)",
            Store::KeyExchange => "may change what the firmware starts (KEK)",
            Store::Allowed => "the firmware starts programs with it (db)",
            Store::Forbidden => "forbidden by the firmware (dbx)",
            Store::Owner => "enrolled by the machine's owner (MokListRT)",
            Store::OwnerForbidden => "forbidden by the machine's owner (MokListXRT)",
            Store::OwnerRequested => "waits to be enrolled at the next start (MokNew)",
            Store::OwnerWithdrawn => "waits to be withdrawn at the next start (MokDel)",
        }
    }

    fn guid(self) -> &'static str {
        match self {
            Store::PlatformKey | Store::KeyExchange => GLOBAL,
            Store::Allowed | Store::Forbidden => IMAGES,
            _ => OWNER,
        }
    }
}

impl Firmware {
    /// The contents of a list; none if the firmware has no such variable.
    ///
    /// # Errors
    /// Why that is not known, as a clause.
    pub fn store(&self, store: Store) -> Result<StoreContents, String> {
        let value = match self.copied(store)? {
            Some(value) => value,
            None => self.joined(store)?,
        };
        let entries = entries(&value).map_err(|fault| format!("{} cannot be read: {fault}", store.name()))?;
        Ok(StoreContents { entries, source: store.name() })
    }

    /// The copy of a variable that the kernel prefers: it is never split, and has no attributes.
    fn copied(&self, store: Store) -> Result<Option<Vec<u8>>, String> {
        let path = self.path(&format!("sys/firmware/efi/mok-variables/{}", store.name()));
        if store.guid() != OWNER || !inside::is_file(&path) {
            return Ok(None);
        }
        inside::read_configuration(&path).map(Some).map_err(|error| format!("{} cannot be read: {error}", store.name()))
    }

    /// A variable, and those that a list which is too long for one goes on in: `MokListRT1` and so on.
    fn joined(&self, store: Store) -> Result<Vec<u8>, String> {
        let read =
            |name: &str| Ok::<_, String>(self.variable(&format!("{name}-{}", store.guid()))?.map(|known| known.value));
        let Some(mut value) = read(store.name())? else { return Ok(Vec::new()) };
        if store.guid() != OWNER {
            return Ok(value);
        }
        for part in 1..=PARTS {
            match read(&format!("{}{part}", store.name()))? {
                Some(more) => value.extend(more),
                None => break,
            }
        }
        Ok(value)
    }
}
