//! The effects of a step on locations, and its programs, independent of its verb: guards
//! judge uses, so a new verb needs no new rule.

use std::borrow::Cow;
use std::path::Path;

use crate::command::Command;
use crate::watch::Source;
use modsmith_facts::Location;

/// A location that a step reads or changes, or a program that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use<'s> {
    /// The location is read. A directory is read with everything in it.
    Reads(&'s Location, Source),
    /// A directory is made there; what is there already stays.
    Makes(&'s Location),
    /// The location is made, replaced, merged into or removed.
    Replaces(&'s Location),
    /// For each name directly below `from` that matches, that name below `to` is made or
    /// replaced.
    ReplacesEach { from: &'s Location, glob: &'s str, to: &'s Location },
    /// The entry at `from` gets the name `to`, and an entry that was there is replaced.
    Moves { from: &'s Location, to: Cow<'s, Location> },
    /// A link leads from there to the target.
    Links { location: &'s Location, target: &'s Path },
    /// A program is run.
    Runs(&'s Command),
    /// An operation that no step can carry out: the operation, a colon, and the reason.
    Invalid(String),
}

impl Use<'_> {
    /// The locations that the step changes, without those that a program changes: the program's confinement
    /// decides about them.
    pub fn changed(&self) -> Vec<&Location> {
        match self {
            Use::Makes(location)
            | Use::Replaces(location)
            | Use::ReplacesEach { to: location, .. }
            | Use::Links { location, .. } => vec![location],
            Use::Moves { from, to } => vec![to, from],
            Use::Reads(..) | Use::Runs(_) | Use::Invalid(_) => Vec::new(),
        }
    }
}
