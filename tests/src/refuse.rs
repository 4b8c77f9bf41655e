//! A kernel that lacks something: system calls that it does not know.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::preload;

/// Has a program, and all that it starts, find these system calls missing. Needs root.
///
/// Source: seccomp(2).
pub fn refuse(command: &mut Command, calls: &'static [libc::c_long]) {
    let refuse_here = move || {
        for call in calls {
            let number = u32::try_from(*call).map_err(io::Error::other)?;
            let instructions = [
                (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
                (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, number),
                (libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
                (libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
            ]
            .map(|(code, jf, k)| libc::sock_filter { code: code as u16, jt: 0, jf, k });
            let filter = libc::sock_fprog { len: 4, filter: instructions.as_ptr().cast_mut() };
            // SAFETY: the filter lives longer than the call, which copies it.
            let status =
                unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter, 0, 0) };
            if status != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec it makes system calls only.
    unsafe { command.pre_exec(refuse_here) };
}

/// Which calls the library refuses: their numbers, separated by blanks.
pub const VARIABLE: &str = "REFUSED_CALLS";

/// Loaded into every program of the invocation; modsmith alone has a reason to mind.
const SOURCE: &str = r#"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

__attribute__((constructor)) static void refuse(void)
{
    extern char *program_invocation_short_name;
    const char *calls = getenv("REFUSED_CALLS");
    const char *name = program_invocation_short_name;
    if (!calls || (strcmp(name, "dkms") && strcmp(name, "modsmith") && strcmp(name, "program")))
        return;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (char *end; *calls; calls = end) {
        unsigned call = strtoul(calls, &end, 10);
        if (end == calls)
            break;
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { 4, code };
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
            _exit(99);
    }
    unsetenv("REFUSED_CALLS");
}
"#;

/// The library, compiled once.
///
/// # Panics
/// Without a compiler.
pub fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| preload::library("refuse", SOURCE)).clone()
}
