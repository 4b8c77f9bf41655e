//! Products of programs, kept by a digest of all that they were made from.
//!
//! A caller describes what goes into a product as ordered [`Inputs`]; their digest is the
//! product's [`Identity`]. The [`Store`] is a directory with one entry for each identity: its
//! inputs and its files, each known by its digest. An entry appears with all of its files, is
//! read back by digests, and is believed only where no other user could have written it. An entry
//! travels to another store as its list ([`Entry::to_bytes`]) and an archive of its files ([`pack`]).
//!
//! What it knows: inputs as ordered trees of texts, directories and their digests, entries,
//! files. What it must never know: kernels, packages, plans, and what inputs mean.

// The identity of a product.
mod digest;
mod inputs;

// The directory of products.
mod entry;
mod error;
mod lock;
mod store;

// Products on their way to another store.
mod transit;

pub use digest::Identity;
pub use entry::{Entry, Kept, StoredFile};
pub use error::{Error, Result};
pub use inputs::{Difference, Inputs, Value};
pub use lock::Shared;
pub use modsmith_facts::{Listing, MOST_ENTRIES, digest, digest_of};
pub use store::{Collected, Fault, Listed, New, Store};
pub use transit::{pack, unpack, unpacked_digest};
