//! Surroundings that a build may find itself in, and the level that it reaches there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::world::Invocation;
use modsmith_tests::{World, tool};

use crate::recipes::{NAMESPACES, USER, Walls, build, level, log, package, registered};

#[test]
fn each_system_reaches_the_level_that_it_can() {
    let world = World::generic();
    let package = package("plain", "id -u > who");
    registered(&world, &package);
    for (walls, expected) in [
        (Walls::All, "full"),
        (Walls::NoNamespaces, "confined"),
        (Walls::NoLandlock, "full"),
        (Walls::Neither, "dropped"),
    ] {
        build(&world, &package, walls).expect(0);
        assert_eq!(level(&world, &package), expected, "{walls:?}");
        let log = log(&world, &package);
        assert!(log.contains(&format!("\n# confinement: {expected}")), "{walls:?}: {log}");
    }
    // What is missing is told, with the reason.
    build(&world, &package, Walls::NoNamespaces).expect(0);
    let log = log(&world, &package);
    assert!(log.contains("# confinement: confined; missing walls: own view of files: "), "{log}");
}

/// What the default profile of a container refuses a process without `CAP_SYS_ADMIN`.
///
/// Source: the default seccomp profile of Docker.
const CONTAINER: &[libc::c_long] = &[
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_keyctl,
    libc::SYS_bpf,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
];

#[test]
fn chroots_and_containers_reach_what_they_can() {
    let world = World::generic();
    // A configure script runs what it has written to the temporary directory.
    let recipe = "printf '#!/bin/sh\\necho ran\\n' > $TMPDIR/run; chmod +x $TMPDIR/run; $TMPDIR/run > ran || exit 1; \
                  cp $TMPDIR/run /tmp/run 2>/dev/null && /tmp/run >> ran; echo \"$(wc -l < ran) ran\"";
    let package = package("plain", recipe);
    registered(&world, &package);
    let line = format!("build {} -k {} --force", package.id(), kernel());
    let started = || world.program(world.path("bin/dkms")).words(&line);
    let reaches = |how: &str, invocation: Invocation<'_>, told: &str, ran: u32| {
        invocation.run().expect(0);
        let log = log(&world, &package);
        assert!(log.contains(&format!("\n# confinement: {told}")), "{how}: {log}");
        assert!(log.contains(&format!("\n{ran} ran\n")), "{how}: {log}");
    };
    reaches("chroot", started().in_chroot(true), "full\n", 2);
    reaches("chroot without /proc", started().in_chroot(false), "confined; missing walls: own view of files: ", 1);
    reaches("container", started().refusing_inside(CONTAINER), "confined; missing walls: own view of files: ", 1);
    // The private /tmp is another one.
    reaches("noexec /tmp", started().with_tmp_noexec(), "full\n", 2);
    reaches(
        "noexec /tmp in a container",
        started().with_tmp_noexec().refusing_inside(CONTAINER),
        "confined; missing walls: own view of files: ",
        1,
    );
    let mounts = fs::read_to_string("/proc/thread-self/mountinfo").expect("a list");
    assert!(!mounts.contains(&world.dir().display().to_string()), "mounts are left: {mounts}");
}

