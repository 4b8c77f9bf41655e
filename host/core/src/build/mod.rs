//! The parts of a build: the compiler, the shims that a build finds, the log,
//! compression.

mod compiler;
mod compress;
mod log;
mod shims;

pub use compiler::{Toolchain, toolchain};
pub use compress::Compressor;
pub use log::{begins_log_of, log_head};
pub use shims::Shims;
