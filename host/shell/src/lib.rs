//! The variables that a bash file assigns, read twice over.
//!
//! Most configuration files that are shell scripts keep to a few constructs. Those are
//! evaluated here, exactly as bash would, and no shell is started. The first construct
//! that is not known to give bash's result stops that, and bash itself reads the file,
//! confined: it can change nothing, reach nothing, and has limits.
//!
//! The crate reads the variables that its caller names, and does not know their meaning.

mod arithmetic;
mod assign;
mod bash;
mod budget;
mod cursor;
pub mod ere;
mod expand;
mod glob;
mod interpreter;
mod pattern;
mod plain;
mod variables;
mod word;

use std::collections::BTreeMap;
use std::path::Path;

pub use bash::{Bash, Output, ReadError};
pub use interpreter::Stop;
pub use plain::read as read_without_shell;
pub use variables::Values;

/// The elements of an array, by their index; a plain variable is element 0.
pub type Slots = BTreeMap<u32, String>;

/// Variables by name.
pub type State = BTreeMap<String, Slots>;

/// A file to be read, with its surroundings.
pub struct Input<'a> {
    pub file: &'a Path,
    /// The names to keep, in the order of the second evaluation.
    pub names: &'a [&'a str],
    /// Variables that the file may read.
    pub scalars: &'a BTreeMap<String, String>,
    /// The kept variables before this file.
    pub state: &'a State,
}
