//! A registry with builds of other machines.

use modsmith_plugin::prelude::*;

struct Plugin;

impl Store for Plugin {
    fn places(_: &StoreRequest) -> Result<Vec<Place>> {
        store::place(PlaceKind::Oci)
    }
}

export!(Plugin: Store);
