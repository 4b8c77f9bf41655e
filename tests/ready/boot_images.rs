//! Boot images of each tool, with and without microcode and further archives: with the
//! module, with an older one, without it, and cut short.

use std::fs;
use std::process::Command;

use modsmith_tests::tool;

use crate::machine::{MODULE, Machine, Use, into_file};

/// An archive of the files below a directory.
fn cpio(machine: &Machine, directory: &str, out: &str) -> Vec<u8> {
    let script = format!("cd /{directory} && find . | cpio --quiet -o -H newc > /boot/{out}");
    machine.world.shell(&script).run().expect(0);
    fs::read(machine.world.path(format!("boot/{out}"))).unwrap()
}

/// Puts microcode in front, as early images have it.
fn with_microcode(machine: &Machine) {
    machine.world.write("boot/early/kernel/x86/microcode/GenuineIntel.bin", vec![1; 2048]);
    let early = cpio(machine, "boot/early", "early.cpio");
    machine.change(&machine.image(), |image| [early, image].concat());
}

#[test]
fn an_older_copy_in_the_image_is_found_by_its_code() {
    for (used, code, expected) in [
        (Use::Idle, 1, "degraded idle held"),
        (Use::Network, 1, "degraded session-critical held"),
        (Use::Root, 2, "unsafe boot-critical held"),
    ] {
        let machine = Machine::new(used).with_initramfs().with_grub("0");
        with_microcode(&machine);
        machine.verdict(0);
        machine.rebuild();
        let (reason, evidence) = machine.reason(code);
        assert_eq!(reason, expected);
        assert!(evidence.contains("the boot image has another held"), "{evidence}");
    }
}

#[test]
fn a_stripped_copy_is_the_same_module() {
    let machine = Machine::new(Use::Root).with_initramfs().with_grub("0");
    let module = machine.world.modules(&machine.kernel).join(format!("updates/dkms/{MODULE}.ko"));
    let below = format!("boot/more/lib/modules/{0}/updates/dkms/{MODULE}.ko", machine.kernel);
    machine.world.write(&below, fs::read(&module).unwrap());
    tool::run(Command::new(tool::path("strip")).arg("-g").arg(machine.world.path(&below)));
    assert_ne!(fs::read(machine.world.path(&below)).unwrap(), fs::read(&module).unwrap());
    let more = cpio(&machine, "boot/more", "more.cpio");
    machine.change(&machine.image(), |image| {
        let mut image = image;
        image.resize(image.len().next_multiple_of(4), 0);
        [image, more].concat()
    });
    machine.verdict(0);
}

#[test]
fn a_module_in_an_archive_behind_the_compressed_one_counts() {
    let machine = Machine::new(Use::Root).with_initramfs().with_grub("0");
    let file = format!("boot/more/lib/modules/{0}/updates/dkms/{MODULE}.ko", machine.kernel);
    machine.world.write(
        &file,
        fs::read(machine.world.modules(&machine.kernel).join("kernel/drivers/misc/resident.ko")).unwrap(),
    );
    let more = cpio(&machine, "boot/more", "more.cpio");
    machine.change(&machine.image(), |image| {
        let mut image = image;
        image.resize(image.len().next_multiple_of(4), 0);
        [image, more].concat()
    });
    let (reason, evidence) = machine.reason(2);
    assert_eq!(reason, "unsafe boot-critical held");
    assert!(evidence.contains("another held"), "{evidence}");
}

#[test]
fn an_image_without_the_module_matters_where_the_start_needs_it() {
    for (used, code) in [(Use::Idle, 0), (Use::Network, 0), (Use::Root, 2)] {
        let machine = Machine::new(used).with_grub("0");
        machine.make_initramfs("");
        machine.world.write("boot/conf/modules", "");
        let script = format!("mkinitramfs -d /boot/conf -o /boot/initrd.img-{0} {0}", machine.kernel);
        machine.world.shell(&script).run().expect(0);
        let json = machine.verdict(code);
        if code == 2 {
            assert!(json.to_string().contains("it is not in the boot image"), "{json:#}");
        }
    }
}

/// The states of boot images that `check` finds.
fn states(machine: &Machine) -> Vec<String> {
    let root = machine.world.dir().display().to_string();
    let check = machine.world.program(modsmith_tests::world::modsmith()).words(&format!("check --json --root {root}"));
    let problems = check.run().json()["problems"].as_array().expect("a list").clone();
    let ids = problems.iter().filter_map(|problem| problem["check"].as_str());
    ids.filter(|id| id.starts_with("boot-image")).map(str::to_owned).collect()
}

#[test]
fn check_reads_what_the_image_has() {
    let machine = Machine::new(Use::Idle).with_initramfs();
    assert!(states(&machine).is_empty());
    machine.rebuild();
    // The time of the file says that it is new, and its code is old.
    machine.change(&machine.image(), |image| image);
    assert_eq!(states(&machine), ["boot-image-older"]);
    machine.change(&machine.image(), |image| image[..image.len() - image.len() / 3].to_vec());
    assert_eq!(states(&machine), ["boot-image-unfinished"]);
}

#[test]
fn an_image_that_is_cut_short_or_empty_is_unsafe() {
    let machine = Machine::new(Use::Idle).with_initramfs().with_grub("0");
    with_microcode(&machine);
    machine.change(&machine.image(), |image| image[..image.len() - image.len() / 3].to_vec());
    let (reason, evidence) = machine.reason(2);
    assert_eq!(reason, "unsafe boot-critical boot image");
    assert!(evidence.contains("it is damaged"), "{evidence}");
    machine.change(&machine.image(), |_| Vec::new());
    machine.verdict(2);
    fs::remove_file(machine.image()).unwrap();
    assert!(machine.reason(2).1.contains("is missing"));
}

