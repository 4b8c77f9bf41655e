//! The parts of a build: the make command, the log, compression.

mod compress;
mod log;
mod make;

pub use compress::Compressor;
pub use log::log_head;
pub use make::{MakeCommand, build_commands};
