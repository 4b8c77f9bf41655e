//! Builds that are kept elsewhere: pushed to a place that machines share, and fetched from there.
//!
//! What travels is an entry of the [store](crate::flow::store::builds): inputs, facts and files. In a place,
//! an entry is an artefact of OCI, signed with a key. What is fetched is believed for two reasons: a
//! key that the administrator has named has signed it, and its inputs have the identity of the
//! build that is due. It becomes an entry of this machine's store; all that follows is as for a
//! build that was made here.
//!
//! * places: [`place`]; keys: [`trust`]
//! * the form of an artefact: [`artefact`]; what makes an image of it that is run: [`image`]; the signed statements about it: [`statements`]
//! * sending: [`push`]; fetching: [`fetch`]

mod artefact;
mod fetch;
mod image;
mod place;
mod push;
mod statements;
mod trust;

pub(crate) use fetch::{fetch_compatible, fetch_for_build};

pub use artefact::Profile;
pub use fetch::{Pulled, has, pull};
pub use image::Base;
pub use modsmith_registry::SigningKey;
pub use place::{Purpose, SharedStore, Wanted, configured, named};
pub use push::{PushOptions, Pushed, push};
pub use trust::{public_key, signing_key};
