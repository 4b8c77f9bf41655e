//! Running text that is not ours (a dkms.conf is a shell script) without
//! letting it change anything.
//!
//! Each measure is a rung of a ladder: where a kernel or a container lacks
//! one, the others still hold, and [`Level`] tells which were reached.

use std::fmt;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope,
};
use rustix::process::{Gid, Resource, Rlimit, Signal, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};

/// The user and group that root becomes: the kernel's overflow id, `nobody`
/// everywhere.
pub const NOBODY: u32 = 65534;

/// What one confined process may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Processor time per process, rounded up to whole seconds.
    pub cpu: Duration,
    /// Address space per process, in bytes.
    pub memory: u64,
    /// Processes at once. Holds only where the child has a user of its own (it
    /// was started by root, or user namespaces are allowed).
    pub processes: u64,
}

/// Which measures are in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(u8);

impl Level {
    const NETWORK: u8 = 1;
    const WRITES: u8 = 2;
    const PROCESSES: u8 = 4;
    const PRIVILEGES: u8 = 8;

    /// A network namespace of its own, with nothing in it.
    pub fn no_network(self) -> bool {
        self.0 & Self::NETWORK != 0
    }

    /// Landlock refuses every write to the file system but `/dev/null`. (Modes
    /// and times of files are not among what it covers.)
    pub fn no_writes(self) -> bool {
        self.0 & Self::WRITES != 0
    }

    /// A PID namespace of its own: nothing that it starts outlives it.
    pub fn no_leftovers(self) -> bool {
        self.0 & Self::PROCESSES != 0
    }

    /// It is not root; of root's rights it has at most that of reading files.
    pub fn no_privileges(self) -> bool {
        self.0 & Self::PRIVILEGES != 0
    }
}

/// The measures in force, as words for a log.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (self.no_network(), "no network"),
            (self.no_writes(), "no writes"),
            (self.no_leftovers(), "own processes"),
            (self.no_privileges(), "no privileges"),
        ];
        let reached: Vec<_> = words.into_iter().filter_map(|(on, word)| on.then_some(word)).collect();
        f.write_str(if reached.is_empty() { "limits only".into() } else { reached.join(", ") }.as_str())
    }
}

/// Hears from the child which level it reached.
#[derive(Debug)]
pub struct Watch(OwnedFd);

impl Watch {
    /// The level; call it once the command has been spawned. It does not block:
    /// the child has spoken before `spawn` returns.
    pub fn level(self) -> io::Result<Level> {
        let mut byte = [0];
        std::fs::File::from(self.0).read_exact(&mut byte)?;
        Ok(Level(byte[0]))
    }
}

/// Prepares a command to run without network, without writing to the file
/// system, without privileges, within limits, in a process group of its own
/// that dies with the thread that spawned it.
///
/// As root it becomes `nobody` and keeps one right, to read any file, so that
/// it sees what root would see. Started by another user it stays that user, who
/// can still change the mode and times of own files: Landlock has no rule for
/// these. The caller clears the environment, sets the
/// standard streams and watches the clock; see [`kill_group`].
///
/// Errors: only when a pipe cannot be made. What the kernel refuses is
/// missing from the [`Level`].
///
/// Sources: landlock(7), unshare(2), capabilities(7), setrlimit(2).
pub fn confine(command: &mut Command, limits: &Limits) -> io::Result<Watch> {
    let rules = deny_writes(None);
    let spaces = UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWPID;
    apply(command, rules, spaces, Some(limits.clone()), CapabilitySet::DAC_READ_SEARCH)
}

/// Prepares a command to run without network, without privileges, and without
/// writing to any place but one directory, which has to be a directory that
/// [`NOBODY`] can use if root prepares it.
///
/// As root it becomes `nobody` and sees what everybody may see; started by
/// another user it stays that user. It is killed with the thread that spawned it.
///
/// # Errors
/// As [`confine`] has them.
pub fn confine_to(command: &mut Command, directory: &Path) -> io::Result<Watch> {
    let rules = deny_writes(Some(directory));
    // No processes of its own: the first one to end would end them all.
    let spaces = UnshareFlags::NEWNET | UnshareFlags::NEWIPC;
    apply(command, rules, spaces, None, CapabilitySet::empty())
}

