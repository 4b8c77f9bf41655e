//! The order in which plugins are asked.

use std::cmp::Reverse;

use crate::manifest::{Manifest, MatchRank};

/// A plugin's place in it; the smallest is asked first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    /// How closely it fits the system. `None`, which is not known, comes last.
    rank: Reverse<Option<MatchRank>>,
    priority: Reverse<i64>,
    id: String,
}

impl Order {
    /// The order of a plugin of which only the name is known: after all others.
    pub fn last(id: &str) -> Self {
        Self { rank: Reverse(None), priority: Reverse(0), id: id.to_owned() }
    }
}

/// Closest first, then higher priority, then by id.
pub(crate) fn order_of(rank: MatchRank, manifest: &Manifest) -> Order {
    Order { rank: Reverse(Some(rank)), priority: Reverse(manifest.matches.priority), id: manifest.id.clone() }
}
