//! The program is killed at every point of the journal of a repair: the next repair ends
//! what was begun, and nothing is found after it.

use std::fs;
use std::process::Command;

use modsmith_tests::state::generic;
use modsmith_tests::{World, tool};

use crate::scene::{check, copy, depmod, dkms, fill, installed, installed_file, product};

/// More points than any repair here has.
const MANY: u32 = 300;

/// Kills the repair at each of its points in turn.
fn survives(broken: &World) {
    let mut points = 0;
    loop {
        let at = points + 1;
        assert!(at < MANY, "the repair is still killed at point {at}");
        let world = broken.duplicate();
        let run = world.program(modsmith_tests::world::modsmith()).words("check --repair");
        let out = run.kill_at(at).run();
        if !out.killed() {
            out.expect(0);
            break;
        }
        points = at;
        world.dkms("status").expect(0);
        let again = world.modsmith("check --repair").expect_no_panic();
        assert_eq!(again.code, 0, "killed at point {at}, then run again: {again}");
        let left = check(&world, "");
        assert!(left.is_empty(), "killed at point {at}: {left:#?}");
        assert!(installed_file(&world).is_file() && product(&world).is_file(), "killed at point {at}");
    }
    assert!(points >= 3, "the repair has only {points} points: was it killed at all?");
}

#[test]
fn a_repair_killed_while_it_copies_a_module_is_ended_by_the_next_repair() {
    let world = installed();
    fs::remove_file(installed_file(&world)).expect("it was there");
    survives(&world);
}

#[test]
#[ignore = "slow"]
fn a_repair_killed_while_it_builds_is_ended_by_the_next_repair() {
    let world = installed();
    fs::write(product(&world), "cut").expect("writable");
    survives(&world);
}

#[test]
#[ignore = "slow"]
fn a_repair_killed_while_it_signs_is_ended_by_the_next_repair() {
    let world = installed();
    tool::run(
        Command::new(tool::path("openssl"))
            .args(["req", "-new", "-x509", "-nodes", "-days", "100", "-subj", "/CN=another/", "-newkey", "rsa:2048"])
            .args(["-outform", "DER", "-keyout", "mok.key", "-out", "mok.pub"])
            .current_dir(world.tree()),
    );
    survives(&world);
}

#[test]
#[ignore = "slow"]
fn a_repair_killed_while_it_changes_versions_is_ended_by_the_next_repair() {
    let world = installed();
    dkms(&world, "build sample/2.0 -k KERNEL");
    let newer = world.tree().join(fill("sample/2.0/KERNEL/ARCH/module/sample.ko"));
    copy(&newer, &world.modules(&generic()).join("extra/sample.ko"));
    depmod(&world);
    survives(&world);
}
