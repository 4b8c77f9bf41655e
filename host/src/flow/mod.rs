//! The state machine: what each action does to a package.
//!
//! An action reads facts, decides, and hands plans to the session, which runs
//! them or, in a dry run, keeps them to be shown.

mod add;
mod build;
mod exclusive;
mod install;
mod installed;
mod originals;
mod packages;
mod remove;
mod script;
mod session;
mod status;
mod uninstall;
mod version_check;

pub use add::PackageSource;
pub use packages::FormatRequest;
pub use session::{Mode, Options, Session};
pub use status::{Annotation, Filter, State, StatusLine};
