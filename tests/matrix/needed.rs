//! Packages of a matrix that need others of it.

use std::fs;

use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use serde_json::json;

use crate::scene::{document, shell, stored};

/// A module that exports a function, and one that uses it.
fn world() -> World {
    let world = World::new(&[kernel()]);
    let provider = "#include <linux/module.h>\nint provided(int a);\nint provided(int a) { return a; }\n\
                    EXPORT_SYMBOL(provided);\nMODULE_LICENSE(\"GPL\");\n";
    let user = "#include <linux/module.h>\nint provided(int a);\nstatic int begin(void) { return provided(0); }\n\
                static void end(void) {}\nmodule_init(begin);\nmodule_exit(end);\nMODULE_LICENSE(\"GPL\");\n";
    let symbols = "KBUILD_EXTRA_SYMBOLS := /var/lib/dkms/below/kernel-KERNEL-ARCH/module/Module.symvers";
    let symbols = symbols.replace("KERNEL-ARCH", &format!("{}-{}", kernel(), kernel::arch()));
    world.add_package(&Package::new("below", "1.0").file("below.c", provider));
    world.add_package(
        &Package::new("above", "1.0")
            .conf("BUILD_DEPENDS=\"below\"")
            .file("above.c", user)
            .file("Makefile", format!("obj-m := above.o\n{symbols}\n")),
    );
    world.write("spec.toml", "modules = [\"above/1.0\", \"below/1.0\"]\nkernels = [\"*\"]\n");
    world
}

/// Runs a cell of the world's two.
fn cell(world: &World, index: usize, code: i32) -> serde_json::Value {
    let out = shell(world, &format!("modsmith cell --matrix matrix.json --index {index} --results results"));
    let out = out.expect(code);
    let matrix = document(world, "matrix.json", "matrix-schema.json");
    let name = matrix["cells"][index]["name"].as_str().unwrap();
    let result = document(world, &format!("results/{name}.json"), "cell-schema.json");
    assert_eq!(result["exit_code"], json!(code), "{out}");
    result
}

#[test]
fn what_a_package_needs_is_built_before_it_and_then_taken_from_the_store() {
    let world = world();
    let before = world.snapshot();
    shell(&world, "modsmith matrix plan spec.toml").expect(0);
    let matrix = document(&world, "matrix.json", "matrix-schema.json");
    let known = |index: usize| matrix["cells"][index].get("identity").is_some();
    assert_eq!((known(0), known(1)), (false, true), "what it needs is an input that nothing has made yet");
    let above = cell(&world, 0, 0);
    assert_eq!((&above["outcome"], stored(&world)), (&json!("built"), 2), "{above:#}");
    assert_eq!(cell(&world, 1, 0)["outcome"], "found");
    assert_eq!(cell(&world, 0, 0)["outcome"], "found");
    assert_eq!(world.snapshot(), before, "the machine's tree is as it was");
    // A machine that has installed what it needs finds the same build.
    let release = kernel();
    world.dkms(&format!("install below/1.0 -k {release}")).expect(0);
    world.dkms("add above/1.0").expect(0);
    let build = world.modsmith(&format!("build above/1.0 -k {release}")).expect(0);
    assert!(build.stdout.contains("Taking module(s) from the store"), "{build}");
}

#[test]
fn in_place_nothing_seems_to_be_installed_afterwards() {
    let world = world();
    shell(&world, "modsmith matrix plan spec.toml").expect(0);
    shell(&world, "modsmith cell --matrix matrix.json --index 0 --results results --in-place").expect(0);
    let status = world.dkms("status").expect(0).stdout;
    assert!(status.contains("below/1.0") && !status.contains("installed"), "{status}");
}

#[test]
fn a_needed_package_that_is_not_built_is_the_reason_of_the_result() {
    let world = world();
    fs::write(world.path("usr/src/below-1.0/below.c"), "not C\n").unwrap();
    shell(&world, "modsmith matrix plan spec.toml").expect(0);
    let above = cell(&world, 0, 10);
    assert!(above["message"].as_str().unwrap().contains("above/1.0 needs a package that was not built"), "{above:#}");
    assert_eq!(above["first_error"]["file"], "below.c", "{above:#}");

    let conf = fs::read_to_string(world.path("usr/src/below-1.0/dkms.conf")).unwrap();
    fs::write(world.path("usr/src/below-1.0/dkms.conf"), format!("{conf}BUILD_DEPENDS=\"above\"\n")).unwrap();
    let circle = cell(&world, 0, 10);
    let message = circle["message"].as_str().unwrap();
    assert!(message.contains("is a circle: above/1.0, below/1.0, above/1.0"), "{message}");

    fs::write(world.path("usr/src/below-1.0/dkms.conf"), format!("{conf}BUILD_EXCLUSIVE_KERNEL=\"^9\"\n")).unwrap();
    assert_eq!(cell(&world, 0, 10)["outcome"], "failed", "it is not the package itself that is for other kernels");
    fs::remove_dir_all(world.path("usr/src/below-1.0")).unwrap();
    assert_eq!(cell(&world, 0, 30)["outcome"], "infrastructure");
}
