//! Exit codes that scripts test, side by side with Debian's dkms: command
//! lines that go wrong, and packages made to fail in one particular place.

use std::os::unix::fs::PermissionsExt;

use modsmith_tests::World;
use modsmith_tests::fixture::{self, Package};
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::peer::{self, Program, Step};

const CONFIG: &str = "The kernel's configuration is not copied beside the log";
const KEY: &str = "The signing key is made for a kernel that is built for";
const SYMVERS: &str = "Module.symvers is kept";

/// Of a failed build.
const RECORDS: &str = "modsmith's own records";

/// Runs the same lines on the same package in two worlds (`KERNEL` stands for
/// the kernel's release), compares them, and checks modsmith's exit codes.
#[track_caller]
fn compare(package: &Package, lines: &[(&str, i32)], expected: &[&str]) -> Vec<Step> {
    let kernel = kernel::newest(Flavour::Generic);
    let commands: Vec<String> = lines.iter().map(|(line, _)| line.replace("KERNEL", &kernel)).collect();
    let run = |program| {
        let world = World::new(std::slice::from_ref(&kernel));
        let world = if expected.contains(&KEY) { world.without_key() } else { world };
        world.add_package(package);
        peer::observe(program, &world, &commands)
    };
    let (peer, ours) = (run(Program::Peer), run(Program::Ours));
    peer::assert_differs_only_in(&peer, &ours, expected);
    for (step, (line, code)) in ours.iter().zip(lines) {
        assert_eq!(step.output.code, *code, "{line}: {}", step.output);
    }
    ours
}

#[test]
fn unusable_command_lines_have_the_exit_codes_of_dkms() {
    compare(
        &Package::new("lines", "1.0"),
        &[
            ("status", 0),
            ("status unknown/1.0", 0),
            ("build --no-such-option lines/1.0", 2),
            ("build", 1),
            ("build lines", 1),
            ("add", 1),
            ("remove", 1),
            ("add unknown/1.0", 2),
            ("build unknown/1.0 -k KERNEL", 2),
            ("install unknown/1.0 -k KERNEL", 2),
            ("uninstall lines/1.0 -k KERNEL", 3),
            ("unbuild lines/1.0 -k KERNEL", 3),
            ("remove lines/1.0 --all", 3),
            ("build lines/1.0 -k KERNEL --all", 2),
            ("build lines/1.0 -a x86_64 --all", 3),
            ("build lines/1.0 --all", 5),
            ("install lines/1.0 --all", 5),
            ("add lines/1.0", 0),
            ("add lines/1.0", 3),
            ("add -m lines -v 1.0", 3),
            ("status", 0),
            ("remove lines/1.0 -k KERNEL", 0),
            ("add -m lines -v 1.0", 0),
            ("remove -m lines/1.0 --all", 0),
        ],
        &[KEY],
    );
}

#[test]
fn two_actions_on_one_line_are_done_in_order() {
    let ours = compare(
        &Package::new("several", "1.0"),
        &[("add build several/1.0 -k KERNEL", 0)],
        &["Several actions on one line are done in order"],
    );
    assert!(ours[0].facts["status"].ends_with(": built\n"), "{:?}", ours[0].facts["status"]);
}

#[test]
fn nothing_to_do_is_success() {
    compare(
        &Package::new("idle", "1.0"),
        &[
            ("add idle/1.0", 0),
            ("uninstall idle/1.0 -k KERNEL", 0),
            ("unbuild idle/1.0 -k KERNEL", 0),
            ("build idle/1.0 -k KERNEL", 0),
            ("build idle/1.0 -k KERNEL", 0),
            ("uninstall idle/1.0 -k KERNEL", 0),
            ("install idle/1.0 -k KERNEL", 0),
            ("install idle/1.0 -k KERNEL", 0),
            ("unbuild idle/1.0 -k KERNEL", 0),
            ("unbuild idle/1.0 -k KERNEL", 0),
            ("uninstall idle/1.0 --all", 0),
            ("remove idle/1.0 --all", 0),
        ],
        &[CONFIG, SYMVERS, RECORDS],
    );
}

#[test]
fn a_kernel_without_headers_is_exit_code_21() {
    compare(
        &Package::new("headless", "1.0"),
        &[
            ("add headless/1.0", 0),
            ("build headless/1.0 -k 0.0.0-none", 21),
            ("install headless/1.0 -k 0.0.0-none", 21),
        ],
        &["Missing headers are exit code 21"],
    );
}

