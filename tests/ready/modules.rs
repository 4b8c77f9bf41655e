//! Modules that are there, and modules that fail, by what depends on them.

use std::fs;

use crate::machine::{Machine, Use};

#[test]
fn with_everything_in_place_a_restart_is_safe() {
    for used in [Use::Idle, Use::Loaded, Use::Network, Use::Root] {
        let machine = Machine::new(used).with_initramfs().with_grub("0");
        let json = machine.verdict(0);
        assert_eq!(json["answer"], "safe", "{used:?}: {json:#}");
        assert_eq!(json["next"]["state"], "known");
        assert_eq!(json["kernels"][0]["kernel"], machine.kernel.as_str());
        assert_eq!(json["kernels"][0]["reasons"].as_array().map(Vec::len), Some(0));
    }
}

#[test]
fn a_module_that_is_not_installed_counts_by_what_depends_on_it() {
    for (used, code, expected) in [
        (Use::Idle, 1, "degraded idle held"),
        (Use::Loaded, 1, "degraded present held"),
        (Use::Network, 2, "unsafe session-critical held"),
        (Use::Root, 2, "unsafe boot-critical held"),
    ] {
        let machine = Machine::new(used).with_initramfs().with_grub("0");
        let line = format!("uninstall held/1.0 -k {} --no-initrd", machine.kernel);
        machine.world.dkms(&line).expect(0);
        let (reason, evidence) = machine.reason(code);
        assert_eq!(reason, expected);
        assert!(evidence.contains("held/1.0 is not installed for"), "{evidence}");
    }
}

#[test]
fn the_administrator_knows_what_the_machine_is_for() {
    let machine = Machine::new(Use::Idle).with_initramfs().with_grub("0");
    machine.world.settings("modsmith/criticality.toml", "boot = [\"held\"]\n");
    assert_eq!(machine.verdict(0)["answer"], "safe");
    let line = format!("uninstall held/1.0 -k {} --no-initrd", machine.kernel);
    machine.world.dkms(&line).expect(0);
    for (list, code, expected) in [
        ("boot", 2, "unsafe boot-critical held"),
        ("needed", 2, "unsafe session-critical held"),
        ("optional", 1, "degraded idle held"),
    ] {
        machine.world.settings("modsmith/criticality.toml", format!("{list} = [\"he*\"]\n"));
        let (reason, evidence) = machine.reason(code);
        assert_eq!(reason, expected, "{evidence}");
    }
    // One that was never built.
    machine.world.dkms(&format!("unbuild held/1.0 -k {}", machine.kernel)).expect(0);
    machine.world.settings("modsmith/criticality.toml", "boot = [\"held\"]\n");
    let (reason, evidence) = machine.reason(2);
    assert_eq!(reason, "unsafe boot-critical held");
    assert!(evidence.contains("is not built for any kernel"), "{evidence}");
    machine.world.settings("modsmith/criticality.toml", "boots = []\n");
    let (reason, evidence) = machine.reason(3);
    assert_eq!(reason, "unknown boot-critical /etc/modsmith/criticality.toml");
    assert!(evidence.contains("unknown field `boots`"), "{evidence}");
}

#[test]
fn a_module_that_is_in_no_index_is_not_loaded() {
    let machine = Machine::new(Use::Network).with_initramfs().with_grub("0");
    fs::write(machine.world.modules(&machine.kernel).join("modules.dep"), "kernel/drivers/misc/resident.ko:\n")
        .unwrap();
    let (reason, evidence) = machine.reason(2);
    assert_eq!(reason, "unsafe session-critical held");
    assert!(evidence.contains("is not in modules.dep"), "{evidence}");
}

#[test]
fn a_module_that_the_kernel_refuses_is_unsafe_with_the_rules_words() {
    let machine = Machine::new(Use::Network).with_initramfs().with_grub("0");
    let file = machine.world.modules(&machine.kernel).join("updates/dkms/held.ko");
    machine.change(&file, |bytes| {
        let at = bytes.windows(9).position(|window| window == b"vermagic=").expect("a module");
        let mut bytes = bytes;
        bytes[at + 9] = b'5';
        bytes[at + 11] = b'0';
        bytes[at + 30..at + 33].copy_from_slice(b"UP ");
        bytes
    });
    let json = machine.verdict(2);
    let text = json["kernels"][0]["reasons"].to_string();
    assert!(text.contains("the kernel would not load it"), "{json:#}");
}

#[test]
fn a_module_of_no_package_is_missed_where_it_is_loaded() {
    let machine = Machine::new(Use::Idle).with_initramfs().with_grub("0");
    machine.world.write("proc/modules", "foreign 16384 0 - Live 0x0 (POE)\n");
    let (reason, evidence) = machine.reason(1);
    assert_eq!(reason, "degraded present foreign");
    assert!(evidence.contains("did not come with the running kernel"), "{evidence}");
}

#[test]
fn a_kernel_whose_image_is_missing_or_cut_short_is_unsafe() {
    let machine = Machine::new(Use::Idle).with_initramfs().with_grub("0");
    let image = machine.world.path(format!("boot/vmlinux-{}", machine.kernel));
    machine.change(&image, |bytes| bytes[..bytes.len() / 2].to_vec());
    let options = format!("-k {} --json", machine.kernel);
    let json = machine.ready(&options).json();
    assert_ne!(json["answer"], "safe", "{json:#}");
    fs::remove_file(&image).unwrap();
    let json = machine.ready(&options).expect(2).json();
    assert_eq!(json["kernels"][0]["reasons"][0]["grade"], "boot-critical", "{json:#}");
}

#[test]
fn wrong_options_are_unknown_and_help_is_success() {
    let machine = Machine::new(Use::Idle);
    machine.ready("-k ../x").expect(3);
    machine.ready("--no-such-option").expect(3);
    let out = machine.ready(&format!("-k {} --next", machine.kernel));
    assert!(out.stderr.contains("cannot be used with"), "{}", out.stderr);
    machine.world.modsmith("ready --help").expect(0);
}
