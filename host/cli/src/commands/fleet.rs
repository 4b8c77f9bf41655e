//! Commands for many machines.

use super::Command;

pub const COMMANDS: &[Command] = &[];
