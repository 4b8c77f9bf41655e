//! How a program is confined, and preparing a command for that.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::files::Rules;
use crate::filter::{Filter, Purpose};
use crate::identity::can_become_nobody;
use crate::leash::Leash;
use crate::level::Wall;
use crate::limits::Limits;
use crate::measures::Measures;
use crate::mounts::{self, Mounts};
use crate::readable::Readable;
use crate::stage;

/// How a program is confined.
pub struct Confinement(pub(crate) Measures);

impl Confinement {
    /// For what reads and prints: it sees what is given, changes nothing, talks to
    /// nothing but its standard streams, and ends within limits.
    ///
    /// As root it becomes `nobody`; started by another user it stays that user.
    pub fn reader(readable: &Readable, limits: Limits) -> Self {
        let rules = Rules::for_reading(readable);
        // Only root can have all mounts read-only and stay held back by modes.
        let mounts = (rules.is_err() && can_become_nobody()).then(Mounts::all).flatten();
        let (purpose, limits) = (Purpose::Read, Some(limits));
        Self(Measures { purpose, rules, limits, required: Vec::new(), kept: None, way: None, mounts, stays: false })
    }

    /// For what is asked for a fact of this machine: it stays the user that it is, reads
    /// what that user may read without capabilities, changes nothing, and talks to nothing
    /// but its standard streams.
    pub fn observer() -> Self {
        let (purpose, rules) = (Purpose::Read, Rules::for_observing());
        let (limits, kept, way, mounts) = (None, None, None, None);
        Self(Measures { purpose, rules, limits, required: Vec::new(), kept, way, mounts, stays: true })
    }

    /// For what works in one directory, which has to be one that [`NOBODY`](crate::NOBODY) can use if
    /// root prepares it: it can write nowhere else, has no network, and sees what
    /// everybody may see.
    ///
    /// As root it becomes `nobody`; started by another user it stays that user, and runs
    /// as that user where the system has no walls to offer.
    pub fn writer(directory: &Path) -> Self {
        let mut required = Vec::new();
        if rustix::process::geteuid().is_root() {
            required.push(Wall::Privileges);
            // It owns what root owns.
            if !can_become_nobody() {
                required.push(Wall::Writes);
            }
        }
        let (purpose, rules) = (Purpose::Write, Rules::for_writing_below(directory));
        Self(Measures { purpose, rules, limits: None, required, kept: None, way: None, mounts: None, stays: false })
    }

    /// Does not start the program where one of these walls is missing.
    pub fn require(mut self, walls: &[Wall]) -> Self {
        self.0.required.extend(walls);
        self
    }

    /// Leaves one descriptor open besides the standard streams, under its number.
    pub fn keep(mut self, descriptor: OwnedFd) -> Self {
        self.0.kept = Some(descriptor);
        self
    }

    /// Opens a way for `nobody` to a directory below one that only root may enter.
    /// Modes of the directory itself and of what is in it count as they are.
    pub fn find_way_to(mut self, directory: &Path) -> Self {
        self.0.way = can_become_nobody().then(|| mounts::way_to(directory)).flatten();
        self
    }

    /// Prepares a command. To be called after all other preparations; the caller
    /// clears the environment and sets the standard streams.
    ///
    /// The program runs in a session of its own without a terminal, and all that it starts
    /// is ended when it ends, when the [`Leash`] is let go, or when this program ends.
    ///
    /// # Errors
    /// When a pipe cannot be made. `spawn` of the command fails with
    /// `PermissionDenied` where a required wall is missing; [`Leash::level`] says which.
    ///
    /// Sources: landlock(7), seccomp(2), namespaces(7), capabilities(7), setrlimit(2), setsid(2).
    pub fn prepare(self, command: &mut Command) -> io::Result<Leash> {
        let (leash, ends) = Leash::new()?;
        let filter = Filter::new(self.0.purpose);
        let mut stage = stage::Stage::new(self.0, filter, ends);
        // SAFETY: between fork and exec the closure makes system calls on data that
        // was built before the fork, takes no lock, and touches nothing that is
        // shared with the parent.
        unsafe { command.pre_exec(move || stage.enter()) };
        Ok(leash)
    }
}
