//! Which system calls a confined program may make: a seccomp filter.
//!
//! Landlock and namespaces say what a program can reach; this says what it cannot
//! even ask for. Other ABIs of the processor (i386, x32), whose calls have other
//! numbers, are refused as a whole, and so are calls that are newer than this
//! list: programs then do without them, as on an older kernel.
//!
//! Source: seccomp(2), the kernel's `Documentation/userspace-api/seccomp_filter.rst`
//! and the system call tables of x86_64 and aarch64.

use libc::{EACCES, ENOSYS, EPERM, SYS_clone, SYS_clone3, SYS_ioctl, SYS_openat, SYS_openat2, c_int, c_long};

/// The purpose of the confined program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The program reads and prints. It changes no file, and no mode or time of one.
    Read,
    /// The program works in a directory of its own.
    Write,
    /// The program works in a directory of its own, and may use the network.
    WriteAndTalk,
}

impl Purpose {
    pub fn talks(self) -> bool {
        self == Self::WriteAndTalk
    }
}

/// Which memory a program may share with others by mapping it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    Any,
    /// That of files, and only to read it. Pages of shared memory stay taken when they
    /// are mapped no longer.
    Files,
    /// None: a file that can be opened for writing may be `/dev/zero`, whose pages are such memory.
    None,
}

