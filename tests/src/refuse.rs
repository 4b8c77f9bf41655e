//! A kernel that lacks something: system calls that it does not know.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

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
