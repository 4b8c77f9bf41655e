//! A package's recipe: whether it may be built, where, with what, and how its commands and
//! scripts run.

mod build_environment;
pub(super) mod confinement;
pub(super) mod make_command;
pub(super) mod notices;
pub(super) mod preconditions;
pub(super) mod questions;
pub(super) mod script;
pub(super) mod system_script;
pub(super) mod toolchain;
pub(super) mod workplace;