/// A filter, ready to be installed.
pub(super) struct Filter {
    code: Vec<libc::sock_filter>,
    /// A call that it refuses.
    first: c_long,
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_00b7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ARCHITECTURE: Option<u32> = None;

/// The newest call that was looked at: `file_setattr` of Linux 6.17. From 424 on
/// the numbers are the same for all processors.
const NEWEST: c_long = 469;

/// On x86_64 the numbers of x32's calls have this bit.
const X32: c_long = 0x4000_0000;

/// The network, and programs of this machine that listen. Sockets that are connected from the start
/// (a socketpair) reach no other process.
const TALKING: &[(c_long, c_int)] =
    &[(libc::SYS_socket, EACCES), (libc::SYS_connect, EACCES), (libc::SYS_bind, EACCES), (libc::SYS_listen, EACCES)];

/// Refused to everything that is confined.
const ALWAYS: &[(c_long, c_int)] = &[
    (libc::SYS_io_uring_setup, ENOSYS),
    (libc::SYS_io_uring_enter, ENOSYS),
    (libc::SYS_io_uring_register, ENOSYS),
    // Other processes.
    (libc::SYS_ptrace, EPERM),
    (libc::SYS_process_vm_readv, EPERM),
    (libc::SYS_process_vm_writev, EPERM),
    (libc::SYS_process_madvise, EPERM),
    (libc::SYS_process_mrelease, EPERM),
    (libc::SYS_pidfd_getfd, EPERM),
    (libc::SYS_kcmp, EPERM),
    (libc::SYS_migrate_pages, EPERM),
    (libc::SYS_move_pages, EPERM),
    // New namespaces give privileges inside them, and with these a larger part of
    // the kernel to attack.
    (libc::SYS_unshare, EPERM),
    (libc::SYS_setns, EPERM),
    // Its flags are in memory, where a filter cannot see them.
    (SYS_clone3, ENOSYS),
    (SYS_openat2, ENOSYS),
    // Mounts.
    (libc::SYS_mount, EPERM),
    (libc::SYS_umount2, EPERM),
    (libc::SYS_pivot_root, EPERM),
    (libc::SYS_chroot, EPERM),
    (libc::SYS_open_tree, EPERM),
    (libc::SYS_move_mount, EPERM),
    (libc::SYS_fsopen, EPERM),
    (libc::SYS_fsconfig, EPERM),
    (libc::SYS_fsmount, EPERM),
    (libc::SYS_fspick, EPERM),
    (libc::SYS_mount_setattr, EPERM),
    (467, EPERM), // open_tree_attr
    (libc::SYS_open_by_handle_at, EPERM),
    (libc::SYS_name_to_handle_at, EPERM),
    (libc::SYS_quotactl, EPERM),
    (libc::SYS_quotactl_fd, EPERM),
    (libc::SYS_swapon, EPERM),
    (libc::SYS_swapoff, EPERM),
    (libc::SYS_fanotify_init, EPERM),
    // The kernel and its keys.
    (libc::SYS_add_key, EPERM),
    (libc::SYS_request_key, EPERM),
    (libc::SYS_keyctl, EPERM),
    (libc::SYS_bpf, EPERM),
    (libc::SYS_perf_event_open, EPERM),
    (libc::SYS_userfaultfd, EPERM),
    (libc::SYS_memfd_secret, EPERM),
    (libc::SYS_kexec_load, EPERM),
    (KEXEC_FILE_LOAD, EPERM),
    (libc::SYS_init_module, EPERM),
    (libc::SYS_finit_module, EPERM),
    (libc::SYS_delete_module, EPERM),
    (libc::SYS_syslog, EPERM),
    (libc::SYS_acct, EPERM),
    (libc::SYS_reboot, EPERM),
    (libc::SYS_sethostname, EPERM),
    (libc::SYS_setdomainname, EPERM),
    (libc::SYS_settimeofday, EPERM),
    (libc::SYS_clock_settime, EPERM),
    (libc::SYS_clock_adjtime, EPERM),
    (libc::SYS_adjtimex, EPERM),
    (libc::SYS_vhangup, EPERM),
];

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const KEXEC_FILE_LOAD: c_long = libc::SYS_kexec_file_load;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const KEXEC_FILE_LOAD: c_long = -1;

/// Refused to what only reads, besides. Landlock has no rule for modes, owners,
/// times and attributes, and none for cutting off before Linux 6.2.
const READING: &[(c_long, c_int)] = &[
    (libc::SYS_socketpair, EACCES),
    (libc::SYS_fchmod, EPERM),
    (libc::SYS_fchmodat, EPERM),
    (452, EPERM), // fchmodat2
    (libc::SYS_fchown, EPERM),
    (libc::SYS_fchownat, EPERM),
    (libc::SYS_utimensat, EPERM),
    (libc::SYS_setxattr, EPERM),
    (libc::SYS_lsetxattr, EPERM),
    (libc::SYS_fsetxattr, EPERM),
    (463, EPERM), // setxattrat
    (libc::SYS_removexattr, EPERM),
    (libc::SYS_lremovexattr, EPERM),
    (libc::SYS_fremovexattr, EPERM),
    (466, EPERM), // removexattrat
    (469, EPERM), // file_setattr
    (libc::SYS_truncate, EACCES),
    (libc::SYS_ftruncate, EACCES),
    (libc::SYS_fallocate, EACCES),
    (libc::SYS_flock, EACCES),
    // What stays when it has ended, and what other programs of the machine share: also by a number
    // that is known, and by a file of an mqueue file system.
    (libc::SYS_shmget, EPERM),
    (libc::SYS_shmat, EPERM),
    (libc::SYS_shmdt, EPERM),
    (libc::SYS_shmctl, EPERM),
    (libc::SYS_semget, EPERM),
    (libc::SYS_semop, EPERM),
    (libc::SYS_semtimedop, EPERM),
    (libc::SYS_semctl, EPERM),
    (libc::SYS_msgget, EPERM),
    (libc::SYS_msgsnd, EPERM),
    (libc::SYS_msgrcv, EPERM),
    (libc::SYS_msgctl, EPERM),
    (libc::SYS_mq_open, EPERM),
    (libc::SYS_mq_unlink, EPERM),
    (libc::SYS_mq_timedsend, EPERM),
    (libc::SYS_mq_timedreceive, EPERM),
    (libc::SYS_mq_notify, EPERM),
    (libc::SYS_mq_getsetattr, EPERM),
    // The caller's other processes, for one that runs as the caller.
    (libc::SYS_setpriority, EPERM),
    (libc::SYS_ioprio_set, EPERM),
    (libc::SYS_sched_setaffinity, EPERM),
    (libc::SYS_sched_setscheduler, EPERM),
    (libc::SYS_sched_setparam, EPERM),
    (libc::SYS_sched_setattr, EPERM),
];

/// Refused where memory is limited, besides: memory that stays taken when no process has it
/// mapped, so that no process counts for it.
const UNCOUNTED: &[(c_long, c_int)] = &[(libc::SYS_memfd_create, EPERM), (libc::SYS_vmsplice, EPERM)];

/// Older names of the same, which not all processors have.
#[cfg(target_arch = "x86_64")]
const READING_OLDER: &[(c_long, c_int)] = &[
    (libc::SYS_chmod, EPERM),
    (libc::SYS_chown, EPERM),
    (libc::SYS_lchown, EPERM),
    (libc::SYS_utime, EPERM),
    (libc::SYS_utimes, EPERM),
    (libc::SYS_futimesat, EPERM),
];
#[cfg(not(target_arch = "x86_64"))]
const READING_OLDER: &[(c_long, c_int)] = &[];

/// Requests that a reading program makes of its streams; no other one is let
/// through, since some change the file behind a descriptor that only reads.
const HARMLESS_REQUESTS: &[u64] =
    &[libc::TCGETS, libc::TIOCGWINSZ, libc::TIOCGPGRP, libc::FIONREAD, libc::FIOCLEX, libc::FIONCLEX, libc::FIONBIO];

/// Requests that put text into a terminal's input, or take over a terminal.
const TYPING_REQUESTS: &[u64] = &[libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSCTTY];

impl Filter {
    /// `None` for a processor whose calls are not known.
    pub fn new(purpose: Purpose, sharing: Sharing) -> Option<Self> {
        let mut code = Assembler::new(ARCHITECTURE?);
        let talking = if purpose.talks() { &[][..] } else { TALKING };
        for (call, errno) in ALWAYS.iter().chain(talking).filter(|(call, _)| *call >= 0) {
            code.refuse(*call, *errno);
        }
        let namespaces = libc::CLONE_NEWNS
            | libc::CLONE_NEWCGROUP
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUSER
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNET;
        code.refuse_bits(SYS_clone, 0, bits(namespaces), EPERM);
        match purpose {
            Purpose::Read => {
                for (call, errno) in READING.iter().chain(READING_OLDER) {
                    code.refuse(*call, *errno);
                }
                #[cfg(target_arch = "x86_64")]
                code.refuse_cutting(libc::SYS_open, 1);
                code.refuse_cutting(SYS_openat, 2);
                code.allow_only(SYS_ioctl, 1, HARMLESS_REQUESTS, libc::ENOTTY);
                // Limits of another process.
                code.allow_only(libc::SYS_prlimit64, 0, &[0], EPERM);
            }
            Purpose::Write | Purpose::WriteAndTalk => code.allow_all_but(SYS_ioctl, 1, TYPING_REQUESTS, EPERM),
        }
        if sharing != Sharing::Any {
            for (call, errno) in UNCOUNTED {
                code.refuse(*call, *errno);
            }
            code.refuse_shared_memory(sharing);
        }
        Some(Self { code: code.finish(), first: if purpose.talks() { SYS_openat2 } else { libc::SYS_socket } })
    }

