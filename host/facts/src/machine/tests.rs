use std::os::unix::fs::symlink;

use super::*;

/// A machine: its root on zfs in a file system on LVM on an encrypted partition of an NVMe disk, its
/// network by a driver that did not come with the kernel.
fn machine() -> (tempfile::TempDir, Machine) {
    let dir = tempfile::tempdir().unwrap();
    let root = &dir.path().to_path_buf();
    let file = |path: &str, text: &str| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let link = |path: &str, target: &str| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    };
    let driver = |device: &str, driver: &str, module: &str, up: &str| {
        link(&format!("sys/devices/{device}/driver"), &format!("{up}/bus/pci/drivers/{driver}"));
        link(&format!("sys/bus/pci/drivers/{driver}/module"), &format!("../../../../module/{module}"));
        std::fs::create_dir_all(root.join("sys/module").join(module)).unwrap();
    };
    file("proc/modules", "zfs 100 2 - Live 0x0 (PO)\nr8125 5 0 - Live 0x0 (OE)\nnvme-x 9 1 dm_mod, Live 0x0\n");
    file(
        "proc/self/mountinfo",
        "1 0 0:2 / / rw - rootfs rootfs rw\n25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw\n\
         26 25 0:40 / /usr rw - zfs tank/usr rw\n27 25 259:2 / /home rw - xfs /dev/x rw\n",
    );
    file(
        "proc/net/route",
        "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
        eth0 00000000 0101A8C0 0003 0 0 0 00000000 0 0 0\neth1 0000A8C0 00000000 0001 0 0 0 0000FFFF 0 0 0\n",
    );
    let block = "sys/devices/virtual/block";
    file(&format!("{block}/dm-1/dm/uuid"), "LVM-abc\n");
    file(&format!("{block}/dm-0/dm/uuid"), "CRYPT-LUKS2-abc\n");
    link("sys/dev/block/254:1", "../../devices/virtual/block/dm-1");
    link(&format!("{block}/dm-1/slaves/dm-0"), "../../dm-0");
    link(&format!("{block}/dm-0/slaves/p1"), "../../../../pci0/0000:01/nvme/nvme0n1/p1");
    file("sys/devices/pci0/0000:01/nvme/nvme0n1/p1/partition", "1\n");
    link("sys/devices/pci0/0000:01/nvme/nvme0n1/device", "../../nvme");
    driver("pci0/0000:01", "nvme", "nvme", "../../..");
    link("sys/class/net/eth0", "../../devices/pci0/0000:02/net/eth0");
    link("sys/devices/pci0/0000:02/net/eth0/device", "../../../0000:02");
    driver("pci0/0000:02", "r8125", "r8125", "../../..");
    link("sys/class/net/eth1", "../../devices/pci0/0000:03/net/eth1");
    driver("pci0/0000:03", "other", "other", "../../..");
    link("sys/class/drm/card0", "../../devices/pci0/0000:04/drm/card0");
    link("sys/devices/pci0/0000:04/drm/card0/device", "../../../0000:04");
    driver("pci0/0000:04", "nvidia", "nvidia", "../../..");
    file("etc/modules-load.d/v4l.conf", "# comment\nv4l2-loopback\n");
    file("etc/modules", "loop\n");
    (dir, Machine::of(root))
}

#[test]
fn what_the_machine_depends_on_is_found_through_its_devices() {
    let (_dir, machine) = machine();
    let uses: Vec<(Need, String)> = machine.uses().into_iter().map(|used| (used.need, used.module)).collect();
    let of = |need: Need| -> BTreeSet<&str> {
        uses.iter().filter(|(known, _)| *known == need).map(|(_, module)| module.as_str()).collect()
    };
    assert_eq!(of(Need::Boot), BTreeSet::from(["dm_crypt", "dm_mod", "ext4", "nvme", "zfs"]));
    assert_eq!(of(Need::Session), BTreeSet::from(["nvidia", "r8125"]));
    let file_systems = [("/".to_owned(), "ext4".to_owned()), ("/usr".to_owned(), "zfs".to_owned())];
    assert_eq!(machine.root_file_systems().unwrap(), file_systems);
}

#[test]
fn loaded_modules_have_their_taints() {
    let (_dir, machine) = machine();
    let loaded = machine.loaded().unwrap();
    let is_external = |name: &str| loaded[name].is_external;
    assert!(is_external("zfs") && is_external("r8125") && !is_external("nvme_x"));
    assert_eq!(machine.wished().keys().collect::<Vec<_>>(), ["loop", "v4l2_loopback"]);
}

#[test]
fn a_directory_without_a_running_kernel_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::of(dir.path());
    assert_eq!(machine.uses(), BTreeSet::new());
    assert!(machine.loaded().is_none() && machine.root_file_systems().is_none());
    assert!(machine.is_kexec_loaded().is_none());
    assert_eq!(machine.firmware_variable("../../../etc/passwd"), None);
}

#[test]
fn devices_that_are_on_each_other_end() {
    let dir = tempfile::tempdir().unwrap();
    let device = dir.path().join("sys/devices/virtual/block/dm-0");
    std::fs::create_dir_all(device.join("slaves")).unwrap();
    std::fs::create_dir_all(dir.path().join("sys/dev/block")).unwrap();
    symlink("../../dm-0", device.join("slaves/dm-0")).unwrap();
    symlink("../../devices/virtual/block/dm-0", dir.path().join("sys/dev/block/254:0")).unwrap();
    assert_eq!(Machine::of(dir.path()).below_block_device("sys/dev/block/254:0"), []);
}
