//! From a fork of this program to the confined one, step by step.
//!
//! Everything here runs between fork and exec: system calls only, on what was prepared.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::process::{Pid, Signal};
use rustix::thread::UnshareFlags;

use super::files::Rules;
use super::filter::{Filter, Purpose};
use super::identity::User;
use super::init::{self, Reach};
use super::leash::Ends;
use super::level::{BYTES, Level, Wall};
use super::{descendants, identity, limits, mounts};
use crate::measures::Measures;

/// The input of the steps.
pub(super) struct Stage {
    measures: Measures,
    /// `None`: the calls of this processor are not known.
    filter: Option<Filter>,
    ends: Ends,
    spaces: Vec<UnshareFlags>,
    /// For a namespace of the user's own: the ids stay what they are.
    maps: Option<[CString; 2]>,
    /// The user that root becomes.
    user: Option<User>,
    /// The process that all of this is forked from.
    owner: Pid,
}

/// The steps that were done.
#[derive(Clone, Copy)]
struct Done {
    spaces: UnshareFlags,
    reach: Reach,
    /// Whether everything that the program starts can be ended.
    ends_all: Result<(), i32>,
    proc: bool,
    read_only: bool,
    /// Whether the program sees the view of the file system that was made for it.
    view: Result<(), i32>,
}

impl Stage {
    pub fn new(measures: Measures, filter: Option<Filter>, ends: Ends) -> Self {
        let mut spaces = vec![UnshareFlags::NEWPID, UnshareFlags::NEWNS, UnshareFlags::NEWIPC];
        // A network takes long to make. What only reads gets no socket from the filter.
        let has_sockets = measures.purpose != Purpose::Read || filter.is_none();
        if has_sockets && !measures.purpose.talks() {
            spaces.push(UnshareFlags::NEWNET);
        }
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        let map = |id: u32| CString::new(format!("{id} {id} 1")).ok();
        let maps = map(uid.as_raw()).zip(map(gid.as_raw())).filter(|_| !uid.is_root());
        let maps = maps.map(|(uid, gid)| [uid, gid]);
        let user = measures.user.filter(|_| uid.is_root() && identity::can_become_nobody());
        Self { measures, filter, ends, spaces, maps, user, owner: rustix::process::getpid() }
    }

