//! The first line of nearly every test file.

pub use crate::kernel::{self, Flavour};

/// The newest kernel of Debian's ordinary flavour with headers on this machine.
pub fn kernel() -> String {
    kernel::newest(Flavour::Generic)
}
