//! A directory with builds of other machines.

use modsmith_plugin::prelude::*;

struct Plugin;

impl Store for Plugin {
    fn places(_: &StoreRequest) -> Result<Vec<Place>> {
        let address = setting("address")?.ok_or_else(|| unsupported("`address` is not set"))?;
        Ok(vec![Place { kind: PlaceKind::Directory, address, keys: setting_list("keys")? }])
    }
}

export!(Plugin: Store);
