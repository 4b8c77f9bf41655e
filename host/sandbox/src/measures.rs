//! What is done to confine a program, prepared before the fork.

use std::os::fd::OwnedFd;

use crate::files::Rules;
use crate::filter::Purpose;
use crate::level::Wall;
use crate::limits::Limits;
use crate::mounts::{Mounts, Way};

/// The measures of one confinement.
pub(crate) struct Measures {
    pub purpose: Purpose,
    /// Or the error of the kernel.
    pub rules: Result<Rules, i32>,
    pub limits: Option<Limits>,
    /// Walls without which the program is not started.
    pub required: Vec<Wall>,
    /// A descriptor that stays open.
    pub kept: Option<OwnedFd>,
    /// A way to a directory below one that only root may enter.
    pub way: Option<Way>,
    pub mounts: Option<Mounts>,
    /// Whether root stays root, without capabilities.
    pub stays: bool,
}
