//! `--rpm_safe_upgrade`: when a package of the system is replaced by one with the
//! same module version, the new one's `add` comes before the old one's `remove`,
//! which must not take out what the new one needs.
//!
//! `add` leaves a lock for the process that runs both (the caller's parent);
//! `remove` with such a lock deletes the lock instead of the package. The file's
//! name and contents are dkms's, since the other half may be done by it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::tree::PackageId;
use modsmith_facts::{Location, Root, Roots};
use modsmith_plan::{Builder, Bytes, Undo, verbs};

/// As `ps -o lstart` prints the time of a process's start.
const START: &str = "%a %b %e %H:%M:%S %Y";

/// The process that both scripts are started by.
struct Caller {
    pid: u32,
    started: jiff::Timestamp,
}

/// Leaves the lock of an `add`.
pub(crate) fn lock_upgrade(run: &Invocation<'_>, id: &PackageId) -> Result<()> {
    let caller = caller()?;
    let started = caller.started.to_zoned(jiff::tz::TimeZone::system()).strftime(START);
    let contents = Bytes(format!("{}-{}\n{started}\n", id.module, id.version).into_bytes());
    // Nobody can know the name beforehand.
    let random = RandomState::new().build_hasher().finish();
    let location = lock(&format!("{}{random:016x}", prefix(caller.pid)));
    let mut plan = Builder::new(format!("record the upgrade of {id}"), lock_roots(run));
    plan.push(
        verbs::WriteFile { location, contents, mode: 0o600 },
        "--rpm_safe_upgrade: the remove of the older version reads this lock",
    )
    .on_undo(Undo::Never);
    run.runner.run(plan)
}

/// Whether a `remove` has to be left out; uses up the lock.
pub(crate) fn is_upgrade(run: &Invocation<'_>, id: &PackageId) -> Result<bool> {
    let caller = caller()?;
    let directory = lock_dir(run);
    let names = std::fs::read_dir(&directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.file_name()));
    let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| name.starts_with(&prefix(caller.pid)));
    names.sort();
    let Some(name) = names.into_iter().find(|name| is_of(&directory.join(name), id, &caller)) else {
        return Ok(false);
    };
    let mut plan = Builder::new(format!("end the upgrade of {id}"), lock_roots(run));
    plan.push(verbs::Remove { location: lock(&name) }, "--rpm_safe_upgrade: this remove has used the lock")
        .on_undo(Undo::Never);
    run.runner.run(plan)?;
    run.runner
        .reporter
        .warning(&format!("{id} is not removed: the same upgrade has just added it (--rpm_safe_upgrade)."));
    Ok(true)
}

fn lock_dir(run: &Invocation<'_>) -> PathBuf {
    run.env.system.outside(run.env.framework.tmp_location())
}

/// The directory is a root by itself: it may be another file system than `/`.
fn lock_roots(run: &Invocation<'_>) -> Roots {
    let mut roots = run.env.system.roots.clone();
    roots.set(Root::System, lock_dir(run));
    roots
}

fn lock(name: &str) -> Location {
    Location::new(Root::System, name).expect("a file name is a location")
}

fn prefix(pid: u32) -> String {
    format!("dkms_rpm_safe_upgrade_lock.{pid}.")
}

/// Whether a file is a lock of the caller for the package. A file of somebody else
/// in a directory that all can write to is not believed.
fn is_of(file: &Path, id: &PackageId, caller: &Caller) -> bool {
    let me = rustix::process::geteuid().as_raw();
    let trusted = std::fs::symlink_metadata(file).is_ok_and(|data| data.is_file() && [0, me].contains(&data.uid()));
    let Some(text) = trusted.then(|| std::fs::read_to_string(file).ok()).flatten() else { return false };
    let started = text.lines().last().and_then(|line| {
        let local = jiff::civil::DateTime::strptime(START, line.trim()).ok()?;
        Some(local.to_zoned(jiff::tz::TimeZone::system()).ok()?.timestamp())
    });
    // The time of the start is computed from the boot's, which is rounded.
    let same = |time: jiff::Timestamp| (time.as_second() - caller.started.as_second()).abs() <= 2;
    text.lines().next() == Some(&format!("{}-{}", id.module, id.version)) && started.is_some_and(same)
}

/// The parent of the process that called this one.
fn caller() -> Result<Caller> {
    let unknown = |why: String| {
        Error::new(Kind::System, format!("--rpm_safe_upgrade cannot find the process that runs the upgrade: {why}."))
            .hint("Mount /proc, or omit the option.")
    };
    let find = || -> Option<Caller> {
        let parent = rustix::process::getppid()?.as_raw_nonzero().get();
        let pid: u32 = stat_field(parent, PARENT)?.parse().ok()?;
        let ticks: i64 = stat_field(pid.try_into().ok()?, START_TIME)?.parse().ok()?;
        let boot = std::fs::read_to_string("/proc/stat").ok()?;
        let boot: i64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        // SAFETY: asks for a constant of the system.
        let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        let seconds = ticks.checked_div(per_second)?;
        Some(Caller { pid, started: jiff::Timestamp::from_second(boot + seconds).ok()? })
    };
    find().ok_or_else(|| unknown("/proc does not show the parent process".to_owned()))
}

/// Fields of `/proc/PID/stat` behind the name in brackets (proc_pid_stat(5)).
const PARENT: usize = 1;
const START_TIME: usize = 19;

fn stat_field(pid: i32, field: usize) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(field).map(str::to_owned)
}
