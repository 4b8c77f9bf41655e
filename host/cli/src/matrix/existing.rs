//! Builds that need not be made: this machine's store has them, or one that machines share.

use std::cell::Cell;
use std::path::Path;

use crate::output;
use modsmith_core::error::{Error, Result};
use modsmith_core::flow::{Invocation, Purpose, SharedStore, Wanted, configured, has, is_stored, named, signing_key};
use modsmith_core::tree::{PackageId, Target};
use modsmith_store::Identity;

/// The stores in which builds are looked for.
pub(super) struct Existing {
    /// The store that cells will push to; `None`: those that plugins name.
    store: Option<SharedStore>,
    /// A store that cannot be asked is not asked again.
    is_away: Cell<bool>,
}

impl Existing {
    /// `push`: the store that cells push to, and the file of the private key; what that key has signed is there,
    /// and what registries.toml believes. The key may be on other machines only.
    ///
    /// # Errors
    /// The store cannot be used, or no key is known for it.
    pub(super) fn new(run: &Invocation<'_>, push: Option<(&str, &str)>) -> Result<Self> {
        let Some((address, key)) = push else { return Ok(Self { store: None, is_away: Cell::new(false) }) };
        let key = signing_key(Path::new(key));
        let own = key.as_ref().map(|key| key.public()).ok();
        let store = named(&run.env, address, own.into_iter().collect())?;
        match key {
            Err(error) if store.keys.is_empty() => Err(error),
            _ => Ok(Self { store: Some(store), is_away: Cell::new(false) }),
        }
    }

    /// Whether the build of an identity is there. An error of a shared store is a warning: builds
    /// that it may have are planned.
    pub(super) fn has(&self, run: &Invocation<'_>, id: &PackageId, target: &Target, identity: &Identity) -> bool {
        let wanted = Wanted { package: id, target, identity };
        is_stored(run, identity) || self.is_shared(run, wanted)
    }

    fn is_shared(&self, run: &Invocation<'_>, wanted: Wanted<'_>) -> bool {
        if self.is_away.get() {
            return false;
        }
        let found = match &self.store {
            Some(store) => has(store, wanted),
            None => configured(run, Purpose::Pull, wanted).and_then(|stores| any(&stores, wanted)),
        };
        found.unwrap_or_else(|error: Error| {
            self.is_away.set(true);
            output::warning(&format!("{} Builds that only this store has are planned.", error.message));
            false
        })
    }
}

fn any(stores: &[SharedStore], wanted: Wanted<'_>) -> Result<bool> {
    for store in stores {
        if has(store, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}
