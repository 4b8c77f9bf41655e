//! The parts of a build: the make command, programs that it finds in the place of
//! others, the log, compression, and why it failed.

mod compress;
pub mod diagnosis;
mod log;
mod make;
mod stand_ins;

pub use compress::Compressor;
pub use diagnosis::{Class, ErrorLine};
pub use log::{begins_log_of, log_head};
pub use make::{MakeCommand, build_commands};
pub use stand_ins::{StandIns, stand_in};