#[test]
fn a_kernel_that_the_package_excludes_is_exit_code_77() {
    compare(
        &Package::new("exclusive", "1.0").conf("BUILD_EXCLUSIVE_KERNEL=\"^2\\.4\\.\""),
        &[("build exclusive/1.0 -k KERNEL", 77), ("install exclusive/1.0 -k KERNEL", 77), ("status", 0)],
        &[KEY],
    );
    compare(
        &Package::new("foreign", "1.0").conf("BUILD_EXCLUSIVE_ARCH=\"^sparc64$\""),
        &[("build foreign/1.0 -k KERNEL", 77)],
        &[KEY],
    );
}

#[test]
fn a_module_that_does_not_compile_is_exit_code_10() {
    compare(
        &Package::new("wrong", "1.0").file("wrong.c", "this is not C\n"),
        &[("build wrong/1.0 -k KERNEL", 10), ("install wrong/1.0 -k KERNEL", 10), ("remove wrong/1.0 --all", 0)],
        &[RECORDS],
    );
}

#[test]
fn a_module_that_make_does_not_make_is_exit_code_7() {
    compare(
        &Package::new("absent", "1.0").conf("BUILT_MODULE_NAME[0]=\"other\""),
        &[("build absent/1.0 -k KERNEL", 7), ("remove absent/1.0 --all", 0)],
        &[RECORDS],
    );
}