    /// Puts the filter on this process for good. It must not be able to gain
    /// privileges any more (`no_new_privs`). Makes system calls only.
    pub fn install(&self) -> Result<(), i32> {
        let program = libc::sock_fprog {
            len: u16::try_from(self.code.len()).map_err(|_| libc::EINVAL)?,
            filter: self.code.as_ptr().cast_mut(),
        };
        // SAFETY: the program points to `len` instructions that live longer than
        // the call, which copies them.
        let status = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program, 0, 0) };
        if status != 0 {
            return Err(super::errno());
        }
        // The filter is tried with a call that it has to refuse.
        // SAFETY: both calls fail with these arguments, with the filter or without.
        let (status, refusal) = unsafe {
            let status = libc::syscall(self.first, -1, -1, -1, 0);
            (status, super::errno())
        };
        let expected = if self.first == libc::SYS_socket { EACCES } else { ENOSYS };
        if status < 0 && refusal == expected { Ok(()) } else { Err(libc::EINVAL) }
    }
}

fn bits(flags: c_int) -> u32 {
    flags.cast_unsigned()
}

/// Writes a program that decides about one call after the other.
struct Assembler(Vec<libc::sock_filter>);

impl Assembler {
    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;

    fn new(architecture: u32) -> Self {
        let mut code = Self(Vec::new());
        code.load(4); // seccomp_data.arch
        code.jump(libc::BPF_JEQ, architecture, 1, 0);
        code.end(refusal(ENOSYS));
        code.load(0); // seccomp_data.nr
        code.jump(libc::BPF_JGE, number(X32), 0, 1);
        code.end(refusal(EPERM));
        code.jump(libc::BPF_JGT, number(NEWEST), 0, 1);
        code.end(refusal(ENOSYS));
        code
    }