/// A user's own tree, below a home that others may not enter.
#[test]
fn a_user_builds_in_a_tree_of_their_own_behind_the_same_walls() {
    let world = World::generic();
    let home = tempfile::tempdir().expect("a directory");
    fs::write(home.path().join("secret"), "secret").expect("writable");
    let recipe = format!("cat {0}/secret; echo x > {0}/new; id -u; ls {0}; true", home.path().display());
    package("mine", &recipe).write(&home.path().join("mine"));
    fs::create_dir(home.path().join("tree")).expect("writable");
    symlink("/nonexistent", home.path().join("dangling")).expect("writable");
    let owner = Command::new("chown").args(["-R", &format!("{USER}:{USER}")]).arg(home.path()).status();
    assert!(owner.expect("chown").success());
    fs::copy(modsmith_tests::world::modsmith(), world.path("usr/src/program")).expect("a program");
    let build = format!(
        "setpriv --reuid={USER} --regid={USER} --clear-groups /usr/src/program build {0}/mine -k {1} --force \
         --dkmstree {0}/tree --sourcetree {0}",
        home.path().display(),
        kernel()
    );
    let as_user = |script: &str| world.shell(script).env("HOME", home.path().display().to_string());
    // What an administrator writes to user.max_user_namespaces, for a part of the system.
    world.write("boot/limited", format!("echo 0 > /proc/sys/user/max_user_namespaces && exec {build}"));
    let without = "mkfifo /boot/go; own=$(readlink /proc/self/ns/user)
         unshare --user sh -c 'read go && exec sh /boot/limited' < /boot/go &
         exec 3> /boot/go; while [ \"$(readlink /proc/$!/ns/user)\" = \"$own\" ]; do :; done
         echo 0 0 65536 > /proc/$!/uid_map; echo 0 0 65536 > /proc/$!/gid_map; echo go >&3; wait $!";
    for (how, invocation, expected) in [
        ("all walls", as_user(&build), "full\n"),
        ("no namespaces", as_user(&build).refusing_inside(NAMESPACES), "confined; "),
        ("max_user_namespaces=0", as_user(without), "confined; "),
    ] {
        let _ = fs::remove_dir_all(home.path().join("tree/mine"));
        let _ = fs::remove_dir_all(home.path().join("mine-1.0"));
        let out = invocation.run().expect_no_panic();
        assert_eq!(out.code, 0, "{how}: {out}");
        let log = home.path().join(format!("tree/mine/1.0/{}/x86_64/log/make.log", kernel()));
        let log = fs::read_to_string(log).expect("a log");
        assert!(log.contains(&format!("# confinement: {expected}")), "{how}: {log}");
        assert!(!log.contains("\nsecret\n") && log.contains(&format!("\n{USER}\n")), "{how}: {log}");
        assert!(!home.path().join("new").exists(), "{how}");
    }
}

#[test]
fn a_tree_that_others_may_not_enter_and_a_strict_umask_are_no_hindrance() {
    let world = World::generic();
    let closed = world.path("usr/src/closed");
    fs::create_dir(&closed).expect("writable");
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).expect("ours");
    world.add_package(&package("plain", "id -u"));
    let trees = "--dkmstree /usr/src/closed/tree";
    let script = format!(
        "umask 077; mkdir /usr/src/closed/tree; dkms add plain/1.0 {trees} && dkms build plain/1.0 -k {} {trees}",
        kernel()
    );
    world.shell(&script).run().expect(0);
    let log = closed.join(format!("tree/plain/1.0/{}/x86_64/log/make.log", kernel()));
    let log = fs::read_to_string(log).expect("a log");
    assert!(log.contains("# confinement: full\n"), "{log}");
    // Without mounts another user would not find the way: root goes it, without its rights.
    let again = format!("umask 077; dkms build plain/1.0 -k {} {trees} --force", kernel());
    world.shell(&again).refusing_inside(NAMESPACES).run().expect(0);
    let log = closed.join(format!("tree/plain/1.0/{}/x86_64/log/make.log", kernel()));
    let log = fs::read_to_string(log).expect("a log");
    assert!(log.contains("# confinement: confined; missing walls: own view of files"), "{log}");
    assert!(Path::new("/proc/self").exists());
}

/// A hardened system keeps its headers from its users.
#[test]
fn headers_below_a_closed_directory_are_read_at_every_level() {
    let world = World::generic();
    let kernel = kernel();
    let closed = world.path("usr/src/closed");
    fs::create_dir(&closed).expect("writable");
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).expect("ours");
    let headers = fs::canonicalize(format!("/lib/modules/{kernel}/build")).expect("headers");
    let copied = Command::new("cp").arg("-a").arg(headers).arg(closed.join("headers")).status();
    assert!(copied.expect("cp").success());
    let link = world.modules(&kernel).join("build");
    fs::remove_file(&link).expect("a link");
    symlink("/usr/src/closed/headers", &link).expect("writable");
    let package = package("plain", &format!("cat /lib/modules/{kernel}/build/include/generated/utsrelease.h"));
    registered(&world, &package);
    let every = [(Walls::All, "full"), (Walls::NoNamespaces, "confined"), (Walls::Neither, "dropped")];
    for (walls, expected) in every.into_iter().chain(every) {
        build(&world, &package, walls).expect(0);
        assert_eq!(level(&world, &package), expected, "{walls:?}");
        let log = log(&world, &package);
        assert!(log.contains(&format!("UTS_RELEASE \"{kernel}\"")), "{walls:?}: {log}");
        if walls == Walls::Neither {
            // The second time the headers themselves are closed, too.
            fs::set_permissions(closed.join("headers"), PermissionsExt::from_mode(0o700)).expect("ours");
        }
    }
}

