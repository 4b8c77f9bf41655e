//! `--dry-run` shows everything that would be done, and does nothing.

use std::fs;

use modsmith_tests::fixture::{self, Package};
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{Snapshot, World, plan};

fn package() -> Package {
    Package::new("dry", "1.0")
}

/// Everything that a command could have changed.
fn everything(world: &World) -> Snapshot {
    world.snapshot().with(world.sources())
}

#[test]
fn install_shows_registering_building_and_installing() {
    let world = World::generic();
    world.add_package(&package());
    // The headers' mount points are made by the first command.
    world.dkms("status").expect(0);
    let before = everything(&world);

    let out = world.modsmith(&format!("install dry/1.0 -k {} --dry-run --json", kernel())).expect(0);

    before.assert_same(&everything(&world), "install --dry-run");
    let steps = plan::steps(&out);
    let has = |action: &str, path: &str| steps.iter().any(|s| s.action == action && s.path.ends_with(path));
    assert!(has("symlink", "/dry/1.0/source"), "registering: {steps:#?}");
    assert!(steps.iter().any(|s| s.command.contains("make")), "building: {steps:#?}");
    assert!(has("copy", "/updates/dkms/dry.ko"), "installing: {steps:#?}");
    assert!(has("symlink", &format!("/dry/kernel-{}-{}", kernel(), kernel::arch())), "the active link: {steps:#?}");
    assert!(steps.iter().any(|s| s.command.contains("depmod")), "depmod: {steps:#?}");
    for step in steps {
        assert!(!step.reason.is_empty(), "every step says why: {step:?}");
    }
}

#[test]
fn the_plan_in_words_names_every_file_too() {
    let world = World::generic();
    world.add_package(&package());
    world.dkms("status").expect(0);
    let before = everything(&world);

    let out = world.modsmith(&format!("install dry/1.0 -k {} --dry-run", kernel())).expect(0);

    before.assert_same(&everything(&world), "install --dry-run");
    for part in ["/var/lib/dkms/dry/1.0/source", "/updates/dkms/dry.ko", "make", "depmod"] {
        assert!(out.stdout.contains(part), "{part} is not in the plan: {out}");
    }
}

/// A world with the package installed over a module that came with the kernel.
fn installed() -> World {
    let world = World::generic();
    world.add_package(&package());
    world.add_module(&kernel(), &fixture::module(&kernel(), "dry", Some("0.5")));
    world.modsmith(&format!("install dry/1.0 -k {}", kernel())).expect(0);
    world
}

#[test]
fn uninstall_and_remove_show_what_goes_and_what_comes_back() {
    let world = installed();
    let before = everything(&world);
    for command in ["uninstall dry/1.0 --all", "remove dry/1.0 --all"] {
        let out = world.modsmith(&format!("{command} --dry-run --json")).expect(0);
        before.assert_same(&everything(&world), command);
        let steps = plan::steps(&out);
        let names = |path: &str| steps.iter().any(|s| s.path.ends_with(path));
        assert!(names("/updates/dkms/dry.ko"), "the module: {steps:#?}");
        assert!(names("/kernel/drivers/misc/dry.ko"), "the original: {steps:#?}");
        assert!(steps.iter().any(|s| s.command.contains("depmod")), "depmod: {steps:#?}");
    }
    let out = world.modsmith("remove dry/1.0 --all --dry-run").expect(0);
    before.assert_same(&everything(&world), "remove --dry-run");
    assert!(out.stdout.contains("/var/lib/dkms/dry"), "{out}");
}

#[test]
fn what_is_done_is_what_was_shown() {
    let world = World::generic();
    world.add_package(&package());
    world.add_module(&kernel(), &fixture::module(&kernel(), "dry", Some("0.5")));
    let line = format!("install dry/1.0 -k {}", kernel());
    let shown = plan::steps(&world.modsmith(&format!("{line} --dry-run --json")).expect(0));
    let before = Snapshot::of(&world.modules(&kernel()));
    world.modsmith(&line).expect(0);
    let after = Snapshot::of(&world.modules(&kernel()));
    for change in before.changes(&after) {
        let path = change[2..].split(" (").next().expect("a path");
        // depmod writes modules.*; that it runs is in the plan.
        let named =
            path.starts_with("modules.") || shown.iter().any(|s| format!("{} {}", s.path, s.text).contains(path));
        assert!(named, "{change} was not in the plan: {shown:#?}");
    }
}

#[test]
fn on_fedora_the_same_program_installs_to_extra() {
    let world = World::generic();
    world.add_package(&package());
    let os_release = world.path("os-release");
    fs::write(&os_release, "ID=fedora\nVERSION_ID=43\nNAME=\"Fedora Linux\"\n").expect("writable");
    let line = format!("install dry/1.0 -k {} --os-release {}", kernel(), os_release.display());

    let steps = plan::steps(&world.modsmith(&format!("{line} --dry-run --json")).expect(0));
    assert!(steps.iter().any(|s| s.action == "copy" && s.path.ends_with("/extra/dry.ko")), "{steps:#?}");

    world.modsmith(&line).expect(0);
    let files = Snapshot::of(&world.modules(&kernel()));
    assert!(files.has("extra/dry.ko"), "{:?}", files.modules());
    assert!(!files.has("updates"), "{:?}", files.modules());
}

#[test]
fn a_plan_that_cannot_be_made_fails_as_the_command_would() {
    let world = World::generic();
    world.dkms("status").expect(0);
    let before = everything(&world);
    world.modsmith(&format!("install unknown/1.0 -k {} --dry-run", kernel())).expect(2);
    world.modsmith("remove unknown/1.0 --all --dry-run").expect(3);
    before.assert_same(&everything(&world), "failing dry runs");
}
