//! How often a dkms.conf is read: once for each package and kernel in an invocation.

use std::fs;

use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::tool;

/// What only bash can read.
const NEEDS_BASH: &str = "NO_WEAK_MODULES=$(echo no)";

/// The bash children that read a dkms.conf while a command is carried out: the text of
/// the `execve` call of each.
fn readings(world: &World, command: &str) -> Vec<String> {
    let trace = world.path("trace");
    let words =
        format!("-f -qq -s 4096 -e trace=execve -o {} {} {command}", trace.display(), world.path("bin/dkms").display());
    world.program(tool::path("strace")).words(&words).run().expect(0);
    let trace = fs::read_to_string(trace).expect("strace wrote it");
    let reads_conf = |call: &&str| call.contains("\"--norc\", \"--noprofile\", \"-c\"") && call.contains("dkms.conf");
    trace.lines().filter(reads_conf).map(str::to_owned).collect()
}

#[test]
fn install_of_a_conf_that_needs_bash_starts_bash_once() {
    let world = World::generic();
    world.add_package(&Package::new("once", "1.0").conf(NEEDS_BASH));
    let install = format!("install once/1.0 -k {}", kernel());
    let started = readings(&world, &install);
    assert_eq!(started.len(), 1, "added, built and installed: {started:#?}");
    assert!(world.dkms("status").stdout.contains("installed"));

    // What is installed is uninstalled, and installed anew.
    let started = readings(&world, &format!("{install} --force"));
    assert_eq!(started.len(), 1, "{started:#?}");
    let started = readings(&world, "remove once/1.0 --all");
    assert_eq!(started.len(), 1, "{started:#?}");
}

/// The first reading tells which package it is; where it is registered, it is read as that package.
#[test]
fn install_of_a_directory_starts_bash_once_to_learn_the_name_and_once_for_the_package() {
    let world = World::generic();
    world.add_package(&Package::new("once", "1.0").conf(NEEDS_BASH).conf("POST_ADD=add.sh").script("add.sh", "true"));
    let elsewhere = world.path("root/once");
    fs::create_dir_all(world.path("root")).unwrap();
    fs::rename(world.path("usr/src/once-1.0"), &elsewhere).unwrap();
    let started = readings(&world, &format!("install {} -k {}", elsewhere.display(), kernel()));
    assert_eq!(started.len(), 2, "{started:#?}");
    assert!(started[1].contains("/usr/src/once-1.0/dkms.conf"), "{started:#?}");
    assert!(world.dkms("status").stdout.contains("installed"));

    // An override file goes by the name: a mistake in it is found before anything is registered.
    world.dkms("remove once/1.0 --all").expect(0);
    fs::remove_dir_all(world.path("usr/src/once-1.0")).unwrap();
    world.write("etc/dkms/once.conf", "DEST_MODULE_LOCATION[0]=nowhere\n");
    let out = world.dkms(&format!("add {}", elsewhere.display())).expect_error("DEST_MODULE_LOCATION");
    assert!(!world.path("usr/src/once-1.0").exists() && !world.path("var/lib/dkms/once").exists(), "{out}");
}

#[test]
fn autoinstall_starts_bash_once_for_each_package_whose_conf_needs_it() {
    let world = World::generic();
    for name in ["one", "two"] {
        world.add_package(&Package::new(name, "1.0").conf(NEEDS_BASH));
        world.dkms(&format!("add {name}/1.0")).expect(0);
    }
    let started = readings(&world, &format!("autoinstall -k {}", kernel()));
    let of = |name: &str| started.iter().filter(|call| call.contains(&format!("/{name}-1.0/dkms.conf"))).count();
    assert_eq!((of("one"), of("two"), started.len()), (1, 1, 2), "{started:#?}");
}

#[test]
fn a_conf_that_a_script_changes_is_read_again() {
    let world = World::generic();
    let change = "echo 'POST_INSTALL=late.sh' >> \"$(dirname \"$(readlink -f \"$0\")\")/dkms.conf\"";
    let package = Package::new("changed", "1.0")
        .conf(NEEDS_BASH)
        .conf("POST_ADD=change.sh")
        .script("change.sh", change)
        .script("late.sh", "touch /boot/late");
    world.add_package(&package);
    let started = readings(&world, &format!("install changed/1.0 -k {}", kernel()));
    assert_eq!(started.len(), 2, "{started:#?}");
    assert!(world.path("boot/late").exists(), "what the file says now counts");
}