/// What is used up is the recipe's own: its processes, its files, its share of jobs.
#[test]
fn a_recipe_that_takes_all_it_can_get_ends_and_leaves_nothing() {
    let world = World::generic();
    // A lower limit than its own: other builds of this user are counted too.
    let bomb = "bash -c 'ulimit -u 400; bomb() { bomb | bomb & }; bomb; sleep 1' bomb98763 2>/dev/null; exit 9";
    let large = "head -c 1 /dev/zero | dd of=large bs=1 seek=9G || echo refused; true";
    let many = "bash -c 'ulimit -u' | sed 's/^/processes: /'";
    let thief = "python3 - <<'PY'\nimport os, re\nflags = os.environ.get('MAKEFLAGS', '')\n\
                 found = re.search(r'fifo:(\\S+)|--jobserver-auth=(\\d+)', flags)\n\
                 if found:\n    fd = int(found[2]) if found[2] else os.open(found[1], os.O_RDWR | os.O_NONBLOCK)\n    \
                 os.set_blocking(fd, False)\n    \
                 try:\n        while os.read(fd, 1): pass\n    except BlockingIOError: print('taken')\nPY";
    for (name, recipe, code, told) in [
        ("bomb", bomb, 10, "exit code: 9"),
        ("large", large, 0, "\nrefused\n"),
        ("many", many, 0, "\nprocesses: "),
        ("thief", thief, 0, "\ntaken\n"),
    ] {
        let package = package(name, recipe);
        registered(&world, &package);
        for walls in [Walls::All, Walls::NoNamespaces, Walls::Neither] {
            let out = build(&world, &package, walls);
            let log = log(&world, &package);
            assert_eq!(out.code, code, "{name}, {walls:?}: {out}\n{log}");
            assert!(log.contains(told), "{name}, {walls:?}: {log}");
            assert!(name != "many" || !log.contains("unlimited"), "{walls:?}: {log}");
            let left = Command::new("pgrep").args(["-f", "bomb98763$"]).output();
            let left = left.expect("pgrep (apt-get install procps)");
            assert!(left.stdout.is_empty(), "{name}, {walls:?}: {left:?}");
        }
    }
    // The others have their turn.
    registered(&world, &package("honest", "printf 'all: a b\\na b: ; echo made\\n' > Makefile; make -j4 all"));
    let out = world.dkms(&format!("autoinstall -k {} -j 4", kernel())).expect_no_panic();
    let state = world.dkms("status honest").expect(0).stdout;
    assert!(state.contains(": installed"), "{out}\n{state}");
}

/// Each program of the recipe starts behind the walls as it would without: what is added
/// are the processes that put the walls up.
#[test]
fn walls_add_few_processes_to_a_build() {
    let world = World::generic();
    let package = Package::new("small", "1.0").compiled();
    registered(&world, &package);
    let count = || {
        let (trace, ours) = (world.path("trace"), world.path("bin/dkms"));
        let line = format!(
            "-f -qq -e trace=exit_group -e signal=none -o {} {} build {} -k {} --force",
            trace.display(),
            ours.display(),
            package.id(),
            kernel()
        );
        world.program(tool::path("strace")).words(&line).run().expect(0);
        let trace = fs::read_to_string(trace).expect("strace wrote it");
        // Threads end otherwise.
        trace.lines().filter(|line| line.contains(" exit_group(")).count()
    };
    // What is asked once for a kernel has been asked.
    count();
    let confined = count();
    assert_eq!(level(&world, &package), "full");
    world.has_no_walls();
    let free = count();
    assert!(free > 30, "{free} processes");
    assert!(confined <= free + 16, "{confined} processes behind walls, {free} without");
}
