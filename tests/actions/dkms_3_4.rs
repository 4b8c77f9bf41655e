//! What dkms 3.3 and 3.4 brought, which the peer, 3.0.10, does not have yet.
//!
//! Source of the expected results: the list of changes of dkms 3.3.0 to 3.4.3, and
//! dkms(8). No row is compared with another program.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use modsmith_tests::fixture::Package;
use modsmith_tests::state::{copy_signing_key, fill, generic, other, prebuilt};
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
        copy_signing_key(&world);
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
fn words_and_codes_of_3_4() {
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
    copy_signing_key(&world);
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

/// A package that writes what its build sees to `/boot`.
fn curious() -> Package {
    let recipe = "MAKE[0]=\"cp prebuilt/$kernelver.ko sample.ko; env >/boot/of-make; tool >/boot/of-tool || :\"";
    let package = prebuilt("curious", "1.0").conf(&format!("{recipe}\nPRE_BUILD=look\nPOST_BUILD=look"));
    package.script("look", "env >>/boot/of-scripts")
}

fn mode(world: &World, path: &str, mode: u32) {
    fs::set_permissions(world.path(path), fs::Permissions::from_mode(mode)).expect("it is there");
}

#[test]
fn a_build_gets_what_the_file_of_build_environment_exports() {
    let world = World::generic();
    world.opens_boot();
    copy_signing_key(&world);
    world.add_package(&curious());
    world.write("usr/src/tools/tool", "#!/bin/sh\necho the other one\n");
    mode(&world, "usr/src/tools/tool", 0o755);
    world.write("etc/dkms/framework.conf", "build_environment=/etc/dkms/compiler.sh\n");
    let file =
        "hidden=1\nexport PATH=/usr/src/tools:$PATH CC=other-cc ARGUMENTS=\"$#\"\n[ -n \"$none\" ] && export none\n";
    world.write("etc/dkms/compiler.sh", file);
    let out = world.shell(&fill("CC=callers dkms build curious/1.0 -k KERNEL")).run().expect(0);
    assert!(!out.stderr.contains("Error"), "{out}");
    let read = |name: &str| fs::read_to_string(world.path("boot").join(name)).expect("the build wrote it");
    assert_eq!(read("of-tool"), "the other one\n");
    for (name, times) in [("of-make", 1), ("of-scripts", 2)] {
        let seen = read(name);
        for line in ["CC=other-cc", "ARGUMENTS=0"] {
            assert_eq!(seen.lines().filter(|seen| *seen == line).count(), times, "{line} in {name}: {seen}");
        }
        assert!(!seen.contains("hidden"), "{name}: {seen}");
    }
}

#[test]
fn a_dry_run_names_the_build_environment_and_does_not_read_it() {
    let world = World::generic();
    world.add_package(&curious());
    world.write("etc/dkms/framework.conf", "build_environment=/etc/dkms/compiler.sh\n");
    world.write("etc/dkms/compiler.sh", "touch /boot/read\n");
    let out = world.dkms(&fill("build curious/1.0 -k KERNEL --dry-run")).expect(0);
    assert!(out.stdout.contains("/etc/dkms/compiler.sh"), "{out}");
    assert!(!world.path("boot/read").exists());
}

#[test]
fn a_build_environment_that_is_not_in_roots_hands_builds_nothing() {
    let world = World::generic();
    world.opens_boot();
    copy_signing_key(&world);
    world.add_package(&curious());
    world.write("etc/dkms/framework.conf", "build_environment=/etc/dkms/compiler.sh\n");
    let refused = |why: &str| {
        let out = world.dkms(&fill("build curious/1.0 -k KERNEL")).expect(4);
        assert!(out.stderr.contains(why), "{why}: {out}");
        assert!(!world.path("boot/of-make").exists());
    };
    refused("No such file");
    world.write("etc/dkms/compiler.sh", "export X=1\n");
    for open in [0o666, 0o664] {
        mode(&world, "etc/dkms/compiler.sh", open);
        refused("chmod go-w");
    }
    mode(&world, "etc/dkms/compiler.sh", 0o644);
    std::os::unix::fs::chown(world.path("etc/dkms/compiler.sh"), Some(1), None).expect("as root");
    refused("chown root");
    world.write("etc/dkms/framework.conf", "build_environment=/etc/dkms\n");
    refused("it is not a regular file");
    world.write("etc/dkms/framework.conf", "build_environment=compiler.sh\n");
    refused("does not begin with /");
    world.write("etc/dkms/framework.conf", "");
    world.dkms(&fill("build curious/1.0 -k KERNEL")).expect(0);
}

/// A file that ends the shell ends the build, and says so in the log.
#[test]
fn a_build_environment_that_ends_the_shell_is_told_in_the_log() {
    let world = World::generic();
    copy_signing_key(&world);
    world.add_package(&prebuilt("sample", "1.0"));
    world.write("etc/dkms/framework.conf", "build_environment=/etc/dkms/compiler.sh\n");
    world.write("etc/dkms/compiler.sh", "exit 3\n");
    world.dkms(&fill("build sample/1.0 -k KERNEL")).expect(10);
    let log = fs::read_to_string(world.tree().join("sample/1.0/build/make.log")).expect("a log");
    assert!(log.contains("/etc/dkms/compiler.sh ended the shell that read it."), "{log}");
}

const SCRIPTS: [&str; 6] = ["POST_ADD", "PRE_BUILD", "POST_BUILD", "PRE_INSTALL", "POST_INSTALL", "POST_REMOVE"];

#[test]
fn scripts_of_the_administrator_take_the_place_of_the_packages() {
    let world = World::generic();
    world.opens_boot();
    // All scripts write to it: those that are run as root, and those of the build.
    world.write("boot/calls", "");
    mode(&world, "boot/calls", 0o666);
    copy_signing_key(&world);
    let directives: String =
        SCRIPTS.iter().map(|name| format!("{name}=\"scripts/run.sh {name} $kernelver\"\n")).collect();
    let package = prebuilt("sample", "1.0").conf(&directives).script("scripts/run.sh", "echo source $1 >>/boot/calls");
    world.add_package(&package);
    world.write("etc/dkms/sample/scripts/run.sh", "#!/bin/sh\necho administrator $1 ${2:+for} $(pwd) >>/boot/calls\n");
    mode(&world, "etc/dkms/sample/scripts/run.sh", 0o755);
    world.dkms(&fill("install sample/1.0 -k KERNEL")).expect(0);
    world.dkms(&fill("remove sample/1.0 --all")).expect(0);
    let expected: Vec<String> = SCRIPTS
        .iter()
        .map(|name| {
            let directory =
                if name.contains("BUILD") { "/var/lib/dkms/sample/1.0/build" } else { "/usr/src/sample-1.0" };
            format!("administrator {name} for {directory}")
        })
        .collect();
    let calls = fs::read_to_string(world.path("boot/calls")).expect("scripts ran");
    assert_eq!(calls.lines().collect::<Vec<_>>(), expected);

    // Of another package's nothing is taken.
    fs::rename(world.path("etc/dkms/sample"), world.path("etc/dkms/other")).expect("it is there");
    world.dkms("add sample/1.0").expect(0);
    let calls = fs::read_to_string(world.path("boot/calls")).expect("scripts ran");
    assert_eq!(calls.lines().last(), Some("source POST_ADD"));
}

fn patch(text: &str) -> String {
    format!("--- a/note\n+++ b/note\n@@ -1 +1 @@\n-before\n+{text}\n")
}

#[test]
fn patches_of_the_administrator_take_the_place_of_the_packages_and_can_be_more() {
    let world = World::generic();
    world.opens_boot();
    copy_signing_key(&world);
    let recipe = "MAKE[0]=\"cp prebuilt/$kernelver.ko sample.ko; cat note other >/boot/notes\"\nPATCH[0]=fix/a.patch";
    let package = prebuilt("sample", "1.0").conf(recipe).file("note", "before\n").file("other", "before\n");
    world.add_package(&package.file("patches/fix/a.patch", patch("of the package")));
    let notes = || {
        world.dkms(&fill("build sample/1.0 -k KERNEL --force")).expect(0);
        fs::read_to_string(world.path("boot/notes")).expect("the build wrote it")
    };
    assert_eq!(notes(), "of the package\nbefore\n");
    world.write("etc/dkms/sample/patches/fix/a.patch", patch("of the administrator"));
    assert_eq!(notes(), "of the administrator\nbefore\n");
    // One that the source does not have, named by an override.
    world.write("etc/dkms/sample.conf", "PATCH[1]=more.patch\n");
    world.dkms(&fill("build sample/1.0 -k KERNEL --force")).expect(5);
    world.write("etc/dkms/sample/patches/more.patch", patch("more").replace("note", "other"));
    assert_eq!(notes(), "of the administrator\nmore\n");
    let log = fs::read_to_string(world.tree().join(fill("sample/1.0/KERNEL/ARCH/log/make.log"))).expect("a log");
    assert!(log.contains("# command: patch -p1 < /etc/dkms/sample/patches/more.patch\n"), "{log}");
}

/// dkms refuses with 3 (and leaves the new source under the old registration): what
/// would be built is not what was named.
#[test]
fn a_directory_whose_package_is_registered_is_refused_and_changes_nothing() {
    let world = World::generic();
    copy_signing_key(&world);
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
    copy_signing_key(&world);
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
