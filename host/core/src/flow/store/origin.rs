//! Where a stored build was fetched from, and whether it is revoked.

use serde_json::{Map, Value};

use crate::conf::revoked::Revoked;
use crate::error::{Error, Kind, Result};
use crate::tree::{Origin, PackageId, RecordedStore, Target};
use modsmith_store::Entry;

/// The fact with the [`Origin`] of a build that was fetched.
const ORIGIN: &str = "origin";

/// Where a stored build was fetched from; `None`: it was made here.
pub(crate) fn origin_of(entry: &Entry) -> Option<Origin> {
    serde_json::from_value(entry.facts.get(ORIGIN)?.clone()).ok()
}

/// Notes where a build was fetched from, whatever others have noted.
pub(crate) fn note_origin(facts: &mut Map<String, Value>, origin: &Origin) {
    facts.insert(ORIGIN.to_owned(), serde_json::to_value(origin).unwrap_or(Value::Null));
}

/// Errors: why a stored build is not to be used, as a clause: it, or one of its files, is revoked.
pub(crate) fn refuse_revoked(entry: &Entry) -> Result<(), String> {
    let revoked = Revoked::read().map_err(|error| error.message.trim_end_matches('.').to_owned())?;
    let (identity, origin) = (entry.identity().to_string(), origin_of(entry));
    let digests = entry.files.values().map(|file| file.digest.as_str()).chain([identity.as_str()]);
    match revoked.first(digests.chain(origin.iter().map(|origin| origin.artefact.as_str()))) {
        Some(digest) => Err(format!("{digest} is revoked")),
        None => Ok(()),
    }
}

/// A build in the tree that came from a store is not installed once it is revoked.
pub(crate) fn refuse_revoked_install(id: &PackageId, target: &Target, store: Option<&RecordedStore>) -> Result<()> {
    let Some(store) = store.filter(|store| store.reused) else { return Ok(()) };
    let digests = [
        Some(store.identity.as_str()),
        store.compatible.as_ref().map(|compatible| compatible.identity.as_str()),
        store.origin.as_ref().map(|origin| origin.artefact.as_str()),
    ];
    match Revoked::read()?.first(digests.into_iter().flatten()) {
        None => Ok(()),
        Some(digest) => {
            let text =
                format!("{id} is not installed for kernel {target}: {digest}, which it was made from, is revoked.");
            Err(Error::new(Kind::System, text)
                .hint(format!("Build it on this machine: `modsmith build {id} -k {} --force`.", target.kernel)))
        }
    }
}