    /// Returns in the process that becomes the program.
    pub fn enter(&mut self) -> io::Result<()> {
        init::expect_children();
        let spaces = self.enter_namespaces();
        let (reach, ends_all) = if spaces.contains(UnshareFlags::NEWPID) {
            die_with_parent(true)?;
            if rustix::process::getppid() != Some(self.owner) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if let Some(first) = init::fork().map_err(io::Error::from_raw_os_error)? {
                init::relay(first);
            }
            die_with_parent(true)?;
            let first = rustix::process::getpid().is_init();
            (Reach::Namespace, if first { Ok(()) } else { Err(0) })
        } else {
            // It must live to end the others; the lifeline tells it.
            die_with_parent(false)?;
            let subreaper = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
            (Reach::Children, subreaper.map_err(number).and_then(|()| descendants::can_be_listed()))
        };
        let mut done = Done { spaces, reach, ends_all, proc: false, read_only: false, view: Err(0) };
        self.mount(&mut done);
        self.go_to_place(done)?;
        if let Some(program) = init::fork().map_err(io::Error::from_raw_os_error)? {
            init::watch(program, self.ends.lifeline.as_raw_fd(), reach);
        }
        init::hear_all_signals();
        rustix::process::setsid()?;
        let level = self.lock(done);
        if reach == Reach::Children {
            // After the change of user, which clears it.
            die_with_parent(true)?;
        }
        let mut report = [0; BYTES + 1];
        report[..BYTES].copy_from_slice(&level.to_bytes());
        report[BYTES] = reach as u8;
        rustix::io::write(&self.ends.report, &report)?;
        if self.measures.required.iter().all(|wall| level.has(*wall)) && !self.measures.is_probe {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(libc::EPERM))
        }
    }

    /// Enters as many new namespaces as the kernel allows and says which.
    fn enter_namespaces(&self) -> UnshareFlags {
        // SAFETY: the process has one thread between fork and exec, and no
        // descriptor table is unshared.
        let enter = |space| unsafe { rustix::thread::unshare_unsafe(space) }.is_ok();
        let mut entered = UnshareFlags::empty();
        if let Some([uid, gid]) = &self.maps {
            if !enter(UnshareFlags::NEWUSER) {
                return entered;
            }
            entered |= UnshareFlags::NEWUSER;
            // Without these the ids are shown as the overflow ids; nothing depends on them.
            let _ = put(c"/proc/self/setgroups", b"deny");
            let _ = put(c"/proc/self/uid_map", uid.as_bytes());
            let _ = put(c"/proc/self/gid_map", gid.as_bytes());
        }
        for space in &self.spaces {
            if enter(*space) {
                entered |= *space;
            }
        }
        entered
    }

    fn mount(&mut self, done: &mut Done) {
        let own_mounts = done.spaces.contains(UnshareFlags::NEWNS);
        if let Some(place) = &mut self.measures.place
            && let Some(view) = &mut place.view
        {
            done.view = if own_mounts { view.enter(place.root.as_deref()).map_err(number) } else { Err(libc::EPERM) };
            done.proc = done.view.is_ok() && done.reach == Reach::Namespace && mounts::fresh_proc().is_ok();
            return;
        }
        if !own_mounts || mounts::make_private().is_err() {
            return;
        }
        if let Some(mounts) = &self.measures.mounts {
            done.read_only = mounts.make_read_only().is_ok();
        }
        if let Some(way) = &self.measures.way {
            // What cannot be reached is reported by the program that looks for it.
            let _ = way.open();
        }
        done.proc = done.reach == Reach::Namespace && mounts::fresh_proc().is_ok();
    }

    /// Changes the root, where the view has not, and the working directory.
    fn go_to_place(&self, done: Done) -> io::Result<()> {
        let Some(place) = &self.measures.place else { return Ok(()) };
        if let Some(root) = place.root.as_deref().filter(|_| done.view.is_err()) {
            rustix::process::chroot(root)?;
        }
        // A probe has nothing to do there.
        match rustix::process::chdir(place.directory.as_c_str()) {
            Err(error) if !self.measures.is_probe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Lets temporary files be written in the view's own directories.
    fn allow_view(&self, rules: &Rules) -> Result<(), i32> {
        let Some(place) = &self.measures.place else { return Ok(()) };
        for directory in &place.temporary {
            match rules.allow_all_in(directory) {
                Ok(()) | Err(libc::ENOENT) => {}
                other => return other,
            }
        }
        if rules.limits_reading() { rules.allow_names_in(c"/dev") } else { Ok(()) }
    }

    /// Takes everything away that a process can have, and says what is gone.
    fn lock(&self, done: Done) -> Level {
        let Measures { purpose, rules, limits, kept, .. } = &self.measures;
        let own_user = self.user.is_some() || done.spaces.contains(UnshareFlags::NEWUSER);
        match (limits, &self.measures.place) {
            (Some(limits), _) => limits::set(limits, own_user),
            (None, Some(place)) => limits::set_for_builds(place.processes, own_user),
            (None, None) => {}
        }
        let nobody = self.user.map_or(Err(0), |user| identity::change_user(user).map_err(number));
        let capabilities = identity::drop_capabilities();
        let (files, scoped, cuts) = match rules {
            Ok(rules) => {
                let proc = if done.proc && rules.limits_reading() { rules.allow_proc() } else { Ok(()) };
                let view = if done.view.is_ok() { self.allow_view(rules) } else { Ok(()) };
                (proc.and(view).and_then(|()| rules.enforce()), rules.covers_signals(), rules.covers_truncation())
            }
            Err(refusal) => (Err(*refusal), false, false),
        };
        let open = self.measures.open.iter().copied();
        init::close_on_exec_but(kept.as_ref().map(OwnedFd::as_raw_fd).into_iter().chain(open));
        let filter = self.filter.as_ref().map_or(Err(0), Filter::install);

        let mut level = Level::none();
        level.set(Wall::Network, if purpose.talks() { Err(0) } else { filter });
        level.set(Wall::View, done.view);
        level.set(
            Wall::Writes,
            match purpose {
                Purpose::Read if done.read_only && nobody.is_ok() => filter,
                Purpose::Read => files.and(filter),
                // All mounts are read-only, and without capabilities stay so.
                _ if done.view.is_ok() && capabilities.is_ok() => Ok(()),
                _ => files.and(if cuts { Ok(()) } else { Err(libc::EOPNOTSUPP) }),
            },
        );
        level.set(
            Wall::Secrets,
            match purpose {
                Purpose::Read => nobody.or(files),
                _ if rules.as_ref().is_ok_and(Rules::limits_reading) => nobody.or(files),
                _ => nobody,
            },
        );
        // Without a namespace, what runs as the caller could stop the first process.
        let out_of_reach = match done.reach {
            Reach::Children if nobody.is_err() => files.and(if scoped { Ok(()) } else { Err(libc::EOPNOTSUPP) }),
            _ => Ok(()),
        };
        level.set(Wall::Processes, done.ends_all.and(out_of_reach));
        level.set(Wall::Privileges, if self.user.is_some() { nobody.and(capabilities) } else { capabilities });
        level
    }
}

fn die_with_parent(does: bool) -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(does.then_some(Signal::KILL))?)
}

fn number(error: rustix::io::Errno) -> i32 {
    error.raw_os_error()
}

fn put(path: &CStr, text: &[u8]) -> rustix::io::Result<()> {
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty())?;
    rustix::io::write(&file, text).map(drop)
}
