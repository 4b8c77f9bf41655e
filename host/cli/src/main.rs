//! The program, under both its names.

use std::process::ExitCode;

fn main() -> ExitCode {
    modsmith::main(std::env::args_os().collect())
}
