//! States that the kernel's image proves.

use std::fs;

use modsmith_tests::World;
use modsmith_tests::fixture::{self, Package};
use modsmith_tests::state::{other, prebuilt};

use crate::scene::{bootable, check, depmod, dkms, fill, found, installed_file, patch, product, repairs, tells};

/// `sample` is installed, and the kernel would load it.
fn installed() -> World {
    let world = bootable();
    world.add_package(&prebuilt("sample", "1.0"));
    dkms(&world, "install sample/1.0 -k KERNEL");
    assert!(check(&world, "").is_empty());
    world
}

/// Changes the built module and the installed one in the same way.
fn both(world: &World, change: impl Fn(&std::path::Path)) {
    for file in [product(world), installed_file(world)] {
        change(&file);
    }
}

#[test]
fn a_module_of_another_build_of_the_kernel_is_built_again() {
    let world = installed();
    both(&world, |file| patch(file, b" SMP preempt ", b" SMP PREEMPT "));
    repairs(&world, "kernel-rebuilt", "rebuild");
}

#[test]
fn a_module_of_another_kernel_is_told_with_the_line_that_asks_for_it() {
    let world = installed();
    let conf = world.path("usr/src/sample-1.0/Makefile");
    fs::write(conf, "KDIR := /lib/modules/$(shell uname -r)/build\n").expect("writable");
    both(&world, |file| {
        fs::copy(fixture::module(&other(), "sample", Some("1.0")), file).expect("writable");
        patch(file, b" SMP preempt ", b" SMP PREEMPT ");
    });
    let problem = tells(&world, "built-for-another-kernel");
    let text = problem["remedy"]["text"].as_str().expect("a text");
    assert!(text.contains("Makefile, line 1"), "{problem:#}");
}

#[test]
fn a_module_whose_name_promises_a_compression_is_built_again() {
    let world = installed();
    both(&world, |file| fs::rename(file, file.with_extension("ko.xz")).expect("writable"));
    depmod(&world);
    let problems = check(&world, "");
    assert_eq!(found(&problems), [("compression-unreadable".into(), "rebuild".into())], "{problems:#?}");
    check(&world, "--repair");
    assert!(check(&world, "").is_empty());
    // Of the two names, the one that the build of today has.
    let names = [installed_file(&world), installed_file(&world).with_extension("ko.xz")];
    assert_eq!(names.iter().filter(|name| name.is_file()).count(), 1);
}

#[test]
fn a_module_that_the_kernel_refuses_is_built_again() {
    let world = installed();
    both(&world, |file| patch(file, b".gnu.linkonce.this_module\0", b".gnu.linkonce.this_modulX\0"));
    repairs(&world, "refused-by-kernel", "rebuild");
}

#[test]
fn what_the_administrator_has_overruled_is_no_problem() {
    let world = bootable();
    world.add_package(&prebuilt("sample", "1.0"));
    dkms(&world, "build sample/1.0 -k KERNEL");
    patch(&product(&world), b" SMP preempt ", b" SMP PREEMPT ");
    dkms(&world, "install sample/1.0 -k KERNEL --force");
    assert!(check(&world, "").is_empty());
}

/// The source of a module that exports a function with these arguments.
fn provider(arguments: &str) -> String {
    format!(
        "#include <linux/module.h>\nint provided({arguments});\nint provided({arguments}) {{ return 1; }}\n\
         EXPORT_SYMBOL(provided);\nMODULE_LICENSE(\"GPL\");\n"
    )
}

#[test]
fn a_module_that_needs_a_newer_one_is_built_again() {
    let world = bootable();
    let source = "#include <linux/module.h>\nint provided(void);\nstatic int begin(void) { return provided(); }\n\
                  static void end(void) {}\nmodule_init(begin);\nmodule_exit(end);\nMODULE_LICENSE(\"GPL\");\n";
    let symbols = fill("KBUILD_EXTRA_SYMBOLS := /var/lib/dkms/below/1.0/KERNEL/ARCH/module/Module.symvers");
    world.add_package(&Package::new("below", "1.0").file("below.c", provider("int a")));
    world.add_package(
        &Package::new("above", "1.0")
            .conf("BUILD_DEPENDS=\"below\"")
            .file("above.c", source)
            .file("Makefile", format!("obj-m := above.o\n{symbols}\n")),
    );
    dkms(&world, "install below/1.0 -k KERNEL");
    dkms(&world, "install above/1.0 -k KERNEL");
    assert!(check(&world, "").is_empty());
    world.write("usr/src/below-1.0/below.c", provider("long a, long b"));
    dkms(&world, "build below/1.0 -k KERNEL --force");
    dkms(&world, "install below/1.0 -k KERNEL --force");
    repairs(&world, "provider-rebuilt", "rebuild");
}
