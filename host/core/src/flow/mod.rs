//! The state machine: what each action does to a package.
//!
//! An action reads facts, decides, and hands plans to the session, which runs
//! them or, in a dry run, keeps them to be shown.

mod add;
mod autoinstall;
mod boot_image;
mod build;
mod build_environment;
mod dependents;
mod facts;
mod failures;
mod forced;
mod install;
mod installed;
mod kernel_events;
mod kernel_tree;
mod kernels;
mod load_modules;
mod matching;
mod modprobe_config;
mod notices;
mod one_job;
mod originals;
mod packages;
mod parallel;
mod preconditions;
mod record;
mod remove;
mod safe_upgrade;
mod script;
mod session;
mod signing;
mod status;
mod survey;
mod transaction;
mod uninstall;
mod version_check;
mod weak_links;
mod weak_modules;

use facts::package_facts;

pub use add::PackageSource;
pub use packages::FormatRequest;
pub use session::{Mode, Options, Session};
pub use status::{Annotation, Filter, State, StatusLine};
