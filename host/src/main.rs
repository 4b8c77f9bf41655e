//! The program, under both its names.

use std::process::ExitCode;

fn main() -> ExitCode {
    modsmith::cli::main(std::env::args_os().collect())
}
