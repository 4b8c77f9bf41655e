//! A limit that a plugin ran into: the limits and the errors know it.

/// A limit that a plugin ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it exceeded the limit of {amount} {what} (`{key}`)")]
pub struct Exceeded {
    pub key: &'static str,
    pub amount: u64,
    pub what: &'static str,
}
