//! The handle of a confined program: its report and its end.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::init::Reach;
use super::level::{BYTES, Level};
use super::limits::Usage;

/// Ends a confined program, and all that it started, when it is let go; hears which
/// level it reached.
#[derive(Debug)]
pub struct Leash {
    /// The first process watches for its end.
    lifeline: OwnedFd,
    report: OwnedFd,
    heard: Option<(Level, Reach)>,
}

/// The confined program's ends of the pipes.
pub(super) struct Ends {
    pub lifeline: OwnedFd,
    pub report: OwnedFd,
}

/// The time in which the first process has to end all others. After it, the first process is ended itself.
const PATIENCE: Duration = Duration::from_secs(60);

impl Leash {
    pub(super) fn new() -> io::Result<(Self, Ends)> {
        let (inner, lifeline) = pipe_with(PipeFlags::CLOEXEC)?;
        let (report, outer) = pipe_with(PipeFlags::CLOEXEC)?;
        // A program that could not be started may have said nothing.
        rustix::fs::fcntl_setfl(&report, rustix::fs::OFlags::NONBLOCK)?;
        Ok((Self { lifeline, report, heard: None }, Ends { lifeline: inner, report: outer }))
    }

    /// The level, once the command was spawned or refused: the program has spoken before that.
    /// `None`: it did not come so far.
    pub fn level(&mut self) -> Option<Level> {
        self.hear().map(|(level, _)| level)
    }

    fn hear(&mut self) -> Option<(Level, Reach)> {
        if self.heard.is_none() {
            let mut bytes = [0; BYTES + 1];
            let complete = rustix::io::read(&self.report, &mut bytes).is_ok_and(|length| length == bytes.len());
            let [level @ .., reach] = bytes;
            let reach = if reach == Reach::Namespace as u8 { Reach::Namespace } else { Reach::Children };
            self.heard = complete.then(|| (Level::from_bytes(level), reach));
        }
        self.heard
    }

    /// The resources that the program and all that it started use now. The first process is a copy
    /// of this one and does not count.
    pub fn usage(&mut self, child: &Child) -> Usage {
        match self.hear() {
            Some((_, Reach::Namespace)) => {
                super::limits::children(child.id()).into_iter().map(Usage::below).fold(Usage::default(), Usage::plus)
            }
            _ => Usage::below(child.id()),
        }
    }

    /// Ends the program and waits until nothing of it is left.
    pub fn end(self, child: &mut Child) -> io::Result<ExitStatus> {
        drop(self.lifeline);
        let ended = wait_for_end(child, PATIENCE).unwrap_or(false);
        if !ended {
            // A process in the kernel's hands cannot be waited for.
            let _ = child.kill();
        }
        child.wait()
    }
}

/// Whether a child ends within a time. It is left to be waited for.
///
/// # Errors
/// When the kernel cannot tell.
pub fn wait_for_end(child: &Child, time: Duration) -> io::Result<bool> {
    let handle = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&time)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
        Ok(_) => Ok(true),
        Err(e) => Err(e.into()),
    }
}
