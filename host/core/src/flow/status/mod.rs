//! What is registered, built and installed, and what is lacking.

pub(super) mod inspector;
pub(super) mod lacking;
pub(super) mod listing;
