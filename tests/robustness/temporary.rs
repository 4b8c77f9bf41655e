//! A build needs no directory for temporary files of its own.

use std::fs;
use std::process::Command;

use modsmith_tests::fixture::Package;
use modsmith_tests::signature::Signed;
use modsmith_tests::state::generic;
use modsmith_tests::{World, kernel, tool};

/// A package with debugging information that `strip` has to take out.
fn package() -> Package {
    Package::new("debugged", "1.0").file("Makefile", "obj-m := debugged.o\nccflags-y := -g\n")
}

#[test]
fn a_module_is_stripped_and_signed_wherever_temporary_files_cannot_go() {
    for (variable, setting) in [("/none", ""), ("/dev/null", ""), ("", "tmp_location=/none\n")] {
        let world = World::generic();
        world.add_package(&package());
        fs::write(world.path("etc/dkms/framework.conf"), setting).expect("writable");
        let line = format!("install debugged/1.0 -k {}", generic());
        let out = world.program(world.path("bin/dkms")).words(&line).env("TMPDIR", variable).run().expect(0);
        // A setting that cannot be followed is told; root's caller is not asked.
        let told = out.stderr.contains("Temporary files cannot be created in /none");
        assert_eq!((told, out.stderr.lines().count()), (!setting.is_empty(), usize::from(told)), "{out}");
        let built = world.tree().join("debugged/1.0").join(generic()).join(kernel::arch()).join("module/debugged.ko");
        let signed = Signed::read(&built).unwrap_or_else(|| panic!("it is not signed: {out}"));
        assert!(signed.verifies(&world.tree().join("mok.pub")));
        let sections = tool::run(Command::new(tool::path("readelf")).args(["-SW"]).arg(&built));
        assert!(!sections.contains(".debug_info"), "it is not stripped: {sections}");
    }
}
