//! The builds in the store: listed, verified, removed.

use std::time::SystemTime;

use serde_json::Value;

use crate::conf::SettingsFile;
use crate::conf::store::Settings;
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::store::builds::open;
use crate::flow::store::origin::refuse_revoked;
use modsmith_store::{Collected, Entry, Identity, Listed, Store};

/// A build in the store.
#[derive(Debug, Clone)]
pub struct StoredBuild {
    pub identity: Identity,
    /// When it was stored or used last.
    pub used: SystemTime,
    /// `None`: its list cannot be read.
    pub facts: Option<StoredFacts>,
    /// What is wrong with it, as a clause; its files are only read where that was asked for.
    pub fault: Option<String>,
}

/// What a build in the store is.
#[derive(Debug, Clone)]
pub struct StoredFacts {
    /// `module/version`
    pub package: String,
    pub kernel: String,
    pub arch: String,
    /// Names of its files.
    pub files: Vec<String>,
    /// In bytes.
    pub size: u64,
}

/// All of them, the one that was used last first.
///
/// # Errors
/// The store cannot be read.
pub fn stored_builds(run: &Invocation<'_>) -> Result<Vec<StoredBuild>> {
    list(run, |_, _, _| None)
}

/// The same with all files compared with their digests, and with what is revoked.
///
/// # Errors
/// The store cannot be read.
pub fn verify_store(run: &Invocation<'_>) -> Result<Vec<StoredBuild>> {
    list(run, |store, identity, entry| {
        let damaged = store.verify(identity).err().map(|fault| fault.to_string());
        damaged.or_else(|| refuse_revoked(entry).err())
    })
}

fn list(run: &Invocation<'_>, check: impl Fn(&Store, &Identity, &Entry) -> Option<String>) -> Result<Vec<StoredBuild>> {
    let Some(store) = open(&run.env).map_err(unusable)? else { return Ok(Vec::new()) };
    let _shared = store.share().map_err(unusable)?;
    let entries = store.entries().map_err(unusable)?;
    let build = |Listed { identity, used, entry }: Listed| {
        let (facts, fault) = match entry {
            Ok(entry) => {
                let text = |name: &str| entry.facts.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let facts = StoredFacts {
                    package: text("package"),
                    kernel: text("kernel"),
                    arch: text("arch"),
                    files: entry.files.keys().cloned().collect(),
                    size: entry.size(),
                };
                (Some(facts), check(&store, &identity, &entry))
            }
            Err(fault) => (None, Some(fault.to_string())),
        };
        StoredBuild { identity, used, facts, fault }
    };
    Ok(entries.into_iter().map(build).collect())
}

/// Removes damaged builds, what killed invocations left, and those that were not used for the longest
/// time, until the rest is no larger than the settings, or `limit`, allow. In bytes.
///
/// # Errors
/// Others use the store; it cannot be read or written.
pub fn collect_store(run: &Invocation<'_>, limit: Option<u64>) -> Result<Collected> {
    let limit = limit.map_or_else(|| Settings::read().map(|settings| settings.size()), Ok)?;
    let Some(store) = open(&run.env).map_err(unusable)? else { return Ok(Collected::default()) };
    for build in verify_store(run)?.iter().filter(|build| build.fault.is_some()) {
        store.remove(&build.identity).map_err(unusable)?;
    }
    store.collect(limit).map_err(unusable)?.ok_or_else(|| {
        Error::new(Kind::System, format!("The store {} is in use.", store.path().display()))
            .hint("Run the command again when no modules are built or installed.")
    })
}

fn unusable(error: modsmith_store::Error) -> Error {
    let remedy = match &error {
        modsmith_store::Error::Untrusted(why) => why.remedy(),
        error if error.is_denied() => "Run it as root: the store belongs to root.".to_owned(),
        _ => "The store is a cache: it may be deleted at any time.".to_owned(),
    };
    Error::from(error).hint(remedy)
}
