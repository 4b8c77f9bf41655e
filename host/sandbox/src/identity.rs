//! The user of a confined program: `nobody`, without capabilities.

use rustix::process::{Gid, Uid};
use serde::{Deserialize, Serialize};

use rustix::thread::{self, CapabilitySet, CapabilitySets};

/// The user and group that root becomes: the kernel's overflow id, `nobody`
/// everywhere.
pub const NOBODY: u32 = 65534;

/// A user and a group, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

impl User {
    pub const NOBODY: Self = Self { uid: NOBODY, gid: NOBODY };
}

/// Whether this process can become another user. In a user namespace with a single
/// id there is no other one.
pub fn can_become_nobody() -> bool {
    let needed = CapabilitySet::SETUID | CapabilitySet::SETGID;
    let able = thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(needed));
    able && ["uid_map", "gid_map"].into_iter().all(|map| {
        // Without a /proc it is tried.
        std::fs::read_to_string(format!("/proc/self/{map}")).map_or(true, |map| maps_nobody(&map))
    })
}

/// Source: user_namespaces(7), `uid_map`.
fn maps_nobody(map: &str) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>().ok());
        let (first, _, count) = (numbers.next().flatten(), numbers.next(), numbers.next().flatten());
        first.zip(count).is_some_and(|(first, count)| (first..first + count).contains(&u64::from(NOBODY)))
    })
}

/// Changes the user from root to another one. Makes system calls only, on this thread.
pub(super) fn change_user(user: User) -> rustix::io::Result<()> {
    let (gid, uid) = (Gid::from_raw(user.gid), Uid::from_raw(user.uid));
    thread::set_thread_groups(&[])?;
    thread::set_thread_res_gid(gid, gid, gid)?;
    thread::set_thread_res_uid(uid, uid, uid)
}

/// Drops every capability for good, and asks the kernel whether none is left.
pub(super) fn drop_capabilities() -> Result<(), i32> {
    let failed = |e: rustix::io::Errno| e.raw_os_error();
    let none = CapabilitySet::empty();
    thread::set_no_new_privs(true).map_err(failed)?;
    // A privileged kernel without ambient capabilities does not know the request.
    let _ = thread::clear_ambient_capability_set();
    thread::set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(failed)?;
    let left = thread::capabilities(None).map_err(failed)?;
    let locked = thread::no_new_privs().map_err(failed)?;
    let empty = left.effective.is_empty() && left.permitted.is_empty() && left.inheritable.is_empty();
    if empty && locked { Ok(()) } else { Err(libc::EPERM) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_one_id_has_no_nobody() {
        assert!(maps_nobody("         0          0 4294967295\n"));
        assert!(maps_nobody("0 100000 65536\n"));
        assert!(!maps_nobody("         0       1000          1\n"));
        assert!(!maps_nobody("0 1000 1\n1 100000 65533\n"));
        assert!(!maps_nobody(""));
    }
}
