//! A directory with builds of other machines.

use modsmith_plugin::prelude::*;

struct Plugin;

impl Store for Plugin {
    fn places(_: &StoreRequest) -> Result<Vec<Place>> {
        store::place(PlaceKind::Directory)
    }
}

export!(Plugin: Store);