    fn finish(mut self) -> Vec<libc::sock_filter> {
        self.end(Self::ALLOW);
        self.0
    }

    fn refuse(&mut self, call: c_long, errno: c_int) {
        self.jump(libc::BPF_JEQ, number(call), 0, 1);
        self.end(refusal(errno));
    }

    /// Refuses a call with any of these bits in an argument.
    fn refuse_bits(&mut self, call: c_long, argument: u32, mask: u32, errno: c_int) {
        self.about(call, |code| {
            code.load_argument(argument);
            code.jump(libc::BPF_JSET, mask, 0, 1);
            code.end(refusal(errno));
            code.end(Self::ALLOW);
        });
    }

    /// Refuses to open a file so that it is cut off without being opened for
    /// writing, which Landlock does not see before Linux 6.2.
    fn refuse_cutting(&mut self, call: c_long, argument: u32) {
        let cut = bits(libc::O_TRUNC);
        let mode = bits(libc::O_ACCMODE);
        self.about(call, |code| {
            code.load_argument(argument);
            code.statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, cut | mode);
            code.jump(libc::BPF_JEQ, cut, 1, 0);
            code.jump(libc::BPF_JEQ, cut | mode, 0, 1);
            code.end(refusal(EACCES));
            code.end(Self::ALLOW);
        });
    }

    /// Refuses to map memory that is shared, as far as that is not allowed.
    fn refuse_shared_memory(&mut self, allowed: Sharing) {
        // Both kinds of it have this bit, and no other kind has.
        let shared = bits(libc::MAP_SHARED);
        self.about(libc::SYS_mmap, |code| {
            code.load_argument(3);
            code.jump(libc::BPF_JSET, shared, 1, 0);
            code.end(Self::ALLOW);
            if allowed == Sharing::Files {
                code.jump(libc::BPF_JSET, bits(libc::MAP_ANONYMOUS), 3, 0);
                code.load_argument(2);
                code.jump(libc::BPF_JSET, bits(libc::PROT_WRITE), 1, 0);
                code.end(Self::ALLOW);
            }
            code.end(refusal(EPERM));
        });
    }

    fn allow_only(&mut self, call: c_long, argument: u32, values: &[u64], errno: c_int) {
        self.choose(call, argument, values, Self::ALLOW, refusal(errno));
    }

    fn allow_all_but(&mut self, call: c_long, argument: u32, values: &[u64], errno: c_int) {
        self.choose(call, argument, values, refusal(errno), Self::ALLOW);
    }

    /// By the lower half of an argument: the kernel takes no more of these.
    fn choose(&mut self, call: c_long, argument: u32, values: &[u64], listed: u32, other: u32) {
        self.about(call, |code| {
            code.load_argument(argument);
            for value in values {
                code.jump(libc::BPF_JEQ, (*value & 0xffff_ffff) as u32, 0, 1);
                code.end(listed);
            }
            code.end(other);
        });
    }

    /// Instructions for one call, which have to come to an end.
    fn about(&mut self, call: c_long, write: impl FnOnce(&mut Self)) {
        let at = self.0.len();
        self.jump(libc::BPF_JEQ, number(call), 0, 0);
        write(self);
        let over = self.0.len() - at - 1;
        self.0[at].jf = u8::try_from(over).expect("a few instructions for each call");
    }

    /// The lower half of an argument; both processors are little-endian.
    fn load_argument(&mut self, argument: u32) {
        self.load(16 + 8 * argument);
    }

    fn load(&mut self, offset: u32) {
        self.statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    }

    fn end(&mut self, action: u32) {
        self.statement(libc::BPF_RET | libc::BPF_K, action);
    }

    fn jump(&mut self, condition: u32, k: u32, jt: u8, jf: u8) {
        let code = opcode(libc::BPF_JMP | condition | libc::BPF_K);
        self.0.push(libc::sock_filter { code, jt, jf, k });
    }

    fn statement(&mut self, code: u32, k: u32) {
        self.0.push(libc::sock_filter { code: opcode(code), jt: 0, jf: 0, k });
    }
}

fn opcode(code: u32) -> u16 {
    u16::try_from(code).expect("operation codes have 16 bits")
}

fn number(call: c_long) -> u32 {
    u32::try_from(call).expect("numbers of calls are small")
}

fn refusal(errno: c_int) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno.cast_unsigned()
}
