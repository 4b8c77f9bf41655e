//! The rights of a confined program to files: Landlock.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope,
};

use super::errno;
use super::readable::Readable;
use super::view::DEVICES;

/// A ruleset of this kernel's Landlock, built by the parent: that needs memory and
/// opens files.
pub(super) struct Rules {
    ruleset: OwnedFd,
    /// The version of the kernel's Landlock.
    abi: i32,
    /// Whether the ruleset refuses reading.
    limits_reading: bool,
    /// The accesses that the kernel knows: a rule with another one is refused.
    handled: u64,
}

impl Rules {
    /// Reading of what is given, writing to `/dev/null`, nothing else. Errors: the
    /// kernel's, as a number.
    pub fn for_reading(readable: &Readable) -> Result<Self, i32> {
        let abi = abi()?;
        let rules = allow_readable(create(AccessFs::from_all(ABI::V5))?, readable)?;
        Ok(Self { limits_reading: true, ..Self::finish(rules, abi)? })
    }

    /// Writing to `/dev/null` only; reading of everything.
    pub fn for_observing() -> Result<Self, i32> {
        Self::finish(create(AccessFs::from_write(ABI::V5))?, abi()?)
    }

    /// Writing below one directory and to `/dev/null` only; reading of everything.
    pub fn for_writing_below(directory: &Path) -> Result<Self, i32> {
        Self::for_working_in(&[directory], None, false)
    }

    /// Writing below these directories and to `/dev/null` only; reading of what is given, or of
    /// everything.
    pub fn for_working_in(directories: &[&Path], readable: Option<&Readable>, talks: bool) -> Result<Self, i32> {
        let abi = abi()?;
        let accesses = if readable.is_some() { AccessFs::from_all(ABI::V5) } else { AccessFs::from_write(ABI::V5) };
        let mut rules = if talks { create_for_files(accesses)? } else { create(accesses)? };
        for directory in directories {
            let directory = PathFd::new(directory).map_err(|_| libc::ENOENT)?;
            rules = rules.add_rule(PathBeneath::new(directory, accesses)).map_err(|_| errno())?;
        }
        if let Some(readable) = readable {
            rules = allow_readable(rules, readable)?;
        }
        Ok(Self { limits_reading: readable.is_some(), ..Self::finish(rules, abi)? })
    }

    fn finish(rules: RulesetCreated, abi: i32) -> Result<Self, i32> {
        let rules = allow(rules, Path::new("/dev/null"), AccessFs::WriteFile | AccessFs::Truncate)?;
        let ruleset: Option<OwnedFd> = rules.into();
        let handled = known_to(abi).bits();
        Ok(Self { ruleset: ruleset.ok_or(libc::ENOSYS)?, abi, limits_reading: false, handled })
    }

    /// Whether the ruleset refuses the cutting off of files.
    pub fn covers_truncation(&self) -> bool {
        self.abi >= 3
    }

    pub fn limits_reading(&self) -> bool {
        self.limits_reading
    }

    /// Whether the ruleset keeps signals from processes outside.
    pub fn covers_signals(&self) -> bool {
        self.abi >= 6
    }

    /// Lets the `/proc` be read that was mounted since. Makes system calls only.
    pub fn allow_proc(&self) -> Result<(), i32> {
        self.allow_mounted(c"/proc", AccessFs::ReadFile | AccessFs::ReadDir)
    }

    /// Lets everything be done in a directory that was mounted since. Makes system calls only.
    pub fn allow_all_in(&self, directory: &CStr) -> Result<(), i32> {
        let all = if self.limits_reading { AccessFs::from_all(ABI::V5) } else { AccessFs::from_write(ABI::V5) };
        self.allow_mounted(directory, all)
    }

    /// Lets the names in a directory be read that was mounted since. Makes system calls only.
    pub fn allow_names_in(&self, directory: &CStr) -> Result<(), i32> {
        self.allow_mounted(directory, AccessFs::ReadDir.into())
    }

    fn allow_mounted(&self, path: &CStr, access: BitFlags<AccessFs>) -> Result<(), i32> {
        let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).map_err(|e| e.raw_os_error())?;
        let rule = Beneath { allowed_access: access.bits() & self.handled, parent_fd: opened.as_raw_fd() };
        // SAFETY: the rule is of the form that the kernel documents for this type.
        let status = unsafe {
            libc::syscall(libc::SYS_landlock_add_rule, self.ruleset.as_raw_fd(), BENEATH, &raw const rule, 0)
        };
        if status == 0 { Ok(()) } else { Err(errno()) }
    }

    /// Puts the rules on this process for good. It must not be able to gain
    /// privileges any more (`no_new_privs`). Makes system calls only.
    pub fn enforce(&self) -> Result<(), i32> {
        // SAFETY: takes a descriptor and flags.
        let status = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.ruleset.as_raw_fd(), 0) };
        if status == 0 { Ok(()) } else { Err(errno()) }
    }
}

/// `LANDLOCK_RULE_PATH_BENEATH` and its attributes. Source: landlock_add_rule(2).
const BENEATH: libc::c_int = 1;

#[repr(C, packed)]
struct Beneath {
    allowed_access: u64,
    parent_fd: i32,
}

/// The version of the kernel's Landlock; an error number where there is none.
fn abi() -> Result<i32, i32> {
    const VERSION: libc::c_uint = 1;
    // SAFETY: asks for the version; no ruleset is made.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0_usize, VERSION) };
    if version < 0 { Err(errno()) } else { i32::try_from(version).map_err(|_| libc::EINVAL) }
}

/// The accesses to files that a version of Landlock knows.
fn known_to(abi: i32) -> BitFlags<AccessFs> {
    AccessFs::from_all(match abi {
        ..=1 => ABI::V1,
        2 => ABI::V2,
        3 | 4 => ABI::V3,
        _ => ABI::V5,
    })
}

/// Rules for files alone.
fn create_for_files(accesses: BitFlags<AccessFs>) -> Result<RulesetCreated, i32> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(accesses)
        .and_then(|r| r.scope(Scope::Signal))
        .and_then(Ruleset::create)
        .map_err(|_| errno())
}

/// Lets what is readable be read.
fn allow_readable(mut rules: RulesetCreated, readable: &Readable) -> Result<RulesetCreated, i32> {
    let read: BitFlags<AccessFs> = AccessFs::from_read(ABI::V5);
    for directory in readable.directories() {
        rules = allow(rules, directory, read)?;
    }
    for directory in readable.listings() {
        rules = allow(rules, directory, AccessFs::ReadDir.into())?;
    }
    // Which devices there are is no secret; patterns are expanded there, too.
    rules = allow(rules, Path::new("/dev"), AccessFs::ReadDir.into())?;
    for device in DEVICES {
        rules = allow(rules, &Path::new("/dev").join(device), AccessFs::ReadFile.into())?;
    }
    Ok(rules)
}

fn create(accesses: BitFlags<AccessFs>) -> Result<RulesetCreated, i32> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(accesses)
        .and_then(|r| r.handle_access(AccessNet::from_all(ABI::V5)))
        .and_then(|r| r.scope(Scope::AbstractUnixSocket | Scope::Signal))
        .and_then(Ruleset::create)
        .map_err(|_| errno())
}

/// A path that is not there needs no rule.
fn allow(rules: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, i32> {
    let Ok(opened) = open(path) else { return Ok(rules) };
    // A rule for a file cannot have the rights that are for directories.
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(ABI::V5) };
    rules.add_rule(PathBeneath::new(opened, access)).map_err(|_| errno())
}

fn open(path: &Path) -> std::io::Result<OwnedFd> {
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?)
}
