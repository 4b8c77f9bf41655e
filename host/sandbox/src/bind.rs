//! A directory that one program sees at another place.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use rustix::thread::UnshareFlags;

/// Lets a program, and all that it starts, find the contents of `from` at `at`.
/// Both are directories that exist. Needs the privilege to mount, see [`can_bind`].
///
/// Source: mount_namespaces(7).
///
/// # Errors
/// A path with a NUL byte.
pub fn bind(process: &mut Command, from: &Path, at: &Path) -> io::Result<()> {
    let (from, at) = (c_string(from)?, c_string(at)?);
    // SAFETY: between fork and exec only system calls are made; nothing allocates.
    unsafe {
        process.pre_exec(move || bind_here(&from, &at));
    }
    Ok(())
}

/// Binds for this thread, and for all that it starts from now on; to be called before there are
/// other threads. Other programs do not see the bind, and it ends with this program.
///
/// # Errors
/// A path with a NUL byte; those of unshare(2) and mount(2), such as in a container without the privilege.
pub fn bind_own(from: &Path, at: &Path) -> io::Result<()> {
    bind_here(&c_string(from)?, &c_string(at)?)
}

/// Whether programs may be started that way here: containers often refuse it.
pub fn can_bind() -> bool {
    let mut probe = Command::new("true");
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let root = Path::new("/");
    bind(&mut probe, root, root).is_ok() && probe.status().is_ok_and(|status| status.success())
}

fn bind_here(from: &CStr, at: &CStr) -> io::Result<()> {
    // SAFETY: descriptors stay as they are; only this thread's view of mounts is another one.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS)? };
    // No mount may reach the namespace from which this one was made.
    mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount_bind(from, at)?;
    Ok(())
}

pub(crate) fn c_string(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_that_program_sees_it() {
        assert!(can_bind(), "run this test as root, where mounting is allowed");
        let dir = tempfile::tempdir().unwrap();
        let (from, at) = (dir.path().join("from"), dir.path().join("at"));
        for (directory, name) in [(&from, "moved"), (&at, "own")] {
            std::fs::create_dir(directory).unwrap();
            std::fs::write(directory.join(name), "").unwrap();
        }
        let mut list = Command::new("ls");
        list.arg(&at);
        bind(&mut list, &from, &at).unwrap();
        assert_eq!(list.output().unwrap().stdout, b"moved\n");
        assert!(at.join("own").exists());
    }
}
