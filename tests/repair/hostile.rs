//! Trees that somebody has prepared: nothing hangs, nothing outside is touched.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use modsmith_tests::{Snapshot, tool};

use crate::scene::{check, dkms, fill, installed, product};

#[test]
fn links_in_the_place_of_directories_are_not_followed() {
    let world = installed();
    world.write("usr/src/victim/file", "kept");
    let victim = Snapshot::of(&world.path("usr/src/victim"));
    for link in ["sample/1.0/build", "sample/3.0", "sample/original_module"] {
        symlink("/usr/src/victim", world.tree().join(link)).expect("writable");
    }
    world.modsmith("check --repair").expect_no_panic();
    victim.assert_same(&Snapshot::of(&world.path("usr/src/victim")), "what links lead to");
}

#[test]
fn pipes_in_the_place_of_files_are_not_opened() {
    let world = installed();
    dkms(&world, "build sample/2.0 -k KERNEL");
    let pipes = [
        product(&world),
        world.tree().join("sample/1.0/build/make.log"),
        world.tree().join(fill("sample/2.0/KERNEL/ARCH/module/sample.ko")),
        world.path("usr/src/sample-2.0/dkms.conf"),
    ];
    for pipe in pipes {
        fs::create_dir_all(pipe.parent().expect("a directory")).expect("writable");
        let _ = fs::remove_file(&pipe);
        tool::run(Command::new(tool::path("mkfifo")).arg(pipe));
    }
    let problems = check(&world, "");
    assert!(problems.iter().any(|problem| problem["check"] == "products-incomplete"), "{problems:#?}");
}

#[test]
fn names_do_not_reach_the_terminal_as_they_are() {
    let world = installed();
    fs::create_dir_all(world.tree().join("sample/\u{1b}[31m")).expect("writable");
    fs::create_dir_all(world.path("usr/src/sample-\u{1b}[31m")).expect("writable");
    symlink("\u{1b}[31m/x/y", world.tree().join("sample/kernel-9.9-x86_64")).expect("writable");
    let out = world.modsmith("check").expect_no_panic();
    assert!(!out.stdout.contains('\u{1b}') && !out.stderr.contains('\u{1b}'), "{out}");
}
