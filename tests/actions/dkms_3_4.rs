//! What dkms 3.3 and 3.4 brought, which the peer, 3.0.10, does not have yet.
//!
//! Source of the expected results: the list of changes of dkms 3.3.0 to 3.4.3, and
//! dkms(8). No row is compared with another program.

use std::fs;

use modsmith_tests::state::{fill, generic, other, prebuilt};
use modsmith_tests::{World, kernel};

/// A change, on a machine with the package `sample` or more.
struct Row {
    since: &'static str,
    change: &'static str,
    prepare: fn(&World),
    /// Exit code and command, one after the other; see [`fill`].
    commands: &'static [(i32, &'static str)],
    /// Lines of the last command's output, in any order among others.
    says: &'static [&'static str],
    /// What no line of it has.
    never: &'static [&'static str],
    /// What `status` prints afterwards.
    status: &'static str,
}

impl Row {
    fn failure(&self) -> Option<String> {
        let world = World::new(&[generic(), other()]);
        (self.prepare)(&world);
        let mut problems = Vec::new();
        let mut last = None;
        for (code, line) in self.commands {
            let out = world.dkms(&fill(line)).expect_no_panic();
            if out.code != *code {
                problems.push(format!("the exit code is not {code}: {out}"));
            }
            last = Some(out);
        }
        let said = last.map(|out| format!("{}{}", out.stdout, out.stderr)).unwrap_or_default();
        // Not the other way round: names of directives have the word, too.
        let placeholders = [(generic(), "KERNEL"), (other(), "OTHER"), (format!("({})", kernel::arch()), "(ARCH)")];
        let said = placeholders.iter().fold(said, |said, (text, name)| said.replace(text, name));
        let lacks = self.says.iter().filter(|line| !said.lines().any(|said| said == **line));
        problems.extend(lacks.map(|line| format!("it does not say {line:?}: {said}")));
        let has = self.never.iter().filter(|text| said.contains(**text));
        problems.extend(has.map(|text| format!("it says {text:?}: {said}")));
        let status = world.dkms("status").stdout;
        if status != fill(self.status) {
            problems.push(format!("the state is not {:?} but {status:?}", fill(self.status)));
        }
        let head = format!("=== {} ({}): {:?}", self.change, self.since, self.commands);
        (!problems.is_empty()).then(|| format!("{head}\n{}", problems.join("\n")))
    }
}

#[track_caller]
fn check(rows: &[Row]) {
    let failures: Vec<String> = rows.iter().filter_map(Row::failure).collect();
    assert!(failures.is_empty(), "{} of {} rows:\n\n{}", failures.len(), rows.len(), failures.join("\n\n"));
}

fn sample(world: &World) {
    world.add_package(&prebuilt("sample", "1.0"));
}

/// Two modules, of which make makes the first only; with lines for the dkms.conf.
fn pair(world: &World, lines: &str) {
    let second = "BUILT_MODULE_NAME[1]=second\nDEST_MODULE_LOCATION[1]=/updates\n";
    world.add_package(&prebuilt("pair", "1.0").conf(&format!("{second}{lines}")));
}

fn second_excluded(world: &World) {
    pair(world, "BUILD_EXCLUSIVE_KERNEL[1]='^2[.]4'");
}

const NO_SECOND: &str = "Module second of pair/1.0 is not built for kernel KERNEL (ARCH): BUILD_EXCLUSIVE_KERNEL demands `^2[.]4`, which KERNEL does not match.";

