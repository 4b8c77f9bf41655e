//! An address with builds of other machines, which is only read.

use modsmith_plugin::prelude::*;

struct Plugin;

impl Store for Plugin {
    fn places(request: &StoreRequest) -> Result<Vec<Place>> {
        if request.purpose() == "push" {
            return Err(unsupported("a web server only offers what was pushed to its directory"));
        }
        store::place(PlaceKind::Https)
    }
}

export!(Plugin: Store);
