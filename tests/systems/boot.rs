//! A Debian kernel boots, without hardware support for virtual machines, from a
//! boot image that modsmith had regenerated: the module that was built for it is
//! loaded from the image, and again from disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use modsmith_tests::chroot::Chroot;
use modsmith_tests::fixture::Package;
use modsmith_tests::{machine, tool};

/// What the machine says ends with this line.
const END: &str = "modsmith-test: done";

/// Runs from the image, with the disk's root mounted at /root.
const FROM_IMAGE: &str = r#"#!/bin/sh
[ "$1" = prereqs ] && exit 0
echo "modsmith-test: image $(uname -r) $(cat /sys/module/early/version)"
"#;

/// Runs in init's place, from the disk.
const FROM_DISK: &str = r#"#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
rmmod early && [ ! -e /sys/module/early ] && echo "modsmith-test: unloaded"
modprobe early
echo "modsmith-test: disk $(modinfo -n early) $(cat /sys/module/early/version)"
echo "modsmith-test: done"
sleep 1
echo b >/proc/sysrq-trigger
"#;

fn script(path: &Path, text: &str) {
    fs::write(path, text).expect("writable");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("just written");
}

/// A system with a kernel, and a module in its boot image: the kernel's release.
fn prepared(chroot: &Chroot) -> String {
    chroot.bring_package();
    chroot.apt("update");
    chroot.apt("install /modsmith.deb linux-headers-amd64 linux-image-amd64 initramfs-tools");
    script(&chroot.path("etc/initramfs-tools/scripts/init-bottom/modsmith-test"), FROM_IMAGE);
    script(&chroot.path("check"), FROM_DISK);
    let modules = chroot.path("etc/initramfs-tools/modules");
    let told = fs::read_to_string(&modules).expect("initramfs-tools has it");
    fs::write(modules, format!("{told}early\n")).expect("writable");
    let names = fs::read_dir(chroot.path("lib/modules")).expect("there is a kernel");
    let mut kernels: Vec<String> = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    kernels.sort();
    let kernel = kernels.pop().expect("there is a kernel");
    Package::new("early", "4.7").conf("REMAKE_INITRD=\"yes\"").write(&chroot.path("usr/src/early-4.7"));
    chroot.run(&format!("dkms install early/4.7 -k {kernel}")).expect(0);
    kernel
}

/// What the machine says on its console.
fn boot(chroot: &Chroot, kernel: &str) -> String {
    // The compiler and what apt keeps are not needed any more.
    chroot.run("rm -rf /usr/src /usr/lib/gcc* /usr/share /var/lib/apt/lists/* /modsmith.deb").expect(0);
    let disk = tempfile::NamedTempFile::new().expect("a temporary file");
    disk.as_file().set_len(2 << 30).expect("a sparse file");
    tool::run(
        Command::new(tool::path("mke2fs")).args(["-q", "-t", "ext4", "-d"]).arg(chroot.path("")).arg(disk.path()),
    );
    machine::console(machine::Boot {
        kernel: &chroot.path(format!("boot/vmlinuz-{kernel}")),
        initrd: &chroot.path(format!("boot/initrd.img-{kernel}")),
        command_line: "root=/dev/vda ro init=/check",
        disk: Some(disk.path()),
    })
}

#[test]
#[ignore = "slow"]
fn a_kernel_loads_the_module_from_its_boot_image_and_from_disk() {
    let chroot = Chroot::minimal();
    let kernel = prepared(&chroot);
    let console = boot(&chroot, &kernel);
    println!("{console}");
    // The script's first line follows what the system's own scripts say.
    let said = |line: &str| line.find("modsmith-test: ").map(|location| line[location..].trim().to_owned());
    let said: Vec<String> = console.lines().filter_map(said).collect();
    let expected = [
        format!("modsmith-test: image {kernel} 4.7"),
        "modsmith-test: unloaded".to_owned(),
        format!("modsmith-test: disk /lib/modules/{kernel}/updates/dkms/early.ko 4.7"),
        END.to_owned(),
    ];
    assert_eq!(said, expected);
}
