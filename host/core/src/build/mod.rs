//! The parts of a build: the make command, the shims that it finds, the log,
//! compression.

mod compiler;
mod compress;
mod log;
mod make;
mod shims;

pub use compiler::{Toolchain, toolchain};
pub use compress::Compressor;
pub use log::{begins_log_of, log_head};
pub use make::{MakeCommand, build_commands};
pub use shims::Shims;
