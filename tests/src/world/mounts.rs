//! Mounts in a namespace that one program has for itself: made between fork and exec, since
//! the programs that could make them would be started thousands of times.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::is_root;

/// What is mounted where, in this order.
#[derive(Default)]
pub struct Mounts(Vec<Mount>);

struct Mount {
    from: CString,
    at: CString,
    kind: &'static CStr,
    flags: libc::c_ulong,
    options: CString,
}

impl Mounts {
    /// Has a directory, with what is mounted below it, at another place too.
    pub fn bind(&mut self, from: &Path, at: &Path) {
        let flags = libc::MS_BIND | libc::MS_REC;
        self.0.push(Mount { from: text(from), at: text(at), kind: c"none", flags, options: CString::default() });
    }

    /// Lays the files of a directory over those of another, read-only.
    pub fn overlay(&mut self, over: &Path, at: &Path) {
        let options = format!("lowerdir={}:{}", over.display(), at.display());
        let options = CString::new(options).expect("a path has no NUL");
        self.0.push(Mount { from: c"overlay".into(), at: text(at), kind: c"overlay", flags: 0, options });
    }

    /// An empty file system in memory.
    pub fn memory(&mut self, at: &Path) {
        let options = c"mode=755".into();
        self.0.push(Mount { from: c"memory".into(), at: text(at), kind: c"tmpfs", flags: 0, options });
    }

    /// Adds others after these.
    pub fn extend(&mut self, others: Mounts) {
        self.0.extend(others.0);
    }

    /// Has this thread see them, and what it starts later, in a namespace of its own. Needs root.
    pub fn enter(&self) -> io::Result<()> {
        // SAFETY: a system call without pointers.
        ended(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
        self.make()
    }

    /// In a namespace that has just been made, of which the machine sees nothing.
    fn make(&self) -> io::Result<()> {
        let none = std::ptr::null();
        // SAFETY: the text ends with NUL and outlives the call.
        ended(unsafe { libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, none.cast()) })?;
        self.0.iter().try_for_each(Mount::make)
    }

    /// Has a program see them, in namespaces of its own.
    pub fn lay(self, command: &mut Command) {
        let root = is_root();
        // SAFETY: of getuid and getgid nothing is asked.
        let (user, group) = unsafe { (libc::getuid(), libc::getgid()) };
        let maps = (!root).then(|| [format!("0 {user} 1\n"), format!("0 {group} 1\n")]);
        // SAFETY: between fork and exec there are system calls only, with texts made before.
        unsafe {
            command.pre_exec(move || {
                let spaces = if maps.is_some() { libc::CLONE_NEWNS | libc::CLONE_NEWUSER } else { libc::CLONE_NEWNS };
                ended(libc::unshare(spaces))?;
                if let Some([users, groups]) = &maps {
                    write(c"/proc/self/setgroups", b"deny")?;
                    write(c"/proc/self/uid_map", users.as_bytes())?;
                    write(c"/proc/self/gid_map", groups.as_bytes())?;
                }
                self.make()
            });
        }
    }
}

impl Mount {
    fn make(&self) -> io::Result<()> {
        let (from, at, kind, options) =
            (self.from.as_ptr(), self.at.as_ptr(), self.kind.as_ptr(), self.options.as_ptr().cast());
        // SAFETY: the texts end with NUL and outlive the call.
        ended(unsafe { libc::mount(from, at, kind, self.flags, options) })
    }
}

fn write(file: &CStr, content: &[u8]) -> io::Result<()> {
    // SAFETY: the text ends with NUL, the content is as long as is said.
    unsafe {
        let file = libc::open(file.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        ended(file)?;
        let written = libc::write(file, content.as_ptr().cast(), content.len());
        libc::close(file);
        ended(if written < 0 { -1 } else { 0 })
    }
}

fn ended(code: libc::c_int) -> io::Result<()> {
    if code < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("a path has no NUL")
}
