//! The confinement of a program, and the preparation of a command for it.

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::bind::c_string;
use crate::files::Rules;
use crate::filter::{Filter, Purpose, Sharing};
use crate::identity::{User, can_become_nobody};
use crate::leash::Leash;
use crate::level::{Level, Wall};
use crate::limits::{self, Limits};
use crate::measures::{Measures, Place};
use crate::mounts::{self, Mounts};
use crate::readable::Readable;
use crate::stage;
use crate::view::View;

/// How a program is confined.
pub struct Confinement(pub(crate) Measures);

/// A program of a build: what it works in and what it finds.
pub struct Build<'a> {
    /// Its root, as this process sees it.
    pub root: &'a Path,
    /// The directory in which the program starts, in its own view.
    pub directory: &'a Path,
    /// The directories that the program can change, in the view of this process.
    pub writable: Vec<&'a Path>,
    /// The files that it may read, if it stays the caller: then modes of files do not decide.
    pub readable: Option<&'a Readable>,
    /// Its view of the file system. `None`: the system's own.
    pub view: Option<&'a View>,
    /// The user that root becomes. `None`: it stays root, without capabilities.
    pub user: Option<User>,
    /// Whether the program may use the network.
    pub network: bool,
    /// Descriptors that stay open, by their numbers.
    pub open: Vec<RawFd>,
}

impl Confinement {
    /// For a program that reads and prints: it sees the files that are given, changes nothing,
    /// talks to nothing but its standard streams, and ends within limits.
    ///
    /// As root it becomes `nobody`; started by another user it stays that user.
    pub fn reader(readable: &Readable, limits: Limits) -> Self {
        let rules = Rules::for_reading(readable);
        // Only root can have all mounts read-only and stay held back by modes.
        let mounts = (rules.is_err() && can_become_nobody()).then(Mounts::all).flatten();
        Self(Measures { limits: Some(limits), mounts, ..Measures::new(Purpose::Read, rules) })
    }

    /// For a program that is asked for a fact of this machine: it stays the user that it is, reads
    /// the files that this user may read without capabilities, changes nothing, and talks to
    /// nothing but its standard streams.
    pub fn observer() -> Self {
        Self(Measures { user: None, ..Measures::new(Purpose::Read, Rules::for_observing()) })
    }

    /// For a program that works in one directory, which [`NOBODY`](crate::NOBODY) has to be able to
    /// use if root prepares it: it can write nowhere else, has no network, and sees the files that
    /// all users may see.
    ///
    /// As root it becomes `nobody`; started by another user it stays that user, and runs
    /// as that user where the system has no walls to offer.
    pub fn writer(directory: &Path) -> Self {
        let mut required = Vec::new();
        if rustix::process::geteuid().is_root() {
            required.push(Wall::Privileges);
            // The program owns the files of root.
            if !can_become_nobody() {
                required.push(Wall::Writes);
            }
        }
        Self(Measures { required, ..Measures::new(Purpose::Write, Rules::for_writing_below(directory)) })
    }

    /// For a program of a build: it writes in directories of its own, and elsewhere sees what
    /// it has a use for. Every wall is raised that this system has; none is required.
    ///
    /// # Errors
    /// A path with a NUL byte.
    pub fn build(build: &Build<'_>) -> io::Result<Self> {
        let purpose = if build.network { Purpose::WriteAndTalk } else { Purpose::Write };
        let rules = Rules::for_working_in(&build.writable, build.readable, build.network);
        let root = (build.root != Path::new("/")).then(|| c_string(build.root)).transpose()?;
        let view = build.view.map(|view| view.prepare().ok_or(io::ErrorKind::InvalidInput)).transpose()?;
        let temporary = build.view.map(View::temporary).unwrap_or_default();
        let directory = c_string(build.directory)?;
        let place = Place { root, directory, view, temporary, processes: limits::build_processes() };
        let open = build.open.clone();
        Ok(Self(Measures { user: build.user, place: Some(place), open, ..Measures::new(purpose, rules) }))
    }

    /// Which level a program would reach, without starting one.
    ///
    /// # Errors
    /// When no process can be made.
    pub fn probe(mut self) -> io::Result<Level> {
        self.0.is_probe = true;
        // Nothing becomes of it: a probe ends before that.
        let mut command = Command::new("");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut leash = self.prepare(&mut command)?;
        match crate::start(&mut command) {
            Ok(mut child) => {
                leash.end(&mut child)?;
                Err(io::ErrorKind::Unsupported.into())
            }
            Err(error) => leash.level().ok_or(error),
        }
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
        let sharing = match (&self.0.limits, &self.0.rules) {
            (None, _) => Sharing::Any,
            (Some(_), Ok(_)) => Sharing::Files,
            (Some(_), Err(_)) => Sharing::None,
        };
        let filter = Filter::new(self.0.purpose, sharing);
        let mut stage = stage::Stage::new(self.0, filter, ends);
        // SAFETY: between fork and exec the closure makes system calls on data that
        // was built before the fork, takes no lock, and touches nothing that is
        // shared with the parent.
        unsafe { command.pre_exec(move || stage.enter()) };
        Ok(leash)
    }
}
