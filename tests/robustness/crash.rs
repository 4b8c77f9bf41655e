//! The program is killed at every point of its journal: afterwards the state
//! is told, the next command works, and nothing that was there before is lost.

use modsmith_tests::fixture::{self, Package};
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, Snapshot, World};

/// More points than any plan here has: a loop that reaches it does not end.
const MANY: u32 = 500;

/// A line with `KERNEL` replaced.
fn line(text: &str) -> String {
    text.replace("KERNEL", &kernel())
}

/// A package with two modules, of which one replaces a module that came with
/// the kernel.
fn world() -> World {
    let world = World::generic();
    let package = Package::new("crash", "1.0")
        .conf("BUILT_MODULE_NAME[1]=\"second\"\nDEST_MODULE_LOCATION[1]=\"/kernel/drivers/misc\"")
        .file("Makefile", "obj-m := crash.o second.o\n")
        .file("second.c", fixture::c_source(Some("1.0")));
    world.add_package(&package);
    world.add_module(&kernel(), &fixture::module(&kernel(), "crash", Some("0.5")));
    // The indices are there from the start, as on a real machine.
    world.shell(&line("depmod KERNEL")).run().expect(0);
    world
}

fn run(world: &World, command: &str, kill_at: Option<u32>) -> Output {
    let run = world.program(world.path("bin/dkms")).words(&line(command));
    match kill_at {
        Some(point) => run.kill_at(point).run(),
        None => run.run(),
    }
}

/// Kills `command` at each of its points in turn. Each time, from the state
/// that this leaves: `status` answers; the same command again leads to where
/// it leads when nobody kills it; `opposite` leads to where it leads from
/// there. `fine` are the exit codes of the second command.
fn survives(start: &World, command: &str, opposite: &str, fine: &[i32]) {
    let world = start.duplicate();
    run(&world, command, None).expect(0);
    let done = world.snapshot();
    run(&world, opposite, None).expect(0);
    let undone = world.snapshot();

    let mut points = 0;
    loop {
        let location = points + 1;
        assert!(location < MANY, "`{command}` is still killed at point {location}");
        let again = start.duplicate();
        let out = run(&again, command, Some(location));
        if !out.killed() {
            out.expect(0);
            done.assert_same(&again.snapshot(), "the run that was not killed");
            break;
        }
        points = location;
        let back = again.duplicate();
        let whatever = format!("`{command}` killed at point {location}");

        run(&again, "status", None).expect(0);
        let out = run(&again, command, None).expect_no_panic();
        assert!(fine.contains(&out.code), "{whatever}, then run again: {out}");
        done.assert_same(&again.snapshot(), &format!("{whatever}, then run again"));

        run(&back, "status", None).expect(0);
        let out = run(&back, opposite, None).expect_no_panic();
        assert!(fine.contains(&out.code), "{whatever}, then `{opposite}`: {out}");
        undone.assert_same(&back.snapshot(), &format!("{whatever}, then `{opposite}`"));
    }
    assert!(points >= 3, "`{command}` has only {points} points: was it killed at all?");
}

#[test]
fn an_install_killed_at_any_point_can_be_repeated_or_undone() {
    let world = world();
    run(&world, "build crash/1.0 -k KERNEL", None).expect(0);
    survives(&world, "install crash/1.0 -k KERNEL", "uninstall crash/1.0 -k KERNEL", &[0]);
}

/// With links to the module from another kernel, and lines in modprobe's
/// configuration.
#[test]
#[ignore = "slow"]
fn an_install_with_links_and_lines_killed_at_any_point_can_be_repeated_or_undone() {
    let world = World::generic().of_system("ID=rocky\nID_LIKE=\"rhel centos fedora\"\n");
    kernel::add_update(&world, &kernel(), "6.1.0-1056-amd64");
    world.add_package(&Package::new("crash", "1.0").conf("MODULES_CONF=\"options crash a=1\""));
    world.write("etc/modprobe.d/dkms.conf", "# no line end");
    for kernel in [&kernel(), "6.1.0-1056-amd64"] {
        world.shell(&format!("depmod {kernel}")).run().expect(0);
    }
    run(&world, "build crash/1.0 -k KERNEL", None).expect(0);
    survives(&world, "install crash/1.0 -k KERNEL", "uninstall crash/1.0 -k KERNEL", &[0]);
}

#[test]
fn an_uninstall_killed_at_any_point_can_be_repeated_or_undone() {
    let world = world();
    let original = original(&world);
    run(&world, "install crash/1.0 -k KERNEL", None).expect(0);
    assert_ne!(original, self::original(&world), "the package replaces the original");
    survives(&world, "uninstall crash/1.0 -k KERNEL", "install crash/1.0 -k KERNEL", &[0]);
    run(&world, "uninstall crash/1.0 -k KERNEL", None).expect(0);
    original.assert_same(&self::original(&world), "the module that came with the kernel");
}

#[test]
fn an_unbuild_killed_at_any_point_can_be_repeated() {
    let world = world();
    run(&world, "install crash/1.0 -k KERNEL", None).expect(0);
    survives(&world, "unbuild crash/1.0 -k KERNEL", "unbuild crash/1.0 -k KERNEL", &[0]);
}

#[test]
fn an_add_killed_at_any_point_can_be_repeated_or_undone() {
    // It may be registered already, or not yet.
    survives(&world(), "add crash/1.0", "remove crash/1.0 --all", &[0, 3]);
}

/// What is in the place of the module that came with the kernel.
fn original(world: &World) -> Snapshot {
    Snapshot::of(&world.modules(&kernel()).join("kernel/drivers/misc"))
}
