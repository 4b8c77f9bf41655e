//! The program is ended by a signal while bash reads a dkms.conf for it: it ends at once,
//! and leaves neither a process nor a lock.

use std::fs;
use std::time::Duration;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, World, world};

/// Whether a `sleep` with this number runs anywhere.
fn sleeps(number: u32) -> bool {
    let line = format!("sleep\0{number}\0");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.map(|entry| entry.path().join("cmdline")).any(|file| fs::read(file).is_ok_and(|is| is == line.as_bytes()))
}

/// For how long processes of this test sleep, no other test's do.
fn nap(number: u32) -> u32 {
    10 * (70_000_000 + std::process::id()) + number
}

fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Whom a signal is sent to.
#[derive(Debug, Clone, Copy)]
enum To {
    Program,
    /// As from a terminal or timeout(1).
    ItsGroup,
}

/// Runs a command, and sends a signal when all of these are asleep; returns when none is any more.
fn stopped(world: &World, command: &str, asleep: &[u32], to: To, signal: libc::c_int) -> Output {
    let program = world::modsmith().display().to_string();
    let script =
        format!("rm -f /boot/pid; setsid {program} {command} & echo $! >/boot/new; mv /boot/new /boot/pid; wait $!");
    let out = std::thread::scope(|scope| {
        let running = scope.spawn(|| world.shell(&script).run());
        let ready = || asleep.iter().all(|number| sleeps(*number)) && world.path("boot/pid").exists();
        while !running.is_finished() && !ready() {
            pause();
        }
        if !running.is_finished() {
            let pid: i32 = fs::read_to_string(world.path("boot/pid")).unwrap().trim().parse().unwrap();
            let target = if matches!(to, To::Program) { pid } else { -pid };
            // SAFETY: a system call without pointers; the process is a child that nobody has waited for.
            assert_eq!(unsafe { libc::kill(target, signal) }, 0, "{command}");
        }
        running.join().unwrap()
    });
    while asleep.iter().any(|number| sleeps(*number)) {
        pause();
    }
    out.expect_no_panic()
}

/// Nobody holds the lock; its file, which a program that was ended leaves, is removed.
fn assert_not_locked(world: &World) {
    let script = "cd /var/lib/dkms; [ ! -e .modsmith/lock ] || flock --nonblock .modsmith/lock rm .modsmith/lock; \
                  [ ! -e .modsmith ] || rmdir --ignore-fail-on-non-empty .modsmith";
    world.shell(script).run().expect(0);
}

#[test]
fn a_signal_while_bash_reads_ends_the_program_and_leaves_no_process_and_no_lock() {
    let world = World::generic();
    // Something else was added, so that there is a tree and a lock.
    world.add_package(&Package::new("other", "1.0"));
    world.dkms("add other/1.0").expect(0);
    let package = |evil: &str| world.add_package(&Package::new("slow", "1.0").conf(evil));
    let naps = [nap(1), nap(2)];
    let evil = format!("(setsid sleep {} &)\nsleep {}\nBUILD_DEPENDS=$(echo)", naps[0], naps[1]);
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGKILL] {
        for to in [To::Program, To::ItsGroup] {
            for command in ["conf slow/1.0", "add slow/1.0", "add slow/1.0 --dry-run"] {
                // `conf` has nothing to undo, and leaves signals as they are.
                let own_code = signal != libc::SIGKILL && !command.starts_with("conf");
                let code = if own_code { 130 } else { 128 + signal };
                package(&evil);
                let before = world.snapshot();
                let out = stopped(&world, command, &naps, to, signal).expect(code);
                fs::remove_file(world.path("boot/pid")).unwrap();
                assert_not_locked(&world);
                before.assert_same(&world.snapshot(), &format!("{command}, signal {signal} to {to:?}: {out}"));
            }
        }
    }
    package("");
    world.dkms("add slow/1.0").expect(0);
}

#[test]
fn a_signal_while_another_kernel_is_built_ends_the_reading_too() {
    let kernels = [kernel(), kernel::newest(Flavour::Cloud)];
    let world = World::new(&kernels);
    let conf = format!(
        "PRE_BUILD=\"begin.sh\"\nif [[ $kernelver == {} ]]; then\n    \
         until [ -e /usr/src/slow-1.0/begun ]; do :; done\n    sleep {}\nfi",
        kernels[1],
        nap(2)
    );
    let begin = format!("touch /usr/src/slow-1.0/begun; exec sleep {}", nap(1));
    let source = world.add_package(&Package::new("slow", "1.0").script("begin.sh", &begin).conf(&conf));
    std::fs::set_permissions(source, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    world.settings("modsmith/confinement.toml", "write = [\"/usr/src/slow-1.0\"]\n");
    let command = format!("build slow/1.0 -k {} -k {} -j 2", kernels[0], kernels[1]);
    let out = stopped(&world, &command, &[nap(1), nap(2)], To::Program, libc::SIGTERM).expect(130);
    assert!(!out.stderr.contains("did not finish"), "{out}");
    assert!(!world.tree().join("slow/1.0").join(&kernels[0]).exists(), "{out}");
    assert_not_locked(&world);
}
