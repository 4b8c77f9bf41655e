//! Files of the administrator's that dkms 3.3 and 3.4 read beside a package: `build_environment`, and scripts and patches
//! in `/etc/dkms/MODULE/`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::state::{fill, prebuilt};

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
            let directory = if name.contains("BUILD") { "build" } else { "source" };
            format!("administrator {name} for /var/lib/dkms/sample/1.0/{directory}")
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
