//! Programs that are run again when a change is taken back, because their effect
//! follows from the files. A journal names one of them, never a command: which
//! there are, the caller of the executor defines.

use serde::{Deserialize, Serialize};

use crate::command::Command;
use modsmith_facts::System;

/// A program of the host, and the subject that it is run for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rerun {
    pub name: String,
    pub argument: String,
}

/// The command of a rerun on the system that is worked on. Both parts of it may
/// come from a journal. Errors: a sentence without its full stop, for one that
/// is unknown or whose argument makes no sense.
pub type Reruns = fn(&Rerun, &System) -> Result<Command, String>;

/// The answer of an executor that knows no program to run again.
///
/// # Errors
/// Always.
pub fn no_reruns(rerun: &Rerun, _: &System) -> Result<Command, String> {
    Err(format!("{:?} was not run: it is unknown", rerun.name))
}
