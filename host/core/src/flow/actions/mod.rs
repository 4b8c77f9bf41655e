//! The actions of the command line that change packages.

pub(super) mod add;
pub(super) mod autoinstall;
pub(super) mod build;
pub(super) mod cell;
mod dependents;
pub(super) mod install;
pub(super) mod kernel_events;
mod kernels;
pub(super) mod matching;
pub(super) mod needed;
mod parallel;
pub(super) mod rebuild;
pub(super) mod remove;
mod safe_upgrade;