#[test]
fn a_module_can_be_excluded_from_its_package() {
    check(&[
        Row {
            since: "3.3.0",
            change: "a module that is excluded is neither required nor copied",
            prepare: second_excluded,
            commands: &[(0, "build pair/1.0 -k KERNEL")],
            says: &[NO_SECOND],
            never: &["Error", "Warning"],
            status: "pair/1.0, KERNEL, ARCH: built\n",
        },
        Row {
            since: "3.3.0",
            change: "nor installed",
            prepare: second_excluded,
            commands: &[(0, "install pair/1.0 -k KERNEL"), (0, "status")],
            says: &[],
            never: &["Built modules are missing", "Differences"],
            status: "pair/1.0, KERNEL, ARCH: installed\n",
        },
        Row {
            since: "3.3.0",
            change: "nothing is said of it when the package is taken out",
            prepare: second_excluded,
            commands: &[(0, "install pair/1.0 -k KERNEL"), (0, "uninstall pair/1.0 -k KERNEL")],
            says: &["Deleting /lib/modules/KERNEL/updates/dkms/sample.ko"],
            never: &["second"],
            status: "pair/1.0, KERNEL, ARCH: built\n",
        },
        Row {
            since: "3.3.0",
            change: "and removed",
            prepare: second_excluded,
            commands: &[(0, "add pair/1.0"), (0, "autoinstall -k KERNEL"), (0, "remove pair/1.0 --all")],
            says: &[],
            never: &["second"],
            status: "",
        },
        Row {
            since: "3.3.0",
            change: "a tarball holds what is built",
            prepare: second_excluded,
            commands: &[
                (0, "build pair/1.0 -k KERNEL"),
                (0, "mktarball pair/1.0 -k KERNEL --archive /boot/pair.tar.gz"),
                (0, "remove pair/1.0 --all"),
                (0, "ldtarball /boot/pair.tar.gz"),
                (0, "install pair/1.0 -k KERNEL"),
            ],
            says: &[],
            never: &["second"],
            status: "pair/1.0, KERNEL, ARCH: installed\n",
        },
        Row {
            since: "3.3.0",
            change: "without a directive for it a module is required",
            prepare: |world| pair(world, "BUILD_EXCLUSIVE_KERNEL[2]='^2[.]4'"),
            commands: &[(7, "build pair/1.0 -k KERNEL")],
            says: &[],
            never: &[],
            status: "pair/1.0: added\n",
        },
        Row {
            since: "3.3.0",
            change: "slot 0 is about all modules, written as such",
            prepare: |world| pair(world, "BUILD_EXCLUSIVE_KERNEL[0]='^2[.]4'"),
            commands: &[(77, "install pair/1.0 -k KERNEL")],
            says: &[],
            never: &["Error"],
            status: "pair/1.0: added\n",
        },
        Row {
            since: "3.3.0",
            change: "slot 0 is about all modules, written as a scalar, whatever the others say",
            prepare: |world| pair(world, "BUILD_EXCLUSIVE_ARCH=sparc\nBUILD_EXCLUSIVE_ARCH[1]=.*"),
            commands: &[(77, "build pair/1.0 -k KERNEL")],
            says: &[],
            never: &[],
            status: "pair/1.0: added\n",
        },
        Row {
            since: "3.3.0",
            change: "each directive of the family has slots",
            prepare: |world| pair(world, "BUILD_EXCLUSIVE_KERNEL_MIN=5.0\nBUILD_EXCLUSIVE_KERNEL_MIN[1]=99.0"),
            commands: &[(0, "install pair/1.0 -k KERNEL -k OTHER")],
            says: &[],
            never: &["Error"],
            status: "pair/1.0, KERNEL, ARCH: installed\npair/1.0, OTHER, ARCH: installed\n",
        },
    ]);
}

fn deferred(world: &World, packages: &[(&str, &str)]) {
    for (name, needs) in packages {
        let directives = format!("DEST_MODULE_NAME[0]={name}\nBUILD_DEPENDS='{needs}'");
        world.add_package(&prebuilt(name, "1.0").conf(&directives));
        world.dkms(&format!("add {name}/1.0")).expect(0);
    }
}

