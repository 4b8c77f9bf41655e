//! Which kernel starts next, by each boot loader.

use crate::machine::{Machine, Use};

const ENTRY: &str =
    "title Debian\nversion 6.1.0-56-amd64\nlinux /vmlinux-6.1.0-56-amd64\ninitrd /initrd.img-6.1.0-56-amd64\n";

fn next(machine: &Machine) -> serde_json::Value {
    machine.ready("--json").json()["next"].clone()
}

#[test]
fn grub_starts_what_its_menu_and_its_environment_say() {
    let machine = Machine::new(Use::Idle).with_initramfs().with_grub("0");
    let first = next(&machine);
    assert_eq!((first["rule"].as_str(), first["kernel"].as_str()), (Some("first"), Some(machine.kernel.as_str())));
    // A kernel is pinned that is not there.
    machine.grub("gnulinux-6.1.0-1-other");
    let json = machine.ready("--json").expect(2).json();
    assert_eq!(json["next"]["kernel"], "6.1.0-1-other", "{json:#}");
    let reasons = json["kernels"][0]["reasons"].to_string();
    assert!(reasons.contains("vmlinu") && reasons.contains("missing"), "{json:#}");
    // For one start.
    machine
        .world
        .write("boot/grub/grubenv", format!("# GRUB Environment Block\nnext_entry=gnulinux-{}\n", machine.kernel));
    let once = next(&machine);
    assert_eq!((once["rule"].as_str(), once["kernel"].as_str()), (Some("one-shot"), Some(machine.kernel.as_str())));
}

#[test]
fn systemd_boot_starts_what_its_settings_say() {
    let machine = Machine::new(Use::Idle).with_initramfs();
    machine.world.write("boot/loader/loader.conf", "default debian-*\n");
    machine.world.write("boot/loader/entries/debian-1.conf", ENTRY.replace("6.1.0-56-amd64", &machine.kernel));
    machine.world.write("boot/loader/entries/other.conf", "title Other\nlinux /other\n");
    let json = machine.verdict(0);
    assert_eq!(json["next"]["loader"], "systemd-boot");
    assert_eq!(json["next"]["rule"], "default");
    assert_eq!(json["next"]["entry"], "debian-1.conf");
}

#[test]
fn of_two_boot_loaders_the_one_in_use_counts() {
    let machine = Machine::new(Use::Idle).with_initramfs().with_grub("0");
    machine.world.write("boot/loader/loader.conf", "timeout 3\n");
    machine.world.write("boot/loader/entries/debian-1.conf", ENTRY.replace("6.1.0-56-amd64", &machine.kernel));
    // Whichever it is, the kernel is the same: but the answer names what is not known.
    let json = machine.verdict(0);
    assert_eq!(json["next"]["state"], "unknown", "{json:#}");
    let info: Vec<u8> =
        [6, 0, 0, 0].into_iter().chain("systemd-boot 252\0".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    machine.world.write("sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", info);
    assert_eq!(machine.verdict(0)["next"]["loader"], "systemd-boot");
}

#[test]
fn without_a_boot_loader_and_after_kexec_all_kernels_are_judged() {
    let machine = Machine::new(Use::Idle).with_initramfs();
    let json = machine.verdict(0);
    assert_eq!(json["next"]["state"], "unknown");
    assert_eq!(json["kernels"][0]["kernel"], machine.kernel.as_str());
    let machine = machine.with_grub("0");
    machine.world.write("sys/kernel/kexec_loaded", "1\n");
    let json = machine.verdict(0);
    assert!(json["next"]["evidence"].as_str().unwrap().contains("kexec"), "{json:#}");
}

#[test]
fn kernels_that_differ_make_the_answer_unknown_where_the_next_one_is() {
    let machine = Machine::new(Use::Idle).with_initramfs();
    machine.world.write("lib/modules/6.1.0-1-other/modules.dep", "");
    let json = machine.verdict(3);
    let answers: Vec<&str> =
        json["kernels"].as_array().unwrap().iter().map(|k| k["answer"].as_str().unwrap()).collect();
    assert_eq!(answers, ["unsafe", "safe"], "{json:#}");
}