const PATCH: &str = "\
--- a/patched.c
+++ b/patched.c
@@ -1,3 +1,3 @@
 #include <linux/module.h>
 MODULE_LICENSE(\"GPL\");
-MODULE_DESCRIPTION(\"Does nothing\");
+MODULE_DESCRIPTION(\"Patched\");
";

#[test]
fn a_missing_patch_is_exit_code_5_and_one_that_does_not_apply_is_6() {
    compare(
        &Package::new("patched", "1.0").conf("PATCH[0]=\"fix.patch\"").file("patches/fix.patch", PATCH),
        &[("install patched/1.0 -k KERNEL", 0), ("remove patched/1.0 --all", 0)],
        &[CONFIG, SYMVERS, RECORDS],
    );
    compare(
        &Package::new("patched", "2.0").conf("PATCH[0]=\"fix.patch\""),
        &[("build patched/2.0 -k KERNEL", 5)],
        &[KEY, RECORDS],
    );
    compare(
        &Package::new("patched", "3.0")
            .conf("PATCH[0]=\"fix.patch\"")
            .file("patches/fix.patch", PATCH.replace("nothing", "something")),
        &[("build patched/3.0 -k KERNEL", 6)],
        &["A patch that does not apply is in the log", RECORDS],
    );
}

#[test]
fn each_script_that_fails_has_its_exit_code() {
    let package = |name: &str, directive: &str| {
        Package::new(name, "1.0").conf(&format!("{directive}=\"fail.sh\"")).script("fail.sh", "exit 5")
    };
    compare(&package("postadd", "POST_ADD"), &[("add postadd/1.0", 5), ("status", 0)], &[]);
    let ours = compare(
        &package("prebuild", "PRE_BUILD"),
        &[("build prebuild/1.0 -k KERNEL", 5)],
        &["A failing PRE_BUILD stops the build"],
    );
    assert_eq!(ours[0].facts["status"], "prebuild/1.0: added\n");
    let ours = compare(
        &package("postbuild", "POST_BUILD"),
        &[("build postbuild/1.0 -k KERNEL", 5)],
        &["A failing POST_BUILD is the build's exit code"],
    );
    assert!(ours[0].facts["status"].ends_with(": built\n"), "{:?}", ours[0].facts["status"]);
    compare(
        &package("preinstall", "PRE_INSTALL"),
        &[("install preinstall/1.0 -k KERNEL", 101), ("status", 0)],
        &[CONFIG, SYMVERS, RECORDS],
    );
    compare(
        &package("postinstall", "POST_INSTALL"),
        &[("install postinstall/1.0 -k KERNEL", 0), ("status", 0)],
        &[CONFIG, SYMVERS, RECORDS],
    );
    compare(
        &package("postremove", "POST_REMOVE"),
        &[("add postremove/1.0", 0), ("remove postremove/1.0 --all", 0)],
        &[],
    );
}

/// A script whose interpreter is not there, by its first line and what is said of it.
const WITHOUT_INTERPRETER: [(&str, &str); 2] = [
    ("#!/usr/bin/no-such-interpreter", "its interpreter `/usr/bin/no-such-interpreter` is not installed."),
    ("#!/bin/sh\r", "its first line ends in a carriage return. Convert the file to Unix line ends."),
];

#[test]
fn a_script_without_its_interpreter_is_exit_code_127_and_says_what_is_missing() {
    for (first_line, why) in WITHOUT_INTERPRETER {
        let package = |name: &str, directive: &str| {
            let script = format!("{first_line}\necho\n");
            Package::new(name, "1.0").conf(&format!("{directive}=\"run.sh\"")).executable("run.sh", &script)
        };
        let ours = compare(&package("postadd", "POST_ADD"), &[("add postadd/1.0", 127)], &[]);
        assert!(ours[0].output.stdout.contains(why), "{}", ours[0].output);
        let ours = compare(
            &package("preinstall", "PRE_INSTALL"),
            &[("install preinstall/1.0 -k KERNEL", 101)],
            &[CONFIG, SYMVERS, RECORDS],
        );
        assert!(ours[0].output.stdout.contains(why), "{}", ours[0].output);
        let ours = compare(
            &package("postinstall", "POST_INSTALL"),
            &[("install postinstall/1.0 -k KERNEL", 0)],
            &[CONFIG, SYMVERS, RECORDS],
        );
        assert!(ours[0].output.stdout.contains(why), "{}", ours[0].output);
        let ours = compare(
            &package("prebuild", "PRE_BUILD"),
            &[("build prebuild/1.0 -k KERNEL", 127)],
            &["A failing PRE_BUILD stops the build"],
        );
        assert!(ours[0].output.stderr.contains(why), "{}", ours[0].output);
    }
}

#[test]
fn what_scripts_of_a_package_say_is_shown() {
    let kernel = kernel::newest(Flavour::Generic);
    for program in [Program::Peer, Program::Ours] {
        let world = World::new(std::slice::from_ref(&kernel));
        let conf = ["POST_ADD", "PRE_INSTALL", "POST_INSTALL", "POST_REMOVE"]
            .map(|directive| format!("{directive}=\"say.sh {directive}\""));
        let script = "echo \"this is $1\"; echo \"$1 complains\" >&2; exit $(test $1 != POST_INSTALL; echo $?)";
        world.add_package(&Package::new("talking", "1.0").conf(&conf.join("\n")).script("say.sh", script));
        for (line, scripts) in [
            ("add talking/1.0".to_owned(), &["POST_ADD"][..]),
            (format!("install talking/1.0 -k {kernel}"), &["PRE_INSTALL", "POST_INSTALL"]),
            ("remove talking/1.0 --all".to_owned(), &["POST_REMOVE"]),
        ] {
            let out = program.run(&world, &line).expect(0);
            for script in scripts {
                assert!(out.stdout.contains(&format!("\nthis is {script}\n")), "{program:?}: {out}");
                let said = format!("{}\n{}", out.stdout, out.stderr);
                assert!(said.contains(&format!("\n{script} complains\n")), "{program:?}: {out}");
            }
        }
        // Also of one whose failure ends the action.
        let failing = Package::new("failing", "1.0").conf("POST_ADD=\"fail.sh\"");
        world.add_package(&failing.script("fail.sh", "echo this is why; exit 3"));
        let out = program.run(&world, "add failing/1.0").expect(3);
        assert!(out.stdout.contains("\nthis is why\n") && !out.stderr.contains("this is why"), "{program:?}: {out}");
    }
}

#[test]
fn a_script_is_started_at_the_path_that_names_its_package() {
    let kernel = kernel::newest(Flavour::Generic);
    let all = ["POST_ADD", "PRE_BUILD", "POST_BUILD", "PRE_INSTALL", "POST_INSTALL", "POST_REMOVE"];
    let seen = [Program::Peer, Program::Ours].map(|program| {
        let world = World::new(std::slice::from_ref(&kernel));
        world.opens_boot();
        world.write("boot/seen", "");
        std::fs::set_permissions(world.path("boot/seen"), PermissionsExt::from_mode(0o666)).expect("ours");
        let conf = all.map(|directive| format!("{directive}=\"at.sh {directive}\""));
        let script = "echo \"$1 $0 $PWD $(pwd -P)\" >>/boot/seen";
        world.add_package(&Package::new("named", "1.0").conf(&conf.join("\n")).script("at.sh", script));
        for line in
            ["add named/1.0".to_owned(), format!("install named/1.0 -k {kernel}"), "remove named/1.0 --all".into()]
        {
            program.run(&world, &line).expect(0);
        }
        std::fs::read_to_string(world.path("boot/seen")).expect("scripts ran")
    });
    let at = "POST_ADD /var/lib/dkms/named/1.0/source/at.sh /var/lib/dkms/named/1.0/source /usr/src/named-1.0\n";
    assert!(seen[0].starts_with(at), "{}", seen[0]);
    assert_eq!(seen[0].lines().count(), all.len(), "{}", seen[0]);
    assert_eq!(seen[1], seen[0]);
}

#[test]
fn a_pre_build_script_can_make_the_source() {
    let script = "mv made.c.in made.c";
    let package = Package::new("made", "1.0").without("made.c").file("made.c.in", fixture::c_source(Some("1.0")));
    compare(
        &package.conf("PRE_BUILD=\"prepare.sh\"").script("prepare.sh", script),
        &[("install made/1.0 -k KERNEL", 0), ("remove made/1.0 --all", 0)],
        &[CONFIG, SYMVERS, RECORDS],
    );
}

#[test]
fn a_dependency_that_is_not_installed_is_exit_code_13() {
    let ours = compare(
        &Package::new("needy", "1.0").conf("BUILD_DEPENDS[0]=\"nobody\""),
        &[("build needy/1.0 -k KERNEL", 13)],
        &["A missing dependency is exit code 13"],
    );
    assert_eq!(ours[0].facts["status"], "needy/1.0: added\n");
}

#[test]
fn a_configuration_that_says_too_little_is_refused_with_its_exit_code() {
    for (missing, line) in
        [("name", "PACKAGE_NAME="), ("version", "PACKAGE_VERSION="), ("place", "DEST_MODULE_LOCATION[0]=")]
    {
        compare(&Package::new(missing, "1.0").conf(line), &[(&format!("add {missing}/1.0"), 8), ("status", 0)], &[]);
    }
    compare(
        &Package::new("elsewhere", "1.0").conf("DEST_MODULE_LOCATION[0]=\"/opt\""),
        &[("add elsewhere/1.0", 8)],
        &[],
    );
    compare(&Package::new("bare", "1.0").without("dkms.conf"), &[("add bare/1.0", 4)], &[]);
}

#[test]
fn a_source_that_has_gone_is_exit_code_4() {
    let kernel = kernel::newest(Flavour::Generic);
    let run = |program| {
        let world = World::new(std::slice::from_ref(&kernel));
        let dir = world.add_package(&Package::new("gone", "1.0"));
        let mut steps = peer::observe(program, &world, &["add gone/1.0".into()]);
        std::fs::remove_dir_all(dir).expect("the source was there");
        let after = [format!("build gone/1.0 -k {kernel}"), "remove gone/1.0 --all".into()];
        steps.extend(peer::observe(program, &world, &after));
        steps
    };
    let (peer, ours) = (run(Program::Peer), run(Program::Ours));
    peer::assert_differs_only_in(&peer, &ours, &["A package without its source is broken"]);
    let codes: Vec<i32> = ours.iter().map(|s| s.output.code).collect();
    assert_eq!(codes, [0, 4, 4]);
    assert_eq!(ours[2].facts["status"], "gone/1.0: broken\n");
}

/// Where the errors of unusable command lines go: what scripts throw away with `2>/dev/null`,
/// and what they read.
#[test]
fn errors_of_usage_are_on_standard_error() {
    let world = World::new(&[]);
    for line in [
        "",
        "bogus",
        "bogus some/1.0",
        "--bogus",
        "status --bogus",
        "add",
        "build",
        "remove",
        "add -m some",
        "match",
        "mktarball",
        "ldtarball",
        "add none/1.0",
        "remove none/1.0 --all",
        "build -k 1 --all none/1.0",
    ] {
        let (ours, peer) = (world.dkms(line), world.peer(line));
        for (who, out) in [("dkms 3.0.10", &peer), ("modsmith", &ours)] {
            assert!(out.stderr.to_lowercase().contains("error"), "{who}: {out}");
            assert!(!out.stdout.to_lowercase().contains("error"), "{who}: {out}");
        }
    }
    // Without an action, the usage is what was asked for.
    for line in ["", "bogus"] {
        for out in [world.dkms(line), world.peer(line)] {
            assert!(out.stdout.starts_with("Usage: "), "{out}");
            assert_eq!(out.code, 0, "{out}");
        }
    }
}
