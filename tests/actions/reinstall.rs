//! What takes modules away first asks whether others can take their place.

use std::fs;

use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;

fn installed(conf: &str) -> World {
    let world = World::generic();
    world.add_package(&Package::new("again", "1.0").conf(conf));
    world.dkms(&format!("install again/1.0 -k {}", kernel())).expect(0);
    world
}

#[test]
fn what_cannot_be_installed_again_stays_installed() {
    type Change = fn(&World);
    let changes: [(&str, Change); 2] = [
        ("an override file names another module", |world| {
            world.write("etc/dkms/again.conf", "DEST_MODULE_NAME[0]=other\n");
        }),
        ("the built module is gone", |world| {
            let built = world.tree().join(format!("again/1.0/{}/x86_64/module/again.ko", kernel()));
            fs::remove_file(built).expect("it was built");
        }),
    ];
    for (change, make) in changes {
        let world = installed("");
        let module = world.modules(&kernel()).join("updates/dkms/again.ko");
        let before = fs::read(&module).expect("it is installed");
        make(&world);
        let out = world.dkms(&format!("install again/1.0 -k {} --force", kernel())).expect(6);
        assert!(!out.stdout.contains("Deleting"), "{change}: {out}");
        assert_eq!(fs::read(&module).ok(), Some(before), "{change}");
        let status = world.dkms("status").expect(0);
        assert!(status.stdout.contains(": installed"), "{change}: {status}");
    }
}

#[test]
fn a_package_whose_conf_became_invalid_can_be_uninstalled() {
    for way in ["uninstall again/1.0 -k", "remove again/1.0 -k", "kernel_prerm -k"] {
        let world = installed("");
        let conf = world.path("usr/src/again-1.0/dkms.conf");
        let text = fs::read_to_string(&conf).expect("its dkms.conf");
        fs::write(&conf, format!("{text}AUTOINSTALL=true\n")).expect("writable");
        world.dkms(&format!("{way} {}", kernel())).expect(0);
        assert!(!world.modules(&kernel()).join("updates/dkms/again.ko").exists(), "{way}");
    }
}

#[test]
fn the_post_transaction_command_runs_after_changes_of_kernels_only() {
    let world = installed("AUTOINSTALL=yes");
    world.write("etc/dkms/framework.conf", "post_transaction=\"echo ran >> /boot/ran\"\n");
    world.add_package(&Package::new("other", "1.0").conf("AUTOINSTALL=no"));
    world.dkms("add other/1.0").expect(0);
    for action in ["autoinstall", "install again/1.0", "uninstall other/1.0", "kernel_preinst -k 9.9"] {
        let kernels = if action.contains("-k") { String::new() } else { format!("-k {}", kernel()) };
        world.dkms(&format!("{action} {kernels}")).expect(0);
        assert!(!world.path("boot/ran").exists(), "{action}");
    }
    world.dkms(&format!("uninstall again/1.0 -k {}", kernel())).expect(0);
    assert_eq!(fs::read_to_string(world.path("boot/ran")).ok().as_deref(), Some("ran\n"));
    world.dkms(&format!("autoinstall -k {}", kernel())).expect(0);
    assert_eq!(fs::read_to_string(world.path("boot/ran")).ok().as_deref(), Some("ran\nran\n"));
}

#[test]
fn a_failing_post_add_is_the_exit_code_of_add_and_a_warning_of_what_needs_it() {
    let package = Package::new("again", "1.0").conf("POST_ADD=f.sh").script("f.sh", "exit 7");
    for (action, code) in [("add", 7), ("build", 0), ("install", 0)] {
        let world = World::generic();
        world.add_package(&package);
        let out = world.dkms(&format!("{action} again/1.0 -k {}", kernel())).expect(code);
        assert!(out.stderr.contains("post_add script of again/1.0 failed"), "{action}: {out}");
        assert!(world.tree().join("again/1.0/source").symlink_metadata().is_ok(), "{action}");
    }
}
