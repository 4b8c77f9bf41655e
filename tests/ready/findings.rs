//! What plugins and the configuration know of a machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use modsmith_tests::Output;

use crate::machine::{MODULE, Machine, Use};

/// An ELF file with the section `.modinfo`, as `modinfo` reads it.
fn module_file(fields: &[&str]) -> Vec<u8> {
    let info: Vec<u8> = fields.iter().flat_map(|field| [field.as_bytes(), b"\0"].concat()).collect();
    let names = b"\0.modinfo\0.shstrtab\0";
    let sections = (64 + info.len() + names.len()).next_multiple_of(8);
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([1u16, 62].iter().flat_map(|half| half.to_le_bytes()));
    file.extend(1u32.to_le_bytes());
    file.extend([0, 0, sections as u64].iter().flat_map(|word| word.to_le_bytes()));
    file.extend(0u32.to_le_bytes());
    file.extend([64u16, 0, 0, 64, 3, 2].iter().flat_map(|half| half.to_le_bytes()));
    file.extend(&info);
    file.extend(names);
    file.resize(sections + 64, 0);
    let mut section = |name: u32, kind: u32, offset: usize, size: usize| {
        file.extend([name, kind].iter().flat_map(|half| half.to_le_bytes()));
        file.extend([0, 0, offset as u64, size as u64].iter().flat_map(|word| word.to_le_bytes()));
        file.extend([0u64, 1, 0].iter().flat_map(|word| word.to_le_bytes()));
    };
    section(1, 1, 64, info.len());
    section(10, 3, 64 + info.len(), names.len());
    file
}

/// A machine with NVIDIA's module of this version, and its libraries of another one.
fn with_nvidia(module: &str, library: &str) -> Machine {
    let machine = Machine::new(Use::Idle).with_initramfs().with_grub("0");
    let kernel = &machine.kernel;
    machine.world.write(&format!("usr/lib/x86_64-linux-gnu/libcuda.so.{library}"), "");
    let file = machine.world.modules(kernel).join("kernel/nvidia.ko");
    fs::create_dir_all(file.parent().expect("below the world")).expect("writable");
    fs::write(&file, module_file(&[&format!("version={module}"), "license=NVIDIA"])).expect("writable");
    machine.world.shell(&format!("depmod {kernel}")).run().expect(0);
    machine
}

/// `modsmith check` about this system.
fn checked(machine: &Machine, options: &str) -> Output {
    machine.world.modsmith(&format!("check {options} --root {}", machine.world.dir().display()))
}

#[test]
fn a_driver_with_halves_of_two_versions_is_degraded() {
    let machine = with_nvidia("535.183.01", "550.54.14");
    let json = machine.verdict(1);
    let reason = &json["kernels"][0]["reasons"][0];
    assert_eq!(reason["finding"], "nvidia-halves/library-differs", "{json:#}");
    let evidence = reason["evidence"].as_str().unwrap();
    assert!(evidence.contains("535.183.01") && evidence.contains("550.54.14"), "{evidence}");
    assert!(reason["remedy"].as_str().unwrap().contains(&machine.kernel), "{json:#}");
    // `check` has the same.
    let check = checked(&machine, "--json").expect(35).json();
    modsmith_tests::schema::validate("check-schema.json", &check).expect("as its schema says");
    let problems = check["problems"].as_array().unwrap();
    let problem = problems.iter().find(|problem| problem["check"] == "plugin-finding").expect("the finding");
    assert_eq!(
        (problem["state"].as_u64(), problem["finding"].as_str()),
        (Some(25), Some("nvidia-halves/library-differs"))
    );
    // Without the difference, neither has anything.
    machine.world.write("usr/lib/x86_64-linux-gnu/libcuda.so.535.183.01", "");
    machine.verdict(0);
    checked(&machine, "").expect(0);
}

#[test]
fn a_plugin_that_fails_is_named_and_makes_the_answer_unknown() {
    let machine = with_nvidia("535.183.01", "535.183.01");
    machine.verdict(0);
    let file = machine.world.modules(&machine.kernel).join("kernel/nvidia.ko");
    fs::write(file, "no module\n").expect("writable");
    let (reason, evidence) = machine.reason(3);
    assert_eq!(reason, "unknown present plugin nvidia-halves");
    assert!(evidence.contains("cannot be read"), "{evidence}");
    // For `check` that is no problem that anyone has to repair.
    let check = checked(&machine, "--json").expect(0).json();
    assert_eq!(check["problems"][0]["finding"], "nvidia-halves", "{check:#}");
    assert_eq!(check["problems"][0]["sight"], "unknown");
}

#[test]
fn file_systems_of_fstab_need_the_module_of_a_package() {
    let line = |machine: &Machine| format!("uninstall {MODULE}/1.0 -k {} --no-initrd", machine.kernel);
    for (fstab, code, expected) in [
        ("UUID=1 / held defaults 0 1\n", 2, "unsafe boot-critical held"),
        ("UUID=1 /srv held defaults 0 2\n", 2, "unsafe session-critical held"),
        ("UUID=1 /srv held nofail 0 2\n", 1, "degraded idle held"),
    ] {
        let machine = Machine::new(Use::Idle).with_initramfs().with_grub("0");
        machine.world.write("etc/fstab", fstab);
        machine.verdict(0);
        machine.world.dkms(&line(&machine)).expect(0);
        let (reason, evidence) = machine.reason(code);
        assert_eq!(reason, expected, "{evidence}");
    }
}

#[test]
fn modules_that_are_listed_for_boot_images_are_wished_for() {
    let machine = Machine::new(Use::Idle).with_initramfs().with_grub("0");
    machine.world.write("etc/initramfs-tools/modules", "# modules\nheld\n");
    machine.verdict(0);
    machine.world.dkms(&format!("uninstall {MODULE}/1.0 -k {} --no-initrd", machine.kernel)).expect(0);
    let (reason, evidence) = machine.reason(1);
    assert_eq!(reason, "degraded present held");
    assert!(evidence.contains("/etc/initramfs-tools/modules asks for it"), "{evidence}");
    // dracut's lists, where dracut makes the images.
    let program = machine.world.path("usr/sbin/dracut");
    machine.world.write("usr/sbin/dracut", "#!/bin/sh\n");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("just written");
    machine.world.write("etc/initramfs-tools/modules", "");
    machine.world.write("etc/dracut.conf.d/held.conf", "force_drivers+=\" held \"\n");
    let (reason, evidence) = machine.reason(1);
    assert_eq!(reason, "degraded present held");
    assert!(evidence.contains("/etc/dracut.conf.d/held.conf asks for it"), "{evidence}");
}

#[test]
fn extlinux_starts_what_its_menu_says() {
    let machine = Machine::new(Use::Idle).with_initramfs();
    let entry = format!(
        "default l0\nlabel l0\n\tlinux /boot/vmlinux-{0}\n\tinitrd /boot/initrd.img-{0}\n\tappend root=/dev/x ro\n",
        machine.kernel
    );
    machine.world.write("boot/extlinux/extlinux.conf", &entry);
    let json = machine.verdict(0);
    assert_eq!((&json["next"]["loader"], &json["next"]["rule"]), (&"extlinux".into(), &"default".into()), "{json:#}");
    assert_eq!(json["next"]["kernel"], machine.kernel.as_str());
    machine.world.write("boot/extlinux/extlinux.conf", entry.replace("default l0", "default l1"));
    assert_eq!(machine.verdict(0)["next"]["state"], "unknown");
}
