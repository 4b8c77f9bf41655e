//! The parts of a build: the make command, the shims that it finds, the log,
//! compression, and why it failed.

mod compress;
pub mod diagnosis;
mod log;
mod make;
mod shims;

pub use compress::Compressor;
pub use diagnosis::{Class, ErrorLine};
pub use log::{begins_log_of, log_head};
pub use make::{MakeCommand, build_commands};
pub use shims::Shims;