fn apply(
    command: &mut Command,
    mut ruleset: Option<RulesetCreated>,
    spaces: UnshareFlags,
    limits: Option<Limits>,
    kept: CapabilitySet,
) -> io::Result<Watch> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let root = rustix::process::geteuid().is_root();
    let writes_somewhere = limits.is_none();
    command.process_group(0);
    let prepare = move || {
        let mut level = 0;
        let namespaces = enter_namespaces(root, spaces);
        if namespaces.contains(UnshareFlags::NEWNET) {
            level |= Level::NETWORK;
        }
        if namespaces.contains(UnshareFlags::NEWPID) {
            level |= Level::PROCESSES;
        }
        if let Some(limits) = &limits {
            set_limits(limits, root || namespaces.contains(UnshareFlags::NEWUSER));
        }
        rustix::thread::set_no_new_privs(true)?;
        if ruleset.take().is_some_and(|rules| rules.restrict_self().is_ok()) {
            level |= Level::WRITES;
        }
        match if root { drop_root(kept) } else { Ok(()) } {
            Ok(()) => level |= Level::PRIVILEGES,
            // What is let write must not be root.
            Err(e) if writes_somewhere => return Err(e.into()),
            Err(_) => {}
        }
        // Last, since a change of user clears it.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        rustix::io::write(&writer, &[level])?;
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls on data that
    // was built before the fork, takes no lock, and touches nothing that is
    // shared with the parent.
    unsafe { command.pre_exec(prepare) };
    Ok(Watch(reader))
}

/// Kills all processes of a confined command's group, and with the leader its
/// PID namespace. To be called before the leader is waited for, while its id
/// cannot be another's.
pub fn kill_group(leader: rustix::process::Pid) {
    // An error says that nothing is left to kill.
    let _ = rustix::process::kill_process_group(leader, Signal::KILL);
}

/// Built in the parent: needs memory and file handles. `None` where the kernel
/// has no Landlock.
fn deny_writes(but_below: Option<&Path>) -> Option<RulesetCreated> {
    let writes = AccessFs::from_write(ABI::V5);
    let null = PathFd::new(Path::new("/dev/null")).ok()?;
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(writes)
        .and_then(|r| r.handle_access(AccessNet::from_all(ABI::V5)))
        .and_then(|r| r.scope(Scope::AbstractUnixSocket | Scope::Signal))
        .and_then(Ruleset::create)
        .and_then(|r| r.add_rule(PathBeneath::new(null, AccessFs::WriteFile | AccessFs::Truncate)))
        .ok()?;
    match but_below {
        Some(directory) => rules.add_rule(PathBeneath::new(PathFd::new(directory).ok()?, writes)).ok(),
        None => Some(rules),
    }
}

/// Enters as many new namespaces as the kernel allows and says which.
fn enter_namespaces(root: bool, all: UnshareFlags) -> UnshareFlags {
    let base = if root { UnshareFlags::empty() } else { UnshareFlags::NEWUSER };
    for flags in [base | all, base | UnshareFlags::NEWNET] {
        // SAFETY: the process has one thread between fork and exec, and no
        // descriptor table is unshared.
        if unsafe { rustix::thread::unshare_unsafe(flags) }.is_ok() {
            return flags;
        }
    }
    UnshareFlags::empty()
}

/// Lowers the limits; one that is lower already stays.
fn set_limits(limits: &Limits, own_user: bool) {
    let seconds = limits.cpu.as_secs() + u64::from(limits.cpu.subsec_nanos() > 0);
    let lower = |resource, value: u64| {
        let old = rustix::process::getrlimit(resource);
        let value = Some(old.maximum.map_or(value, |hard| hard.min(value)));
        // A refusal leaves the old limit, and the clock still ends the process.
        let _ = rustix::process::setrlimit(resource, Rlimit { current: value, maximum: value });
    };
    lower(Resource::Cpu, seconds.max(1));
    lower(Resource::As, limits.memory);
    lower(Resource::Core, 0);
    lower(Resource::Fsize, 0);
    if own_user {
        lower(Resource::Nproc, limits.processes);
    }
}