#[test]
fn autoinstall_defers_what_needs_a_package_that_is_not_registered() {
    const LATER: &str = "waits/1.0 autoinstall deferred: it needs packages that are not registered: unborn.";
    check(&[
        Row {
            since: "3.4.1",
            change: "it waits, and the others are installed",
            prepare: |world| deferred(world, &[("alone", ""), ("waits", "unborn")]),
            commands: &[(0, "autoinstall -k KERNEL")],
            says: &[LATER, "Autoinstall on KERNEL succeeded for module(s) alone."],
            never: &["Error", "failed"],
            status: "alone/1.0, KERNEL, ARCH: installed\nwaits/1.0: added\n",
        },
        Row {
            since: "3.4.1",
            change: "what needs one that waits waits too",
            prepare: |world| deferred(world, &[("also", "waits"), ("waits", "unborn")]),
            commands: &[(0, "autoinstall -k KERNEL")],
            says: &[LATER, "also/1.0 autoinstall deferred: it needs packages that are not registered: waits."],
            never: &["failed"],
            status: "also/1.0: added\nwaits/1.0: added\n",
        },
        Row {
            since: "3.4.1",
            change: "once it is registered all is installed",
            prepare: |world| {
                sample(world);
                deferred(world, &[("waits", "sample")]);
            },
            commands: &[(0, "autoinstall -k KERNEL"), (0, "add sample/1.0"), (0, "autoinstall -k KERNEL")],
            says: &["Autoinstall on KERNEL succeeded for module(s) sample waits."],
            never: &["failed", "deferred"],
            status: "sample/1.0, KERNEL, ARCH: installed\nwaits/1.0, KERNEL, ARCH: installed\n",
        },
        Row {
            since: "3.4.1",
            change: "a dependency that is known and fails is a failure",
            prepare: |world| {
                world.add_package(&prebuilt("fails", "1.0").conf("MAKE[0]=false"));
                world.dkms("add fails/1.0").expect(0);
                deferred(world, &[("needy", "fails"), ("waits", "unborn"), ("torn", "fails unborn")]);
            },
            commands: &[(11, "autoinstall -k KERNEL")],
            says: &[LATER, "needy/1.0 autoinstall failed due to missing dependencies: fails."],
            never: &["needy/1.0 autoinstall deferred", "torn/1.0 autoinstall deferred"],
            status: "fails/1.0: added\nneedy/1.0: added\ntorn/1.0: added\nwaits/1.0: added\n",
        },
    ]);
}

#[test]
fn messages_and_exit_codes_are_those_of_dkms_3_4() {
    const EMPTY: &str = "sample/1.0, KERNEL, ARCH: built\n";
    let empty = |option: &'static str, what: &'static str| -> [String; 4] {
        ["build sample/1.0", "status", "autoinstall", "remove sample/1.0"]
            .map(|action| format!("{action} {option}{what}"))
    };
    check(&[
        Row {
            since: "3.4.3",
            change: "the version",
            prepare: sample,
            commands: &[(0, "--version")],
            says: &["dkms-3.4.3"],
            never: &[],
            status: "",
        },
        Row {
            since: "3.4.0",
            change: "OBSOLETE_BY is on its way out",
            prepare: |world| drop(world.add_package(&prebuilt("sample", "1.0").conf("OBSOLETE_BY=99.0"))),
            commands: &[(0, "add sample/1.0")],
            says: &[
                "Deprecated feature: OBSOLETE_BY (/usr/src/sample-1.0/dkms.conf); give the modules a MODULE_VERSION, or use BUILD_EXCLUSIVE_KERNEL_MAX.",
            ],
            never: &[],
            status: "sample/1.0: added\n",
        },
        Row {
            since: "3.4.2",
            change: "missing headers are told in words of no distribution",
            prepare: |world| {
                sample(world);
                fs::remove_file(world.modules(&generic()).join("build")).expect("it was there");
                fs::write(world.path("usr/src/os-release"), "ID=unheard-of\n").expect("writable");
            },
            commands: &[(21, "build sample/1.0 -k 6.0.0-none --os-release /usr/src/os-release")],
            says: &["Error! Kernel 6.0.0-none and its headers are missing: /lib/modules/6.0.0-none does not exist."],
            never: &["linux-headers-6.0.0", "kernel-devel"],
            status: "sample/1.0: added\n",
        },
    ]);
    // An empty kernel or architecture, since 3.1 at the latest.
    let world = World::new(&[generic()]);
    sample(&world);
    world.dkms(&fill("build sample/1.0 -k KERNEL")).expect(0);
    for option in ["-k", "-a", "--kernelver", "--arch", "--kernelver=", "--arch="] {
        for line in empty(option, "") {
            world.dkms(&line).expect(16);
        }
        if !option.ends_with('=') {
            let arguments = |action: &str| world.program(world.path("bin/dkms")).words(action).arg(option).arg("");
            for action in ["build sample/1.0", "status", "autoinstall", "remove sample/1.0"] {
                let out = arguments(action).run().expect(16);
                assert!(out.stderr.contains("is empty"), "{out}");
            }
            world.dkms(&format!("build {option} --force sample/1.0")).expect(16);
        }
    }
    world.dkms(&fill("build sample/1.0 -k KERNEL/")).expect(16);
    assert_eq!(world.dkms("status").stdout, fill(EMPTY));
}

