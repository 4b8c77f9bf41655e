//! Plans: every change to the system is a step of one, and one executor runs
//! them.

mod builder;
mod step;

pub use builder::Builder;
pub use step::{
    Action, Announce, ArchiveFormat, Argument, Bytes, Command, Environment, OnFailure, Origin, Plan, Program, Step,
    Undo,
};