/// From root to nobody, keeping rights over the exec: none, or that of reading
/// every file.
fn drop_root(kept: CapabilitySet) -> rustix::io::Result<()> {
    use rustix::thread as t;
    t::set_keep_capabilities(true)?;
    t::set_thread_groups(&[])?;
    let gid = Gid::from_raw(NOBODY);
    t::set_thread_res_gid(gid, gid, gid)?;
    let uid = Uid::from_raw(NOBODY);
    t::set_thread_res_uid(uid, uid, uid)?;
    let sets = |caps| CapabilitySets { effective: caps, permitted: caps, inheritable: caps };
    // In a container root may lack that right: then without.
    if !kept.is_empty() && t::set_capabilities(None, sets(kept)).is_ok() {
        t::configure_capability_in_ambient_set(kept, true)
    } else {
        t::set_capabilities(None, sets(CapabilitySet::empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Output, Stdio};

    fn run(script: &str) -> (Output, Level) {
        let limits = Limits { cpu: Duration::from_secs(5), memory: 1 << 30, processes: 64 };
        let mut command = Command::new("/bin/bash");
        command.args(["--norc", "-c", &format!("( {script} ); exit $?")]).env_clear().env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let watch = confine(&mut command, &limits).unwrap();
        let child = command.spawn().unwrap();
        let level = watch.level().unwrap();
        (child.wait_with_output().unwrap(), level)
    }

    #[test]
    fn nothing_can_be_written_or_its_mode_changed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "kept").unwrap();
        let (output, level) = run(&format!(
            "cd {0}; echo x > {0}/new; echo x > file; chmod 777 file; rm file; mkdir d; ln -s a b; exit 3",
            dir.path().display()
        ));
        assert!(level.no_writes(), "{level}");
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn dev_null_can_be_written_and_files_can_be_read() {
        let (output, _) = run("echo x >/dev/null && read -r line </proc/self/status && echo \"$line\"");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "Name:\tbash\n");
    }

    #[test]
    fn the_network_is_not_there() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (output, level) = run(&format!("echo x > /dev/tcp/127.0.0.1/{port}"));
        assert!(level.no_network() || level.no_writes(), "{level}");
        assert!(!output.status.success());
    }

    #[test]
    fn it_is_not_root() {
        let (output, level) = run("[[ $EUID != 0 ]] && ! kill -0 $PPID 2>/dev/null");
        assert!(level.no_privileges(), "{level}");
        assert!(output.status.success(), "{output:?}");
    }

    #[test]
    fn one_directory_can_be_written_and_no_other() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let (own, other) = (dir.path().join("own"), dir.path().join("other"));
        for (path, mode) in [(&own, 0o777), (&other, 0o777)] {
            std::fs::create_dir(path).unwrap();
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        }
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "x").unwrap();
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
        let root = rustix::process::geteuid().is_root();
        let mut command = Command::new("/bin/sh");
        let script = "(echo x > own/a) && (echo x > own/b) && ! (echo x > other/a); cat secret; id -u";
        command.args(["-c", script]).current_dir(dir.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let watch = confine_to(&mut command, &own).unwrap();
        let child = command.spawn().unwrap();
        assert!(watch.level().unwrap().no_privileges());
        let output = child.wait_with_output().unwrap();
        assert_eq!((own.join("a").exists(), own.join("b").exists(), other.join("a").exists()), (true, true, false));
        if root {
            assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{NOBODY}\n"), "{output:?}");
        }
    }

    #[test]
    fn a_level_names_its_measures() {
        assert_eq!(Level(0).to_string(), "limits only");
        assert_eq!(Level(Level::NETWORK | Level::WRITES).to_string(), "no network, no writes");
    }
}
