//! The program, under both its names.

use std::process::ExitCode;

use modsmith_core::Environment;

fn main() -> ExitCode {
    modsmith::main(&Environment::of_process())
}
