//! Hostile scripts, run confined.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::*;
use crate::measures::Measures;
use crate::mounts::Mounts;

mod builds;
mod shared;

const READER: [Wall; 5] = Wall::OF_READERS;

fn limits() -> Limits {
    Limits { cpu: Duration::from_secs(20), memory: 1 << 30, total_memory: 512 << 20, processes: 64 }
}

/// Bash with a script, and the streams that a reader has.
fn bash(script: &str) -> Command {
    let mut command = Command::new("/bin/bash");
    command.args(["--norc", "-c", script]).env_clear().env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run_in(mut command: Command, confinement: Confinement) -> (Output, Level) {
    let mut leash = confinement.prepare(&mut command).unwrap();
    let child = command.spawn().unwrap();
    let level = leash.level().unwrap();
    (child.wait_with_output().unwrap(), level)
}

fn reader() -> Confinement {
    let mut readable = Readable::system(can_become_nobody());
    readable.and_names(&std::env::current_dir().unwrap());
    Confinement::reader(&readable, limits())
}

fn run(script: &str) -> (Output, Level) {
    run_in(bash(script), reader())
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn public_directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
    dir
}

#[test]
fn nothing_can_be_written_or_its_mode_changed() {
    let dir = public_directory();
    let file = dir.path().join("file");
    std::fs::write(&file, "kept").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
    let (output, level) = run(&format!(
        "cd {0}; echo x > {0}/new; echo x > file; chmod 777 file; rm file; mkdir d; ln -s a b; touch -t 200001010000 \
         file; mkfifo f; exit 3",
        dir.path().display()
    ));
    assert!(level.has(Wall::Writes), "{level}");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o666);
    assert!(file.metadata().unwrap().mtime() > 1_000_000_000);
}

#[test]
fn dev_null_can_be_written_and_own_processes_can_be_read() {
    let (output, _) = run("( echo x >/dev/null && read -r line </proc/self/status && echo \"$line\" )");
    assert_eq!(stdout(&output), "Name:\tbash\n");
}

#[test]
fn there_are_no_sockets_of_any_kind() {
    let dir = public_directory();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let path = dir.path().join("socket");
    let _unix = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o777)).unwrap();
    let python = format!(
        "import socket\nfor family, address in ((socket.AF_UNIX, {:?}), (socket.AF_UNIX, '\\0x'), (socket.AF_INET, \
         ('127.0.0.1', {}))):\n    try: socket.socket(family).connect(address)\n    except PermissionError: \
         print('refused')\n",
        path.display().to_string(),
        listener.local_addr().unwrap().port()
    );
    let (output, level) = run(&format!("python3 - <<'END'\n{python}END\n"));
    assert!(level.has(Wall::Network), "{level}");
    assert_eq!(stdout(&output), "refused\nrefused\nrefused\n", "{output:?} (apt-get install python3)");
}

#[test]
fn it_is_not_root_and_has_no_capability() {
    let (output, level) = run("[[ $EUID != 0 ]] && ! kill -0 $PPID 2>/dev/null && grep ^Cap.*: /proc/self/status");
    assert!(level.has(Wall::Privileges), "{level}");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert!(stdout(&output).contains(&format!("{set}:\t0000000000000000\n")), "{output:?}");
    }
}

#[test]
fn secrets_cannot_be_read() {
    let dir = public_directory();
    let secret = dir.path().join("key");
    std::fs::write(&secret, "secret\n").unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let script = format!("cat {} /etc/shadow /root/.bashrc; cat /proc/1/environ | tr '\\0' '\\n'", secret.display());
    let (output, level) = run(&script);
    assert!(level.has(Wall::Secrets), "{level}");
    // Its own environment is all that the first process shows.
    assert!(!stdout(&output).contains("secret") && !stdout(&output).contains("root:"), "{output:?}");
    assert!(!stdout(&output).contains("CARGO"), "{output:?}");
}

#[test]
fn descriptors_of_the_caller_are_closed() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"kept").unwrap();
    // As one that was inherited, which the program does not know.
    let inherited = rustix::io::dup(&file).unwrap();
    rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
    let (output, _) = run(&format!("echo x >&{} ; ls /proc/self/fd", inherited.as_raw_fd()));
    assert_eq!(file.metadata().unwrap().len(), 4);
    // The fourth is the directory that is listed.
    assert_eq!(stdout(&output), "0\n1\n2\n3\n", "{output:?}");
}

