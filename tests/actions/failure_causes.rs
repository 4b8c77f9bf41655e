//! Why a build failed: the class, the first error and the remedy, for packages made for one test and for real ones.

use modsmith_tests::fixture::Package;
use modsmith_tests::schema::validate;
use modsmith_tests::{World, debian};

use crate::failed_builds::{Look, failing, generic};

#[test]
fn what_was_made_for_one_test_has_the_right_class() {
    let world = World::new(&[generic()]);
    let shell = |name: &str, make: &str| Package::new(name, "1.0").conf(&format!("MAKE[0]=\"{make}\""));
    let make = "make -C ${kernel_source_dir} M=${dkms_tree}/NAME/1.0/build";
    let limited = |name: &str, before: &str| shell(name, &format!("{before}{}", make.replace("NAME", name)));
    let packages = [
        (failing("header", "#include \"of_another_package.h\""), 10, "source-incomplete"),
        (
            failing("symbol", "extern void nobody_has_it(void);\nvoid f(void) { nobody_has_it(); }"),
            10,
            "symbol-missing",
        ),
        (failing("syntax", "int x = ;"), 10, "unknown"),
        (
            Package::new("option", "1.0").file("Makefile", "obj-m := option.o\nccflags-y := -fno-such-option\n"),
            10,
            "compiler-mismatch",
        ),
        (limited("compiler", "").conf("MAKE[0]+=\" CC=gcc-99\""), 10, "compiler-missing"),
        (shell("tool", "no-such-tool"), 10, "tool-missing"),
        (limited("memory", "ulimit -v 70000; "), 10, "out-of-memory"),
        (shell("product", "true"), 7, "product-missing"),
        (
            Package::new("script", "1.0")
                .script("before.sh", "echo the licence is not accepted; exit 3")
                .conf("PRE_BUILD=before.sh"),
            3,
            "script-failed",
        ),
        (
            Package::new("patch", "1.0")
                .file("patches/a.patch", "--- a/patch.c\n+++ b/patch.c\n@@ -1,1 +1,1 @@\n-x\n+y\n")
                .conf("PATCH[0]=a.patch"),
            6,
            "patch-rejected",
        ),
        (Package::new("nopatch", "1.0").conf("PATCH[0]=a.patch"), 5, "source-incomplete"),
        (Package::new("depends", "1.0").conf("BUILD_DEPENDS[0]=nobody"), 13, "dependency-missing"),
    ];
    for (package, code, class) in packages {
        world.add_package(&package);
        let out = world.modsmith(&format!("build {} -k {}", package.id(), generic())).expect(code);
        let json = world.modsmith(&format!("log {} --json", package.id())).expect(0).json();
        validate("log-schema.json", &json).unwrap();
        assert_eq!(json["failed"]["class"], class, "{json:#}\n{out}");
        assert_eq!(json["failed"]["exit_code"], code);
        let remedy = json["failed"]["remedy"].as_str().expect("a remedy");
        // People at `modsmith` read its own name.
        out.shows(&remedy.replace("`dkms ", "`modsmith "));
    }
}

/// Real packages that do not build for this kernel, each for its own reason.
#[test]
fn real_packages_that_fail_are_understood() {
    for (package, name, class, line) in [
        (
            "openrazer-driver-dkms",
            "openrazer-driver",
            "api-changed",
            "driver/razerkbd_driver.c:3124:29: error: too few arguments",
        ),
        ("librem-ec-acpi-dkms", "librem_ec_acpi", "api-changed", "librem_ec_acpi.c:276:24: error: initialization of"),
        (
            "lttng-modules-dkms",
            "lttng-modules",
            "api-changed",
            "include/lttng/tracepoint-event-impl.h:133:6: error: conflicting types for",
        ),
    ] {
        let world = World::new(&[generic()]);
        let source = debian::source(package);
        world.copy_source(&source);
        let directory = source.file_name().and_then(|n| n.to_str()).expect("a plain name");
        let id = directory.replacen(&format!("{name}-"), &format!("{name}/"), 1);
        world.modsmith(&format!("build {id} -k {}", generic()));
        let json = world.modsmith(&format!("log {name} --json")).expect(0).json();
        assert_eq!(json["failed"]["class"], class, "{json:#}");
        let first = json["failed"]["first_error"]["text"].as_str().expect("a line");
        assert!(first.contains(line), "{first}");
        let out = world.modsmith(&format!("log {id}")).expect(0);
        for part in ["the build failed", line, "remedy", "make.log for"] {
            assert!(out.stdout.contains(part), "no {part:?}: {out}");
        }
    }
}

#[test]
fn a_build_for_the_running_kernel_is_told_with_the_line_that_asks_for_it() {
    let world = World::new(&[generic()]);
    let running = modsmith_tests::state::running();
    for (name, makefile, conf, told) in [
        (
            "variable",
            "KDIR ?= /lib/modules/$(shell uname -r)/build\nall:\n\t$(MAKE) -C $(KDIR) M=$(CURDIR) modules\n",
            "MAKE[0]=\"make all\"",
            "usr/src/variable-1.0/Makefile runs `uname -r` in line 1; give KDIR=/lib/modules/${kernelver}/build to the make",
        ),
        (
            "plain",
            "obj-m := plain.o\n",
            "MAKE[0]=\"make -C /lib/modules/\\$(uname -r)/build M=\\$PWD modules\"",
            "write ${kernelver} instead of `uname -r` in /usr/src/plain-1.0/dkms.conf, line 6",
        ),
    ] {
        world.add_package(&Package::new(name, "1.0").file("Makefile", makefile).conf(conf));
        let out = world.modsmith(&format!("build {name}/1.0 -k {}", generic())).expect(10);
        out.shows(&format!("use kernel {} instead of {running}: ", generic())).shows(told);
        assert!(!out.stderr.contains("Install the package"), "{out}");
        let json = world.modsmith(&format!("log {name} --json")).expect(0).json();
        validate("log-schema.json", &json).unwrap();
        assert_eq!(json["failed"]["class"], "other-kernel", "{json:#}");
    }
    assert_ne!(running, generic(), "this test needs a kernel with headers that does not run");
}

#[test]
fn the_first_error_is_what_was_wrong_and_not_that_make_stopped() {
    let world = World::new(&[generic()]);
    let recipe = "all:\n\t@echo '  CHECK card'; echo 'card: the table is inconsistent'; exit 1\n";
    world.add_package(&Package::new("card", "1.0").file("card.mk", recipe).conf("MAKE[0]=\"make -f card.mk\""));
    world
        .modsmith(&format!("build card/1.0 -k {}", generic()))
        .expect(10)
        .shows("): card: the table is inconsistent\n");
    // PRE_BUILD fails, hides it, and make lacks what it had to write.
    world.add_package(
        &Package::new("hidden", "1.0")
            .script("configure", "echo 'configure: error: no library'; exit 0")
            .file("hidden.mk", "all: config.mk\n")
            .conf("PRE_BUILD=configure\nMAKE[0]=\"make -f hidden.mk\""),
    );
    let out = world.modsmith(&format!("build hidden/1.0 -k {}", generic())).expect(10);
    out.shows(", of PRE_BUILD, which reported success): configure: error: no library\n").shows("output of PRE_BUILD");
}