/// A remove that the upgrade's own add has made void.
#[test]
fn a_cancelled_remove_is_a_warning() {
    let world = World::generic();
    sample(&world);
    let upgrade = "dkms add sample/1.0 --rpm_safe_upgrade\ndkms remove sample/1.0 --all --rpm_safe_upgrade\n";
    let out = world.shell(upgrade).run().expect(0);
    let warning = "Warning: sample/1.0 is not removed: the same upgrade has just added it (--rpm_safe_upgrade).\n";
    assert!(out.stderr.contains(warning) && !out.stderr.contains("Error!"), "{out}");
}

/// dkms refuses with 3 (and leaves the new source under the old registration): what
/// would be built is not what was named.
#[test]
fn a_directory_whose_package_is_registered_is_refused_and_changes_nothing() {
    let world = World::generic();
    let checkout = world.path("usr/src/checkout");
    prebuilt("sample", "1.0").file("text", "old").write(&checkout);
    world.dkms(&fill("install /usr/src/checkout -k KERNEL")).expect(0);
    prebuilt("sample", "1.0").file("text", "new").write(&checkout);
    let (before, sources) = (world.snapshot(), world.sources());
    for action in ["add", "build", "install"] {
        for what in ["checkout", "checkout/dkms.conf", "sample-1.0", "sample-1.0/dkms.conf"] {
            for force in ["", " --force"] {
                let out = world.dkms(&fill(&format!("{action} /usr/src/{what} -k KERNEL{force}"))).expect(3);
                assert!(
                    out.stderr.contains("The source in /usr/src/") && out.stderr.contains(" was not used."),
                    "{out}"
                );
                assert!(out.stderr.contains("name the package: `sample/1.0`"), "{out}");
            }
        }
    }
    assert_eq!(world.snapshot(), before);
    assert_eq!(world.sources(), sources);
    world.dkms("remove sample/1.0 --all").expect(0);
    world.dkms(&fill("install /usr/src/checkout -k KERNEL --force")).expect(0);
    assert_eq!(fs::read_to_string(world.path("usr/src/sample-1.0/text")).expect("copied"), "new");
}

#[test]
fn several_actions_on_one_line_go_on_with_what_the_first_has_registered() {
    let world = World::generic();
    prebuilt("sample", "1.0").write(&world.path("usr/src/checkout"));
    world.dkms(&fill("add build install /usr/src/checkout -k KERNEL")).expect(0);
    assert_eq!(world.dkms("status").stdout, fill("sample/1.0, KERNEL, ARCH: installed\n"));
    world.dkms(&fill("add build install /usr/src/checkout -k KERNEL --dry-run")).expect(3);
}

#[test]
fn what_is_refused_leaves_no_copy_of_its_source() {
    let world = World::generic();
    let twice = "BUILT_MODULE_NAME[1]=sample\nDEST_MODULE_LOCATION[1]=/extra";
    prebuilt("sample", "1.0").conf(twice).write(&world.path("usr/src/checkout"));
    let sources = world.sources();
    for action in ["add", "build", "install"] {
        world.dkms(&fill(&format!("{action} /usr/src/checkout -k KERNEL"))).expect(8).expect_error("are both `sample`");
    }
    assert_eq!(world.sources(), sources);
}