#[test]
fn it_has_a_session_of_its_own_and_cannot_type() {
    let python = "import fcntl, os, termios\nprint(os.getsid(0) == os.getppid())\ntry: fcntl.ioctl(2, termios.TIOCSTI, \
                  b'x')\nexcept OSError as e: print(e.errno)\n";
    let (output, _) = run(&format!("python3 -c \"{python}\"; : < /dev/tty"));
    assert_eq!(stdout(&output), format!("True\n{}\n", libc::ENOTTY), "{output:?}");
    assert!(!output.status.success());
}

/// Whether a process with these words on its command line runs.
fn runs(words: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains(words))
    })
}

#[test]
fn nothing_outlives_it() {
    let script = "setsid sleep 87651 & (setsid sleep 87652 &) ; (trap '' TERM HUP; exec sleep 87653) & exec true";
    let (_, level) = run(script);
    assert!(level.has(Wall::Processes), "{level}");
    assert!(!runs("sleep 8765"));
}

#[test]
fn letting_go_of_the_leash_ends_it_all() {
    let mut command = bash("setsid sleep 87661 & sleep 87662 & echo; exec sleep 87663");
    let mut leash = reader().prepare(&mut command).unwrap();
    let mut child = command.spawn().unwrap();
    std::io::Read::read_exact(&mut child.stdout.take().unwrap(), &mut [0]).unwrap();
    assert!(leash.usage(&child).processes >= 1);
    let status = leash.end(&mut child).unwrap();
    assert_eq!(status.code(), Some(137));
    assert!(!runs("sleep 8766"));
}

#[test]
fn the_status_is_that_of_the_program() {
    assert_eq!(run("exit 7").0.status.code(), Some(7));
    assert_eq!(run("kill -SEGV $$").0.status.code(), Some(128 + 11));
}

