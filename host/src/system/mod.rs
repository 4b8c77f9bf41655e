//! Facts about the target system: where its directories are (below `--root`),
//! what its os-release says, which programs it has.

mod os_release;
mod resolve;
mod roots;

pub use os_release::OsRelease;
pub use resolve::{find_program, resolve_in_root};
pub use roots::{BadLocation, Location, Root, Roots};
