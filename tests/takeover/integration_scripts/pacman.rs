//! The hook of pacman's packages.

use super::{Machine, NEWEST, RUNNING};
use modsmith_tests::{Output, paths};

fn pacman(machine: &Machine, event: &str, files: &str) -> Output {
    machine.run(&format!(
        "printf '%s\\n' {files} | {}/plugins/hooks/pacman-hooks/hooks/dkms {event}",
        paths::checkout().display()
    ))
}

#[test]
fn a_new_package_is_installed_for_every_kernel_with_headers_and_one_depmod_for_each() {
    let machine = Machine::with_package(&[RUNNING, NEWEST]);
    machine.package("other", "");
    machine.delete(&format!("lib/modules/{NEWEST}/build"));
    let out = pacman(&machine, "install", "usr/src/demo-1.0/dkms.conf").expect(0);
    assert_eq!(machine.calls(), [format!("install --no-depmod demo/1.0 -k {RUNNING}"), format!("depmod {RUNNING}")]);
    assert!(out.stdout.contains(&format!("Kernel {NEWEST} has no headers")), "{out}");
}

#[test]
fn a_new_kernel_gets_every_package_after_those_that_it_depends_on() {
    let machine = Machine::with_package(&[RUNNING, NEWEST]);
    machine.package("a-user", "BUILD_DEPENDS=(demo)");
    pacman(&machine, "install", &format!("usr/lib/modules/{NEWEST}/modules.order")).expect(0);
    assert_eq!(
        machine.calls(),
        [
            format!("install --no-depmod demo/1.0 -k {NEWEST}"),
            format!("install --no-depmod a-user/1.0 -k {NEWEST}"),
            format!("depmod {NEWEST}")
        ]
    );
}

#[test]
fn a_package_that_fails_keeps_the_others_not_and_packages_in_a_circle_are_named() {
    let machine = Machine::with_package(&[RUNNING, NEWEST]).failing(&format!("install 10 {RUNNING}"));
    pacman(&machine, "install", "usr/src/demo-1.0/dkms.conf").expect(1);
    assert!(machine.calls().contains(&format!("install --no-depmod demo/1.0 -k {NEWEST}")));

    let machine = Machine::new(&[RUNNING]);
    machine.package("x", "BUILD_DEPENDS=(y)");
    machine.package("y", "BUILD_DEPENDS=(x)");
    let files = "usr/src/x-1.0/dkms.conf usr/src/y-1.0/dkms.conf";
    pacman(&machine, "install", files).expect(1).expect_error("depend on one another");
}

#[test]
fn what_is_about_to_go_is_removed_where_it_is_installed() {
    let machine = Machine::with_package(&[RUNNING, NEWEST]);
    machine.make(&format!("states/{NEWEST}"), "installed\n");
    pacman(&machine, "remove", "usr/src/demo-1.0/dkms.conf").expect(0);
    assert_eq!(machine.calls(), [format!("remove --no-depmod demo/1.0 -k {NEWEST}"), format!("depmod {NEWEST}")]);
    pacman(&machine, "dance", "x").expect(2).expect_error("Usage:");
}
