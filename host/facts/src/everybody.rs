//! Looking with the rights that every user has.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use rustix::process::{Gid, Uid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

/// The user and group without files and members: the kernel's overflow id, `nobody` on every system.
const NOBODY: u32 = 65534;

/// What root finds with no more rights than every user has: so others learn nothing through root. Other callers
/// look with their own.
///
/// The rights are those of a thread, which ends with the look.
///
/// # Errors
/// The rights cannot be given up: those of setresuid(2). Nothing was looked at then.
pub fn as_everybody<T: Send>(look: impl FnOnce() -> T + Send) -> io::Result<T> {
    if !rustix::process::geteuid().is_root() {
        return Ok(look());
    }
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            give_up_rights()?;
            Ok(look())
        });
        looking.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// The real user stays: processes of `nobody` have no power over the thread. Source: kill(2), ptrace(2).
fn give_up_rights() -> io::Result<()> {
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    set_thread_groups(&[])?;
    set_thread_res_gid(group, Gid::from_raw(NOBODY), group)?;
    set_thread_res_uid(user, Uid::from_raw(NOBODY), user)?;
    let none = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}

/// Whether the modes of a file and of the directories to it, from a root on, let every user read it. The
/// path has no links. What is above the root does not count: an image may lie in a private directory.
pub fn everybody_may_read(root: &Path, file: &Path) -> bool {
    let lets = |path: &Path, bits: u32| path.symlink_metadata().is_ok_and(|found| found.mode() & bits == bits);
    let mut directories = file.ancestors().skip(1).take_while(|above| above.starts_with(root));
    lets(file, 0o004) && directories.all(|directory| directory == root || lets(directory, 0o001))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn root_reads_as_everybody_what_everybody_may_read_and_no_more() {
        if !rustix::process::geteuid().is_root() {
            panic!("run this test as root: it looks at files that only root may read");
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let mode =
            |path: &std::path::Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        let seen =
            || as_everybody(|| thread::scope(|scope| scope.spawn(|| std::fs::read(&file)).join().unwrap())).unwrap();
        for (directory, mode_of_file, may) in
            [(0o755, 0o644, true), (0o755, 0o600, false), (0o755, 0o640, false), (0o700, 0o644, false)]
        {
            mode(dir.path(), directory);
            mode(&file, mode_of_file);
            assert_eq!(seen().is_ok(), may, "{directory:o} {mode_of_file:o}");
            assert!(std::fs::read(&file).is_ok(), "the caller keeps its rights");
        }
    }

    #[test]
    fn modes_say_what_everybody_may_read_below_a_root() {
        let dir = tempfile::tempdir().unwrap();
        let (root, below) = (dir.path(), dir.path().join("below"));
        let file = below.join("file");
        std::fs::create_dir(&below).unwrap();
        std::fs::write(&file, "x").unwrap();
        let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        for (of_root, of_directory, of_file, may) in [
            (0o700, 0o755, 0o644, true),
            (0o755, 0o711, 0o644, true),
            (0o755, 0o750, 0o644, false),
            (0o755, 0o755, 0o640, false),
        ] {
            mode(root, of_root);
            mode(&below, of_directory);
            mode(&file, of_file);
            assert_eq!(everybody_may_read(root, &file), may, "{of_root:o} {of_directory:o} {of_file:o}");
        }
        assert!(!everybody_may_read(root, &root.join("missing")));
    }
}
