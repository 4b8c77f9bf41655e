//! `--modprobe-on-install`: with a stand-in for modprobe.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use modsmith_tests::World;
use modsmith_tests::peer::Program;
use modsmith_tests::state::{AT_HOME, fill};

/// A world with the package built for two kernels, one of them the running one.
fn world() -> World {
    let world = AT_HOME.reach(Program::Ours);
    world.dkms("uninstall sample/1.0").expect(0);
    let modprobe = world.path("bin/modprobe");
    fs::write(&modprobe, "#!/bin/sh\necho \"$@\" >>/boot/calls\n").unwrap();
    fs::set_permissions(&modprobe, fs::Permissions::from_mode(0o755)).unwrap();
    world
}

fn calls(world: &World) -> String {
    fs::read_to_string(world.path("boot/calls")).unwrap_or_default()
}

#[test]
fn modules_are_loaded_for_the_running_kernel_only() {
    let world = world();
    world.dkms(&fill("install sample/1.0 -k KERNEL --modprobe-on-install")).expect(0);
    assert_eq!(calls(&world), "");
    world.dkms("install sample/1.0 --modprobe-on-install").expect(0);
    assert!(calls(&world).starts_with("-a -b -q "), "{}", calls(&world));
}

#[test]
fn nothing_is_loaded_unasked_and_framework_conf_can_ask() {
    let world = world();
    world.dkms("install sample/1.0").expect(0);
    assert_eq!(calls(&world), "");
    world.dkms("uninstall sample/1.0").expect(0);
    fs::write(world.path("etc/dkms/framework.conf"), "modprobe_on_install=\"true\"\n").unwrap();
    world.dkms("install sample/1.0").expect(0);
    assert!(calls(&world).contains("-a -b -q "), "{}", calls(&world));
}