#[test]
#[ignore = "slow"]
fn every_compression_of_the_tool_is_read() {
    for (compression, program) in [("gzip", "gzip"), ("bzip2", "bzip2"), ("xz", "xz"), ("lzma", "xz"), ("zstd", "zstd")]
    {
        tool::path(program);
        let machine = Machine::new(Use::Root).with_grub("0");
        machine.make_initramfs(&format!("COMPRESS={compression}\n"));
        let json = machine.verdict(0);
        assert_eq!(json["answer"], "safe", "{compression}: {json:#}");
    }
}

#[test]
fn a_compression_that_is_not_read_is_unknown() {
    let machine = Machine::new(Use::Root).with_grub("0");
    machine.make_initramfs("");
    fs::write(machine.image(), b"\x89LZO\0\r\n\x1a\n and more").unwrap();
    let (reason, evidence) = machine.reason(3);
    assert_eq!(reason, "unknown boot-critical boot image");
    assert!(evidence.contains("compressed with lzo"), "{evidence}");
}

#[test]
fn images_of_dracut_are_read() {
    tool::path("dracut");
    let machine = Machine::new(Use::Root).with_grub("0");
    let script = |more: &str| {
        format!("dracut --force --no-hostonly --modules 'base' {more} --kver {0} /boot/initrd.img-{0}", machine.kernel)
    };
    machine.world.shell(&script("--add-drivers held --gzip --early-microcode")).run().expect(0);
    let json = machine.verdict(0);
    assert_eq!(json["answer"], "safe", "{json:#}");
    machine.rebuild();
    assert!(machine.reason(2).1.contains("another held"));
    machine.world.shell(&script("--gzip")).run().expect(0);
    assert!(machine.reason(2).1.contains("not in the boot image"));
    // dracut may keep its files in a file system inside of the image.
    machine.world.write("boot/squash/squashfs-root.img", b"hsqs");
    let nested = cpio(&machine, "boot/squash", "nested.cpio");
    fs::write(machine.image(), nested).unwrap();
    let (reason, evidence) = machine.reason(3);
    assert_eq!(reason, "unknown boot-critical held");
    assert!(evidence.contains("squashfs-root.img"), "{evidence}");
}

#[test]
fn a_unified_kernel_image_has_its_own_boot_image() {
    let machine = Machine::new(Use::Root).with_initramfs();
    let stub = machine.world.path("boot/stub.efi");
    // The smallest program of the form; sections are added to it.
    let source = machine.world.path("boot/stub.c");
    fs::write(&source, "int _start(void) { return 0; }\n").unwrap();
    let object = machine.world.path("boot/stub.elf");
    let gcc = ["-nostdlib", "-ffreestanding", "-fno-stack-protector", "-shared", "-fPIC", "-o"];
    tool::run(Command::new(tool::path("gcc")).args(gcc).arg(&object).arg(&source));
    let mut objcopy = Command::new(tool::path("objcopy"));
    objcopy.args(["-j", ".text", "-O", "pei-x86-64"]).arg(&object).arg(&stub);
    tool::run(&mut objcopy);
    machine.world.write("boot/loader/loader.conf", "timeout 3\n");
    fs::create_dir_all(machine.world.path("boot/EFI/Linux")).unwrap();
    let unified = machine.world.path("boot/EFI/Linux/debian.efi");
    let section = |name: &str, file: &std::path::Path| format!("{name}={}", file.display());
    let kernel = modsmith_tests::debian_kernel::DebianKernel::of("bookworm").image();
    let mut objcopy = Command::new(tool::path("objcopy"));
    objcopy.arg("--add-section").arg(section(".linux", &kernel)).args(["--change-section-vma", ".linux=0x2000000"]);
    objcopy
        .arg("--add-section")
        .arg(section(".initrd", &machine.image()))
        .args(["--change-section-vma", ".initrd=0x6000000"]);
    tool::run(objcopy.arg(&stub).arg(&unified));
    let json = machine.verdict(0);
    assert_eq!(json["next"]["entry"], "debian.efi", "{json:#}");
    assert_eq!(json["kernels"][0]["kernel"], machine.kernel.as_str());
    machine.rebuild();
    assert!(machine.reason(2).1.contains("another held"));
}

#[test]
fn files_of_several_names_are_loaded_behind_each_other() {
    let machine = Machine::new(Use::Root).with_initramfs().with_grub("0");
    machine.world.write("boot/early/kernel/x86/microcode/GenuineIntel.bin", vec![1; 2048]);
    cpio(&machine, "boot/early", "early.cpio");
    let menu = machine.world.path("boot/grub/grub.cfg");
    machine.change(&menu, |text| {
        String::from_utf8(text).unwrap().replace("initrd\t", "initrd\t/boot/early.cpio ").into_bytes()
    });
    let json = machine.verdict(0);
    assert_eq!(json["kernels"][0]["boot_images"].as_array().map(Vec::len), Some(2), "{json:#}");
    // One of them is missing.
    fs::remove_file(machine.world.path("boot/early.cpio")).unwrap();
    assert!(machine.reason(2).1.contains("early.cpio is missing"));
}

/// The tools' own reader finds the same modules.
#[test]
fn the_tools_own_reader_lists_the_module_that_is_found() {
    let machine = Machine::new(Use::Root).with_initramfs().with_grub("0");
    let list = machine.world.path("boot/list");
    into_file(Command::new(tool::path("lsinitramfs")).arg(machine.image()), &list);
    assert!(fs::read_to_string(list).unwrap().contains("held.ko"));
}