/// Refuses system calls from now on, as the profile of a container would.
fn refuse(command: &mut Command, calls: &'static [libc::c_long]) {
    let refuse_here = move || {
        for call in calls {
            let jump = |jt, jf| (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, jt, jf, u32::try_from(*call).unwrap());
            let ret = |action| (libc::BPF_RET | libc::BPF_K, 0, 0, action);
            let program = [
                (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
                jump(0, 1),
                ret(libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned()),
                ret(libc::SECCOMP_RET_ALLOW),
            ]
            .map(|(code, jt, jf, k)| libc::sock_filter { code: u16::try_from(code).unwrap(), jt, jf, k });
            let program = libc::sock_fprog { len: 4, filter: program.as_ptr().cast_mut() };
            // SAFETY: the program lives longer than the call. As root no further right is needed.
            let status =
                unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program, 0, 0) };
            if status != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: only system calls; nothing is allocated.
    unsafe { command.pre_exec(refuse_here) };
}

const NO_LANDLOCK: &[libc::c_long] = &[libc::SYS_landlock_restrict_self];
const NO_NAMESPACES: &[libc::c_long] = &[libc::SYS_unshare];

#[test]
fn a_wall_that_the_kernel_refuses_is_not_claimed() {
    let dir = public_directory();
    let mut command = bash(&format!("echo x > {}/new", dir.path().display()));
    refuse(&mut command, NO_LANDLOCK);
    let (_, level) = run_in(command, reader());
    // It was written: the level must not say otherwise.
    assert!(dir.path().join("new").exists());
    assert!(!level.has(Wall::Writes), "{level}");
    let refused = level.missing().find(|(wall, _)| *wall == Wall::Writes).unwrap().1.unwrap();
    assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
    assert_eq!(level.to_string(), "no network, no secrets, own processes, no privileges");
}

#[test]
fn without_a_required_wall_nothing_is_started() {
    let dir = public_directory();
    let mut command = bash(&format!("echo x > {}/new", dir.path().display()));
    refuse(&mut command, NO_LANDLOCK);
    let mut leash = reader().require(&READER).prepare(&mut command).unwrap();
    let error = command.spawn().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(!leash.level().unwrap().has(Wall::Writes));
    assert!(!dir.path().join("new").exists());
}

#[test]
fn without_landlock_root_has_every_mount_read_only() {
    assert!(can_become_nobody(), "run this test as root");
    let dir = public_directory();
    let confinement = Confinement(Measures { rules: Err(libc::ENOSYS), mounts: Mounts::all(), ..reader().0 });
    let (output, level) =
        run_in(bash(&format!("echo x > {}/new; echo x >/dev/null", dir.path().display())), confinement);
    assert!(output.status.success(), "{output:?}");
    assert!(!dir.path().join("new").exists());
    assert_eq!(level.to_string(), "no network, no writes, no secrets, own processes, no privileges");
}

#[test]
fn without_namespaces_what_is_left_is_ended_one_by_one() {
    let mut command =
        bash("setsid sleep 87671 & (setsid sleep 87672 &) ; (setsid sh -c 'sleep 87673; :' &) ; exec true");
    refuse(&mut command, NO_NAMESPACES);
    let (output, level) = run_in(command, reader().require(&READER));
    assert!(output.status.success(), "{output:?}");
    assert_eq!(level.to_string(), "no network, no writes, no secrets, own processes, no privileges");
    assert!(!runs("sleep 8767"));
}

/// Killing such processes one by one makes room for more of them.
#[test]
fn what_forks_without_end_is_ended_without_namespaces_too() {
    // It ends when the first fork has failed, which bash says.
    let bomb = "bomb() { bomb | bomb & }; ulimit -u 200; { bomb; } 2>&1 | head -n 1 >&2";
    let mut command = bash(bomb);
    refuse(&mut command, NO_NAMESPACES);
    let (output, _) = run_in(command, reader().require(&READER));
    assert!(!output.stderr.is_empty(), "no limit was reached");
    assert!(!runs("bomb() { "), "the shell's own copies are left");
}

#[test]
fn a_stop_signal_to_all_of_its_group_leaves_it_its_first_process() {
    let mut command = bash("setsid sleep 87691 & echo; exec sleep 87692");
    refuse(&mut command, NO_NAMESPACES);
    let leash = reader().prepare(&mut command).unwrap();
    let mut child = command.spawn().unwrap();
    std::io::Read::read_exact(&mut child.stdout.take().unwrap(), &mut [0]).unwrap();
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        rustix::process::kill_process(Pid::from_child(&child), signal).unwrap();
    }
    assert_eq!(leash.end(&mut child).unwrap().code(), Some(137));
    assert!(!runs("sleep 8769"));
}

#[test]
fn one_directory_can_be_written_and_no_other() {
    let dir = public_directory();
    let (own, other) = (dir.path().join("own"), dir.path().join("other"));
    for path in [&own, &other] {
        std::fs::create_dir(path).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
    }
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "x").unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let mut command = Command::new("/bin/sh");
    let script = "(echo x > own/a) && (echo x > own/b) && ! (echo x > other/a); cat secret; id -u; sleep 87681 & true";
    command.args(["-c", script]).current_dir(dir.path()).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (output, level) = run_in(command, Confinement::writer(&own));
    assert!(level.has(Wall::Privileges) && level.has(Wall::Writes) && level.has(Wall::Processes), "{level}");
    assert_eq!((own.join("a").exists(), own.join("b").exists(), other.join("a").exists()), (true, true, false));
    if rustix::process::geteuid().is_root() {
        assert_eq!(stdout(&output), format!("{NOBODY}\n"), "{output:?}");
    }
    assert!(!runs("sleep 8768"));
}

#[test]
fn an_observer_reads_what_its_user_may_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "kept").unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o400)).unwrap();
    let file = secret.display();
    let script = format!(
        "cat {file}; echo x > {file}; rm -f {file}; touch {file}.new; chmod 777 {file}; \
         (echo > /dev/tcp/127.0.0.1/9) 2>&1 | grep -c 'Connection refused'"
    );
    let (output, level) = run_in(bash(&script), Confinement::observer());
    assert_eq!(stdout(&output), "kept0\n", "no socket is to be had: {output:?}");
    assert!([Wall::Writes, Wall::Network, Wall::Privileges].iter().all(|wall| level.has(*wall)), "{level:?}");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "kept");
    assert_eq!(std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o400);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
