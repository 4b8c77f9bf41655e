//! Path resolution inside the target system's root.

use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};

/// The real path of `path` (absolute on the target, or relative to its root),
/// with every symlink on the way, absolute ones too, resolved as the target
/// system would: never out of `root`.
///
/// Source: openat2(2), `RESOLVE_IN_ROOT`.
pub fn resolve_in_root(root: &Path, path: &Path) -> io::Result<PathBuf> {
    if root == Path::new("/") {
        return std::fs::canonicalize(Path::new("/").join(path));
    }
    let dir = rustix::fs::openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let relative = path.strip_prefix("/").unwrap_or(path);
    let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
    let fd = rustix::fs::openat2(&dir, relative, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT)?;
    std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// The directories that programs are looked up in: fixed, so that no environment decides which
/// program runs.
pub const PROGRAM_PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Finds a program on the target: the path as the target sees it.
pub fn find_program(root: &Path, name: &str) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    PROGRAM_PATH.iter().map(|dir| Path::new(dir).join(name)).find(|candidate| {
        resolve_in_root(root, candidate).is_ok_and(|real| {
            use std::os::unix::fs::PermissionsExt;
            real.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
        })
    })
}
