//! What programs share with each other, run confined.

use super::*;

/// Objects of System V, which every user may change; removed in the end.
struct Shared {
    memory: libc::c_int,
    semaphores: libc::c_int,
    messages: libc::c_int,
}

impl Shared {
    fn new() -> Self {
        let mode = 0o666 | libc::IPC_CREAT;
        // SAFETY: calls without pointers.
        let shared = unsafe {
            Self {
                memory: libc::shmget(libc::IPC_PRIVATE, 4096, mode),
                semaphores: libc::semget(libc::IPC_PRIVATE, 1, mode),
                messages: libc::msgget(libc::IPC_PRIVATE, mode),
            }
        };
        assert!(shared.memory >= 0 && shared.semaphores >= 0 && shared.messages >= 0);
        shared
    }

    /// The value of the semaphore, and how many messages there are.
    fn state(&self) -> (libc::c_int, libc::msgqnum_t) {
        // SAFETY: the structure lives until the call returns, and is valid when it is zero.
        unsafe {
            let mut queue: libc::msqid_ds = std::mem::zeroed();
            assert_eq!(libc::msgctl(self.messages, libc::IPC_STAT, &raw mut queue), 0);
            (libc::semctl(self.semaphores, 0, libc::GETVAL), queue.msg_qnum)
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: removes what this test has made.
        unsafe {
            libc::shmctl(self.memory, libc::IPC_RMID, std::ptr::null_mut());
            libc::semctl(self.semaphores, 0, libc::IPC_RMID);
            libc::msgctl(self.messages, libc::IPC_RMID, std::ptr::null_mut());
        }
    }
}

fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", script]).env_clear().env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn shared_memory_semaphores_and_queues_of_others_are_out_of_reach() {
    let shared = Shared::new();
    let before = shared.state();
    let Shared { memory, semaphores, messages } = &shared;
    let call = |name: &str, arguments: &str| format!("attempt(c.{name}, {arguments})\n");
    let script = [
        "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nc.shmat.restype = ctypes.c_long\nb = b'x' * 4096\n\
         def attempt(call, *args):\n    ctypes.set_errno(0)\n    done = call(*args) != -1\n    \
         print('done' if done else 'refused' if ctypes.get_errno() in (1, 13) else ctypes.get_errno())\n"
            .to_owned(),
        call("shmat", &format!("{memory}, None, 0")),
        call("shmctl", &format!("{memory}, 0, None")),
        call("shmget", "0, 4096, 0o1666"),
        call("semop", &format!("{semaphores}, b'\\0\\0\\5\\0\\0\\0', 1")),
        call("semtimedop", &format!("{semaphores}, b'\\0\\0\\5\\0\\0\\0', 1, None")),
        call("semctl", &format!("{semaphores}, 0, {}, 7", libc::SETVAL)),
        call("msgsnd", &format!("{messages}, b, 8, 0")),
        call("msgrcv", &format!("{messages}, b, 8, 0, {}", libc::IPC_NOWAIT)),
        call("msgctl", &format!("{messages}, 0, None")),
        call("mq_unlink", "b'/modsmith-test'"),
        call("mq_open", "b'/modsmith-test', 0o102, 0o666, None"),
    ]
    .concat();
    for refused in [&[][..], NO_NAMESPACES] {
        let mut command = python(&script);
        refuse(&mut command, refused);
        let (output, _) = run_in(command, reader());
        assert_eq!(stdout(&output), "refused\n".repeat(11), "{refused:?}: {output:?}");
        assert_eq!(shared.state(), before);
    }
}

/// Each way to memory, with whether it was to be had.
const MAPS: &str = "import mmap, os
def attempt(name, make):
    try: make(); print(name)
    except PermissionError: print('no', name)
file = os.open('/usr/bin/env', os.O_RDONLY)
attempt('private', lambda: mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
attempt('file', lambda: mmap.mmap(file, 4096, mmap.MAP_SHARED, mmap.PROT_READ))
attempt('shared', lambda: mmap.mmap(-1, 4096, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS))
attempt('later', lambda: mmap.mmap(-1, 4096, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS, mmap.PROT_READ))
attempt('memfd', lambda: os.memfd_create('x'))
";

#[test]
fn memory_that_no_process_counts_for_is_not_to_be_had_by_a_reader() {
    let maps = |confinement| stdout(&run_in(python(MAPS), confinement).0).replace('\n', ", ");
    assert_eq!(maps(reader()), "private, file, no shared, no later, no memfd, ", "(apt-get install python3)");
    let confinement = Confinement(Measures { rules: Err(libc::ENOSYS), mounts: Mounts::all(), ..reader().0 });
    assert_eq!(maps(confinement), "private, no file, no shared, no later, no memfd, ");
    // Nothing is counted.
    assert_eq!(maps(Confinement::observer()), "private, file, shared, later, memfd, ");
}
