//! The measures that confine a program, prepared before the fork.

use std::ffi::CString;
use std::os::fd::{OwnedFd, RawFd};

use crate::files::Rules;
use crate::filter::Purpose;
use crate::identity::User;
use crate::level::Wall;
use crate::limits::Limits;
use crate::mounts::{Mounts, Way};
use crate::view::Prepared;

/// The directories of a program of a build, in its own view.
pub(crate) struct Place {
    /// The root directory of the program, in the view of this process; `None`: the root of this process.
    pub root: Option<CString>,
    pub directory: CString,
    pub view: Option<Prepared>,
    /// Directories of the view that are the program's alone.
    pub temporary: Vec<CString>,
    /// How many processes its user may have.
    pub processes: u64,
}

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
    /// Further descriptors that stay open, by their numbers, which another preparation makes.
    pub open: Vec<RawFd>,
    /// A way to a directory below one that only root may enter.
    pub way: Option<Way>,
    pub mounts: Option<Mounts>,
    /// The user that root becomes. `None`: it stays root, without capabilities.
    pub user: Option<User>,
    pub place: Option<Place>,
    /// Ends when it would become the program.
    pub is_probe: bool,
}

impl Measures {
    /// The measures for a program that becomes `nobody`, and no others.
    pub fn new(purpose: Purpose, rules: Result<Rules, i32>) -> Self {
        Self {
            purpose,
            rules,
            limits: None,
            required: Vec::new(),
            kept: None,
            open: Vec::new(),
            way: None,
            mounts: None,
            user: Some(User::NOBODY),
            place: None,
            is_probe: false,
        }
    }
}
