//! The store of builds, and what machines share of it.

pub(super) mod builds;
pub(super) mod compatible;
pub(super) mod identity;
pub(super) mod origin;
pub(super) mod shared_builds;
pub(super) mod stored_builds;
