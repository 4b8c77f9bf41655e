//! Names the server of the company, from which builds of other machines come.

use modsmith_plugin::prelude::*;

struct Plugin;

impl Store for Plugin {
    fn places(_: &StoreRequest) -> Result<Vec<Place>> {
        let address = setting("address")?.ok_or_else(|| unsupported("`address` is not set"))?;
        Ok(vec![Place { kind: PlaceKind::Https, address, keys: setting_list("keys")? }])
    }
}

export!(Plugin: Store);
