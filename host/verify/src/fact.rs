//! A fact about a kernel, or the reason why the fact is not known.

use serde::{Deserialize, Serialize};

/// Why a rule has no answer: which fact could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown(pub String);

impl Unknown {
    pub fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// A value with the place that it was read from, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact<T> {
    Known {
        value: T,
        /// The file that says so.
        source: String,
    },
    Unknown(Unknown),
}

impl<T> Fact<T> {
    pub fn known(value: T, source: impl Into<String>) -> Self {
        Fact::Known { value, source: source.into() }
    }

    pub fn unknown(why: impl Into<String>) -> Self {
        Fact::Unknown(Unknown::because(why))
    }

    /// The value.
    ///
    /// # Errors
    /// Why there is none.
    pub fn get(&self) -> Result<&T, Unknown> {
        match self {
            Fact::Known { value, .. } => Ok(value),
            Fact::Unknown(why) => Err(why.clone()),
        }
    }

    /// The file that the value was read from; empty for no value.
    pub fn source(&self) -> &str {
        match self {
            Fact::Known { source, .. } => source,
            Fact::Unknown(_) => "",
        }
    }

    /// This fact, or the other one where this one is unknown. Where both are, the
    /// reasons follow each other.
    pub fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        let Fact::Unknown(Unknown(first)) = self else { return self };
        match other() {
            Fact::Unknown(Unknown(second)) => Fact::unknown(format!("{first}; {second}")),
            known => known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_of_all_sources_are_kept() {
        let none = Fact::<u32>::unknown("no image").or_else(|| Fact::unknown("no headers"));
        assert_eq!(none.get(), Err(Unknown::because("no image; no headers")));
        let known = Fact::unknown("no image").or_else(|| Fact::known(1, "headers"));
        assert_eq!((known.get(), known.source()), (Ok(&1), "headers"));
    }
}
