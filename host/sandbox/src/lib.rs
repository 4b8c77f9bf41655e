//! Running programs and scripts of third parties, confined so that they do no harm.
//!
//! Each measure is a rung of a ladder: where a kernel or a container lacks one, the
//! others still hold. A [`Level`] says which [`Wall`]s they come to, and a program is
//! not run where one is missing that its caller requires.
//!
//! ```text
//! this program ── relay ── first process ── the confined program ── what it starts
//!                 (waits)  (`init`: waits, reaps, ends all)
//! ```
//!
//! The relay and the first process are one where there is no PID namespace. Both are
//! forks of this program and never run another one.
//!
//! Beside that: directories that one program sees at another place ([`bind`]), and
//! starting programs while files are written ([`start`]).
//!
//! The crate knows what the running kernel can confine. It knows nothing of installed kernels and modules, of
//! plans and plugins.

mod bind;
mod confinement;
mod descendants;
mod files;
mod filter;
mod identity;
mod init;
mod leash;
mod level;
mod limits;
mod measures;
mod mounts;
mod readable;
mod stage;
mod start;
#[cfg(test)]
mod tests;
mod view;

pub use bind::{bind, bind_own, can_bind};
pub use confinement::{Build, Confinement};
pub use identity::{NOBODY, User, can_become_nobody};
pub use leash::{Leash, wait_for_end};
pub use level::{Level, Rung, Wall};
pub use limits::{Limits, Usage};
pub use readable::Readable;
pub use start::{start, write_file};
pub use view::View;

/// The number of the last error of a call.
fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
