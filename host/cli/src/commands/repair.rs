//! Commands that find and repair what is broken.

use super::Command;

pub const COMMANDS: &[Command] = &[];
