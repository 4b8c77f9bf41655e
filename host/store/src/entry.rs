//! One entry of a store: the inputs and the files of a product.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Identity;
use crate::inputs::Inputs;
use modsmith_facts::digest;

/// Increased when the form of entries changes. Entries of another form are not read.
const SCHEMA_VERSION: u32 = 1;

/// The product that was made from some inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    schema_version: u32,
    pub inputs: Inputs,
    /// The caller's facts about it, beside its inputs.
    pub facts: Map<String, Value>,
    /// The files, by name.
    pub files: BTreeMap<String, StoredFile>,
}

/// A file as it was when it was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// In bytes.
    pub size: u64,
    /// `sha256:` and 64 digits.
    pub digest: String,
}

/// The outcome of storing a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// The store did not have the product.
    New,
    /// The store had the product, with the same files.
    Same,
    /// The store had other contents of these files, and has replaced them: the product depends on
    /// something that is no input.
    Replaced(Vec<String>),
}

/// An entry with its own digest: a damaged one is seen.
#[derive(Serialize, Deserialize)]
struct Sealed<E> {
    seal: String,
    entry: E,
}

impl Entry {
    pub(crate) fn new(inputs: Inputs, facts: Map<String, Value>, files: BTreeMap<String, StoredFile>) -> Self {
        Self { schema_version: SCHEMA_VERSION, inputs, facts, files }
    }

    pub fn identity(&self) -> Identity {
        self.inputs.identity()
    }

    /// The size of all files, in bytes.
    pub fn size(&self) -> u64 {
        self.files.values().map(|file| file.size).sum()
    }

    /// The entry as JSON: the same bytes for the same entry.
    ///
    /// # Errors
    /// A text that JSON cannot have; there is none.
    pub fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let seal = digest(&serde_json::to_vec(self)?);
        serde_json::to_vec(&Sealed { seal, entry: self })
    }

    /// Reads an entry of this identity.
    ///
    /// # Errors
    /// Why it is no entry of this identity, as a clause.
    pub fn from_bytes(bytes: &[u8], identity: &Identity) -> Result<Self, String> {
        let entry = Self::of_any(bytes)?;
        if entry.identity() != *identity {
            return Err("it was made from other inputs than its name says".to_owned());
        }
        Ok(entry)
    }

    /// Reads an entry of any identity.
    ///
    /// # Errors
    /// Why it is no entry, as a clause.
    pub fn of_any(bytes: &[u8]) -> Result<Self, String> {
        let Sealed { seal, entry } = serde_json::from_slice::<Sealed<Self>>(bytes)
            .map_err(|error| format!("its list cannot be read: {error}"))?;
        let intact = serde_json::to_vec(&entry).is_ok_and(|bytes| digest(&bytes) == seal);
        if !intact {
            return Err("its list was changed".to_owned());
        }
        if entry.schema_version != SCHEMA_VERSION {
            return Err("it was written by another version of the program".to_owned());
        }
        Ok(entry)
    }

    /// The names of files whose contents are not those of another entry.
    pub(crate) fn files_unlike(&self, other: &Self) -> Vec<String> {
        let names: std::collections::BTreeSet<_> = self.files.keys().chain(other.files.keys()).collect();
        names.into_iter().filter(|name| self.files.get(*name) != other.files.get(*name)).cloned().collect()
    }
}
