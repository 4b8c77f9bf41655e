//! From a registered source to the built state.

pub(super) mod decisions;
pub(super) mod failures;
mod one_job;
pub(super) mod package;
pub(super) mod plan;
mod products;
mod reuse;
