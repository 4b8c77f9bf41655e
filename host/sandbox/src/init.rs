//! The first process of a confined program: it waits for the program, takes up what
//! others leave, and ends everything when the program has ended or its owner has gone.
//!
//! It is a fork of this process that never becomes another program: between fork and
//! exit there are system calls only, and no memory is taken.

use std::os::fd::{BorrowedFd, RawFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, WaitOptions};

use super::{descendants, errno};

/// The exit status of a program that was ended from outside.
const KILLED: i32 = 128 + libc::SIGKILL;

/// The way in which processes that are left are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// This process is the first one of a PID namespace: the kernel does, when it ends.
    Namespace,
    /// The process ends them itself: orphans become its children.
    Children,
}

/// A copy of this process: `None` in the copy.
pub(super) fn fork() -> Result<Option<Pid>, i32> {
    // SAFETY: this process has one thread, being a fork itself.
    match unsafe { libc::fork() } {
        -1 => Err(errno()),
        0 => Ok(None),
        child => Ok(Pid::from_raw(child)),
    }
}

/// Waits for the process that is first in a PID namespace, to end as it did.
pub(super) fn relay(first: Pid) -> ! {
    close_all_but(&[]);
    loop {
        match rustix::process::waitpid(Some(first), WaitOptions::empty()) {
            Ok(Some((_, status))) => exit(code(status)),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => exit(KILLED),
        }
    }
}

/// The first process: waits for the program. `lifeline` is closed at its other end when all is
/// to end.
pub(super) fn watch(program: Pid, lifeline: RawFd, reach: Reach) -> ! {
    // Nothing of this process's memory is the program's to read.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let signals = child_signals();
    close_all_but(&[lifeline, signals]);
    // SAFETY: both stay open until this process ends.
    let (lifeline, signals) = unsafe { (BorrowedFd::borrow_raw(lifeline), BorrowedFd::borrow_raw(signals)) };
    let outcome = loop {
        let mut events = [PollFd::new(&lifeline, PollFlags::IN), PollFd::new(&signals, PollFlags::IN)];
        match poll(&mut events, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => break KILLED,
        }
        if !events[0].revents().is_empty() {
            break KILLED;
        }
        let mut buffer = [0; 128];
        let _ = rustix::io::read(signals, &mut buffer);
        if let Some(code) = reap(program) {
            break code;
        }
    };
    if reach == Reach::Children {
        descendants::end_all();
    }
    exit(outcome)
}

/// Keeps the end of a child for [`watch`], from before there is one. No other signal ends
/// who has to end the others: one to all of this program's process group, as from a
/// terminal or timeout(1), would leave them without their first process.
pub(super) fn expect_children() {
    // SAFETY: the set is initialised before it is used; the disposition is the default one.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        let mut set = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
    }
}

/// Undoes [`expect_children`] in the program.
pub(super) fn hear_all_signals() {
    // SAFETY: as above.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

fn child_signals() -> RawFd {
    // SAFETY: as above; a failure gives -1, which polls as invalid and ends the program.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::signalfd(-1, &raw const set, libc::SFD_NONBLOCK)
    }
}

/// Takes up all that have ended; how the program ended, if it is among them.
fn reap(program: Pid) -> Option<i32> {
    let mut outcome = None;
    while let Ok(Some((child, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if child == program {
            outcome = Some(code(status));
        }
    }
    outcome
}

/// As a shell reports it: 128 and the number for a signal.
fn code(status: rustix::process::WaitStatus) -> i32 {
    status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal)).unwrap_or(KILLED)
}

fn exit(code: i32) -> ! {
    // SAFETY: ends this process without running anything of the program that it is a copy of.
    unsafe { libc::_exit(code) }
}

/// Closes every descriptor but these.
fn close_all_but(kept: &[RawFd]) {
    let mut first = 0;
    loop {
        let next = kept.iter().copied().filter(|fd| *fd >= first).min();
        if next != Some(first) {
            on_range(first, next.map(|fd| fd - 1), 0);
        }
        match next {
            Some(next) => first = next + 1,
            None => return,
        }
    }
}

/// Has every descriptor but the standard streams and these closed when the program begins.
pub(super) fn close_on_exec_but(kept: impl Iterator<Item = RawFd>) {
    on_range(3, None, libc::CLOSE_RANGE_CLOEXEC.cast_signed());
    for kept in kept {
        // SAFETY: changes a flag of a descriptor.
        unsafe { libc::fcntl(kept, libc::F_SETFD, 0) };
    }
}

/// close_range(2), and what stands for it before Linux 5.11.
fn on_range(first: RawFd, last: Option<RawFd>, flags: i32) {
    let end = last.map_or(libc::c_uint::MAX, i32::cast_unsigned);
    // SAFETY: nothing in this copy of the process uses these descriptors any more.
    if unsafe { libc::syscall(libc::SYS_close_range, first.cast_unsigned(), end, flags) } == 0 {
        return;
    }
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1 << 16);
    let most = i32::try_from(most.min(1 << 16)).unwrap_or(i32::MAX);
    for fd in first..=last.unwrap_or(most) {
        // SAFETY: as above.
        unsafe {
            if flags == 0 {
                libc::close(fd);
            } else {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
}
