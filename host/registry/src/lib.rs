//! An OCI registry as a place to keep and fetch artefacts.
//!
//! Nothing is believed that a registry says: bytes have the digest and the size that were
//! asked for, answers are limited in length and time, and credentials go to the host that
//! they are for. There is no runtime and no thread: a call blocks until it has an answer.
//!
//! * names: [`Reference`], [`Repository`], [`Digest`]
//! * documents: [`manifest`]
//! * [`Client`]: manifests and tags; blobs in [`Client::pull_blob`] and
//!   [`Client::push_blob`]; what refers to a manifest in [`Client::referrers`]
//! * a [`Shelf`]: what a repository of a registry ([`OfRegistry`]) and an OCI image layout have
//!   in common, which is a directory ([`Directory`]) or files over HTTPS ([`Website`])
//! * signatures that cosign takes: [`sign`], [`verify`], and signed statements: [`attest`],
//!   with [`PublicKey`] and [`SigningKey`]
//! * how registries are spoken to: [`Settings`]; files over HTTPS, for those who keep some
//!   there: [`fetch`]
//!
//! This crate knows nothing of plugins, packages and kernels.

mod address;
mod authorization;
mod challenge;
mod client;
mod credentials;
mod digest;
mod error;
mod fetch;
mod layout;
pub mod manifest;
mod proxy;
mod pull;
mod push;
mod reference;
mod referrers;
mod repository;
mod settings;
mod shelf;
mod signature;
mod transport;

pub use client::{Client, Pushed};
pub use digest::{Digest, Hasher};
pub use error::{Error, Result};
pub use fetch::fetch;
pub use layout::{Directory, Website};
pub use proxy::Proxies;
pub use push::Sending;
pub use reference::{Reference, Repository, SCHEME, normal_host};
pub use referrers::referrers_tag;
pub use repository::OfRegistry;
pub use settings::{Host, Settings};
pub use shelf::Shelf;
pub use signature::{Predicate, PublicKey, SigningKey, attest, sign, verify};
pub use transport::Content;
