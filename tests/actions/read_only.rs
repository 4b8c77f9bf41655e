//! Files without the right to write are built and stripped as others are.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::{World, tool};

#[test]
fn a_source_that_no_user_may_write_builds() {
    let world = World::generic();
    let source = world.add_package(&Package::new("closed", "1.0"));
    for entry in walkdir::WalkDir::new(&source).contents_first(true) {
        let entry = entry.expect("readable");
        let mode = if entry.file_type().is_dir() { 0o555 } else { 0o444 };
        fs::set_permissions(entry.path(), PermissionsExt::from_mode(mode)).expect("ours");
    }
    world.dkms(&format!("install closed/1.0 -k {}", kernel())).expect(0);
}

#[test]
fn a_module_that_its_recipe_makes_read_only_is_stripped() {
    let world = World::generic();
    let make = "MAKE=\"make -C $kernel_source_dir M=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build modules; chmod 444 closed.ko\"";
    let package = Package::new("closed", "1.0").file("Makefile", "obj-m := closed.o\nccflags-y := -g\n").conf(make);
    world.add_package(&package);
    world.dkms(&format!("build closed/1.0 -k {}", kernel())).expect(0);
    let built = world.tree().join("closed/1.0").join(kernel()).join(kernel::arch()).join("module/closed.ko");
    let sections = tool::run(Command::new(tool::path("readelf")).args(["-SW"]).arg(&built));
    assert!(!sections.contains(".debug_info"), "it is not stripped: {sections}");
}
