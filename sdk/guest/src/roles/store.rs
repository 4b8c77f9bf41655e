use crate::bindings::imports::modsmith::plugin::answers;
use crate::bindings::store::exports::modsmith::plugin::store as wit;
use crate::{Result, StoreRequest};

/// The kind of a store elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaceKind {
    /// An OCI image layout at an absolute path.
    Directory,
    /// An OCI image layout as static files; it is only read.
    Https,
    /// A registry: `HOST[:PORT]/PATH`; the host adds the package's name.
    Oci,
}

/// A place with builds of many machines. Address and keys have to be among the values that the
/// administrator has given to the plugin's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The kind of the store.
    pub kind: PlaceKind,
    /// The address of the store.
    pub address: String,
    /// Names of keys in the administrator's directory of keys; one of them has to have signed what
    /// comes from there.
    pub keys: Vec<String>,
}

/// Says where builds are kept elsewhere, and whom to believe.
pub trait Store {
    /// Returns the places for a build, in order; `unsupported` if the administrator has named none.
    fn places(request: &StoreRequest) -> Result<Vec<Place>>;
}

impl<P: Store> wit::Guest for P {
    fn places(request: &StoreRequest) -> Result<Vec<answers::StorePlace>> {
        crate::panic::enter();
        let answer = |place: Place| {
            let kind = match place.kind {
                PlaceKind::Directory => "directory",
                PlaceKind::Https => "https",
                PlaceKind::Oci => "oci",
            };
            let answer = answers::StorePlace::new(kind, &place.address);
            place.keys.iter().for_each(|key| answer.add_key(key));
            answer
        };
        Ok(P::places(request)?.into_iter().map(answer).collect())
    }
}
