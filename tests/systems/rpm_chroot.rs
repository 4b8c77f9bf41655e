//! Rpm packages in a system of its own, which `rpm --root` works on.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use modsmith_tests::chroot::Chroot;
use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{World, debian, tool};

/// A source as an rpm, and its `name/version`.
fn rpm(world: &World, id: &str) -> PathBuf {
    world.dkms(&format!("add {id}")).expect(0);
    world.dkms(&format!("mkrpm {id} --source-only")).expect(0);
    world.tree().join(id).join("rpm").join(format!("{}-1dkms.noarch.rpm", id.replacen('/', "-", 1)))
}

/// A system with this program and a kernel's headers.
fn system() -> Chroot {
    let system = Chroot::minimal();
    system.bring_package();
    system.apt("update");
    system.apt("install /modsmith.deb linux-headers-amd64");
    system
}

/// `rpm --root`. Debian's rpm knows nothing of Debian's packages: no dependency is
/// there for it.
fn rpm_on(system: &Chroot, line: &str) {
    let root = system.path("");
    let root = root.display();
    let script = format!("mount --rbind /proc {root}/proc && rpm --root {root} --nodeps {line}");
    tool::run(Command::new(tool::path("unshare")).args(["--mount", "--", "/bin/sh", "-ec", &script]));
}

fn status(system: &Chroot) -> String {
    system.run("dkms status").expect(0).stdout
}

fn install(system: &Chroot, id: &str) {
    system.run(&format!("dkms install {id} -k {}", kernel())).expect(0);
    assert!(status(system).contains(&format!("{id}, {}, {}: installed\n", kernel(), kernel::arch())), "{id}");
}

#[test]
#[ignore = "slow"]
fn packages_are_installed_upgraded_and_erased_with_rpm_root() {
    let system = system();
    let [first, second] = ["1.0", "1.1"].map(|version| {
        let world = World::generic();
        world.add_package(&Package::new("rooted", version));
        let file = rpm(&world, &format!("rooted/{version}"));
        (world, file)
    });
    rpm_on(&system, &format!("-i {}", first.1.display()));
    install(&system, "rooted/1.0");
    // The same version again: the old one's script leaves it alone.
    rpm_on(&system, &format!("-U --replacepkgs {}", first.1.display()));
    assert!(status(&system).starts_with("rooted/1.0"));
    rpm_on(&system, &format!("-U {}", second.1.display()));
    install(&system, "rooted/1.1");
    assert!(!system.path("usr/src/rooted-1.0").exists());
    rpm_on(&system, "-e rooted");
    assert_eq!(status(&system), "");
    assert!(!system.path("usr/src/rooted-1.1").exists() && !system.path("var/lib/dkms/rooted").exists());
    assert!(!fs::exists(system.path("lib/modules").join(kernel()).join("updates")).expect("readable"));
}

#[test]
#[ignore = "slow"]
fn real_packages_are_installed_and_upgraded_with_rpm_root() {
    let system = system();
    for package in ["bbswitch-dkms", "ddcci-dkms", "v4l2loopback-dkms"] {
        let (world, source) = (World::generic(), debian::source(package));
        world.copy_source(&source);
        let id = debian::id(&source);
        let (name, old) = id.split_once('/').expect("m/v");
        rpm_on(&system, &format!("-i {}", rpm(&world, &id).display()));
        install(&system, &id);
        // The same source under a later version.
        let script = format!(
            "mv /usr/src/{name}-{old} /usr/src/{name}-99.9 && sed -i 's/{old}/99.9/g' /usr/src/{name}-99.9/dkms.conf"
        );
        world.dkms(&format!("remove {id} --all")).expect(0);
        world.shell(&script).run().expect(0);
        rpm_on(&system, &format!("-U {}", rpm(&world, &format!("{name}/99.9")).display()));
        install(&system, &format!("{name}/99.9"));
        assert!(!status(&system).contains(&id), "{}", status(&system));
    }
    assert_eq!(status(&system).lines().count(), 3);
    rpm_on(&system, "-e bbswitch ddcci v4l2loopback");
    assert_eq!(status(&system), "");
}
