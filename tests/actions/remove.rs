//! `remove` leaves a version that holds something that is no build, in a dry run as in a live one.

use std::fs;

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::{World, plan};

/// A world with `left/1.0` built for the kernel.
fn built() -> World {
    let world = World::generic();
    world.add_package(&Package::new("left", "1.0"));
    world.modsmith(&format!("build left/1.0 -k {}", kernel())).expect(0);
    world
}

/// Whether the plans of `remove --all` delete the version's directory.
fn plans_deletion(world: &World) -> bool {
    let out = world.modsmith("remove left/1.0 --all --dry-run --json").expect(0);
    plan::steps(&out).iter().any(|step| step.action == "remove" && step.path.ends_with("/left/1.0"))
}

#[test]
fn a_version_with_nothing_but_builds_goes_as_the_dry_run_shows() {
    let world = built();
    assert!(plans_deletion(&world));
    world.modsmith("remove left/1.0 --all").expect(0);
    assert!(!world.tree().join("left").exists());
}

#[test]
fn a_version_with_a_directory_that_is_no_build_stays_as_the_dry_run_shows() {
    let world = built();
    let leftover = world.tree().join("left/1.0/5.4.0-leftover");
    fs::create_dir_all(leftover.join(kernel::arch()).join("log")).expect("writable");

    assert!(!plans_deletion(&world));
    let out = world.modsmith("remove left/1.0 --all").expect(0);
    let text = "left/1.0 stays in the tree: ";
    let out = out.expect_error(text).expect_error("/left/1.0/5.4.0-leftover holds something that is no build.");
    assert!(!out.stderr.contains("it is built for"), "{out}");
    assert!(world.tree().join("left/1.0/source").is_symlink() && leftover.exists());
    assert!(!world.tree().join("left/1.0").join(kernel()).exists(), "the build is gone");

    fs::remove_dir_all(&leftover).expect("writable");
    assert!(plans_deletion(&world));
    world.modsmith("remove left/1.0 --all").expect(0);
    assert!(!world.tree().join("left").exists());
}

#[test]
fn a_leftover_beside_a_build_of_the_same_kernel_stays_as_the_dry_run_shows() {
    let world = built();
    let leftover = world.tree().join("left/1.0").join(kernel()).join("other/log");
    fs::create_dir_all(&leftover).expect("writable");

    assert!(!plans_deletion(&world));
    world.modsmith("remove left/1.0 --all").expect(0).expect_error("holds something that is no build.");
    assert!(leftover.exists());
}

#[test]
fn a_version_that_another_kernel_has_names_that_kernel() {
    let world = built();
    let other = world.tree().join("left/1.0/5.4.0-other").join(kernel::arch()).join("module");
    fs::create_dir_all(&other).expect("writable");

    let line = format!("remove left/1.0 -k {}", kernel());
    let steps = plan::steps(&world.modsmith(&format!("{line} --dry-run --json")).expect(0));
    assert!(!steps.iter().any(|step| step.action == "remove" && step.path.ends_with("/left/1.0")), "{steps:#?}");
    let out = world.modsmith(&line).expect(0);
    assert!(out.stdout.contains("left/1.0 stays in the tree: it is built for 5.4.0-other"), "{out}");
}
