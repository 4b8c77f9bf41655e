//! Driver disks of real packages, for each distribution's installer: what is on
//! them, read with the tools that read such things.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use modsmith_tests::disk::{Disk, gunzip};
use modsmith_tests::kernel;
use modsmith_tests::prelude::*;
use modsmith_tests::real::{BBSWITCH, DDCCI, DEFAULT, DIGIMEND, Real};
use modsmith_tests::{Snapshot, World, modinfo, tool};

/// What each kind of disk is asked for with.
const KINDS: [&str; 7] = [
    "--distro redhat",
    "-d redhat1",
    "-d redhat2",
    "-d redhat3",
    "-d suse -r 15.5",
    "--distro UnitedLinux --release 1.0",
    "-d ubuntu",
];

#[test]
fn every_medium_of_every_kind_of_disk_holds_the_same_files() {
    for (real, size) in [(DDCCI, 1440), (DIGIMEND, 2880)] {
        let world = real.built();
        for kind in KINDS {
            let make = |media: &str| Disk::make(&world, &format!("{} -k {} {kind} {media}", real.id, kernel()));
            let tar = make("--media tar");
            assert!(!tar.names().is_empty());
            tar.files().assert_same(&make("--media iso").files(), &format!("{kind}, as archive and on iso"));
            let floppy = make(&format!("--size {size}"));
            assert_eq!(fs::metadata(&floppy.file).unwrap().len(), size * 1024);
            tar.contents().assert_same(&floppy.contents(), &format!("{kind}, as archive and on floppy"));
            if !kind.contains("redhat") {
                tar.files().assert_same(&floppy.files(), &format!("{kind}, on a floppy with modes"));
            }
        }
    }
}

/// Unpacks a cpio archive of the form crc, once its sums were verified.
fn unpack_crc(archive: &[u8]) -> tempfile::TempDir {
    assert!(archive.starts_with(b"070702"), "the archive has no sums");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("archive");
    fs::write(&file, archive).unwrap();
    for options in ["--only-verify-crc", "--make-directories"] {
        let input = fs::File::open(&file).unwrap();
        let mut command = Command::new(tool::path("cpio"));
        tool::run(command.args(["-i", "--quiet", options]).current_dir(directory.path()).stdin(input));
    }
    fs::remove_file(file).unwrap();
    directory
}

/// Lines without comments, in any order.
fn lines(text: &str) -> BTreeSet<String> {
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
#[ignore = "slow"]
fn red_hats_first_disks_hold_modules_by_kernel_and_what_depmod_says_of_them() {
    for real in [BBSWITCH, DDCCI, DIGIMEND] {
        let world = real.built();
        for (form, marker, place) in
            [("redhat1", "rhdd-6.1", kernel()), ("redhat2", "rhdd", format!("{}/{}", kernel(), kernel::arch()))]
        {
            let disk = Disk::make(&world, &format!("{} -k {} -d {form}", real.id, kernel()));
            let name = format!("{}-kernel{}-{}-dd.img", real.title(), kernel(), kernel::arch());
            assert_eq!(disk.file, world.tree().join(real.id).join("driver_disk").join(name));
            assert_eq!(disk.names(), ["modules.alias", "modules.cgz", marker]);
            assert_eq!(disk.text(marker), format!("{} driver disk\n", real.title()));
            let modules = unpack_crc(&gunzip(&disk.bytes("modules.cgz")));
            for (name, contents) in real.modules(&world, &kernel()) {
                let location = modules.path().join(&place).join(format!("{name}.ko"));
                assert!(fs::read(&location).unwrap() == contents, "{}", location.display());
            }
            assert_eq!(Snapshot::of(modules.path()).modules().len(), real.modules.len());
            assert_eq!(lines(&disk.text("modules.alias")), aliases(&real.modules(&world, &kernel())), "{}", real.id);
        }
    }
}

/// What depmod finds in these modules.
fn aliases(modules: &[(&str, Vec<u8>)]) -> BTreeSet<String> {
    let base = tempfile::tempdir().expect("a temporary directory");
    let directory = base.path().join("lib/modules/1.0");
    fs::create_dir_all(&directory).unwrap();
    for (name, contents) in modules {
        fs::write(directory.join(format!("{name}.ko")), contents).unwrap();
    }
    for empty in ["modules.order", "modules.builtin"] {
        fs::write(directory.join(empty), "").unwrap();
    }
    tool::run(Command::new(tool::path("depmod")).arg("-b").arg(base.path()).arg("1.0"));
    lines(&fs::read_to_string(directory.join("modules.alias")).unwrap())
}

#[test]
fn the_tables_of_a_red_hat_disk_come_from_the_source() {
    let world = BBSWITCH.built();
    let tables = world.path("usr/src/bbswitch-0.8/redhat_driver_disk");
    fs::create_dir(&tables).unwrap();
    let all = ["modinfo", "disk-info", "modules.dep", "pcitable", "modules.pcimap", "pci.ids"];
    for name in &all[..4] {
        fs::write(tables.join(name), format!("{name} of the author\n")).unwrap();
    }
    fs::write(tables.join("other"), "").unwrap();
    let line = format!("mkdriverdisk bbswitch/0.8 -k {} -d redhat2", kernel());
    let out = world.dkms(&line).expect(0);
    assert!(out.stdout.contains("has no modules.pcimap, pci.ids, so the disk has none"), "{out}");
    let disk = Disk::make(&world, line.trim_start_matches("mkdriverdisk "));
    for name in &all[..4] {
        assert_eq!(disk.text(name), format!("{name} of the author\n"));
    }
    assert_eq!(disk.names().len(), 7, "{:?}", disk.names());
    for name in all {
        fs::write(tables.join(name), "").unwrap();
    }
    let out = world.dkms(&line).expect(0);
    assert!(!out.stdout.contains("Warning"), "{out}");
}

/// Modules that a package's need, and that are the kernel's.
fn needed(world: &World, real: &Real) -> BTreeSet<String> {
    let directory = world.tree().join(real.id).join(DEFAULT).join(kernel::arch()).join("module");
    let depends = |name: &&str| modinfo::field(&directory.join(format!("{name}.ko")), "depends");
    let all: Vec<String> = real.modules.iter().map(depends).collect();
    let names = all.iter().flat_map(|list| list.split(',')).filter(|name| !name.is_empty());
    let own = |name: &&str| real.modules.iter().any(|module| module.replace('-', "_") == **name);
    names.filter(|name| !own(name)).map(str::to_owned).collect()
}

#[test]
#[ignore = "slow"]
fn suses_disks_have_an_update_for_each_module_and_those_that_they_need() {
    for (real, destination) in [(BBSWITCH, "kernel/drivers/acpi"), (DDCCI, "extra"), (DIGIMEND, "extra")] {
        let world = real.built();
        let kernels = format!("-k {} -k {DEFAULT}", kernel());
        let needed = needed(&world, &real);
        assert_eq!(needed.is_empty(), real.id != DIGIMEND.id, "{needed:?}");
        for distro in ["suse", "UnitedLinux"] {
            let disk = Disk::make(&world, &format!("{} {kernels} -d {distro} -r 15.5 --size 2880", real.id));
            let name = format!("{}-{distro}-15.5-dd.img", real.title());
            assert_eq!(disk.file.file_name().unwrap().to_str().unwrap(), name);
            let place = |number: usize| format!("{number:02}/linux/{distro}/x86_64-15.5");
            let first = if needed.is_empty() { 1 } else { 2 };
            if !needed.is_empty() {
                let order = disk.text(&format!("{}/modules/module.order", place(1)));
                assert_eq!(lines(&order), needed);
            }
            for (index, (module, contents)) in real.modules(&world, DEFAULT).into_iter().enumerate() {
                let place = place(first + index);
                assert!(disk.bytes(&format!("{place}/modules/{module}.ko")) == contents, "{module}");
                let unpacked = tempfile::tempdir().expect("a temporary directory");
                let archive = disk.path(&format!("{place}/install/update.tar.gz"));
                tool::run(Command::new("tar").arg("-C").arg(unpacked.path()).arg("-xzf").arg(archive));
                let installed = [DEFAULT, &kernel()].map(|k| format!("lib/modules/{k}/{destination}/{module}.ko"));
                assert_eq!(Snapshot::of(unpacked.path()).modules(), installed.each_ref().map(Path::new));
                assert!(fs::read(unpacked.path().join(&installed[0])).unwrap() == contents, "{module}");
                let post = disk.path(&format!("{place}/install/update.post"));
                tool::run(Command::new("/bin/sh").arg("-n").arg(&post));
                let post = fs::read_to_string(post).unwrap();
                assert!([DEFAULT, &kernel()].iter().all(|k| post.contains(&format!("depmod -a {k}\n"))), "{post}");
            }
            let updates = disk.names().iter().filter(|name| name.ends_with("update.tar.gz")).count();
            assert_eq!(updates, real.modules.len());
        }
        let line = format!("mkdriverdisk {} -k {} -d suse -r 15.5", real.id, kernel());
        let out = world.dkms(&line).expect(0);
        let warning = format!("{} for no x86_64 kernel of the kind *-default", real.modules[0]);
        assert!(out.stdout.contains(&warning), "{out}");
    }
}

#[test]
#[ignore = "slow"]
fn ubuntus_disk_has_a_package_for_each_kernel_and_the_source() {
    for real in [BBSWITCH, DDCCI, DIGIMEND] {
        // Not built: that is done first.
        let world = real.world();
        let disk = Disk::make(&world, &format!("{} -k {} -d ubuntu --size 2880", real.id, kernel()));
        assert_eq!(disk.file.file_name().unwrap().to_str().unwrap(), format!("{}-ubuntu-dd.img", real.title()));
        let (name, version) = real.id.split_once('/').unwrap();
        let base = kernel().split('-').next().unwrap().to_owned();
        let package = disk.path(&format!("ubuntu-drivers/{base}/{name}_{version}-{}_amd64.deb", kernel()));
        let deb = |options: &[&str]| {
            tool::run(Command::new(tool::path("dpkg-deb")).arg(options[0]).arg(&package).args(&options[1..]))
        };
        assert_eq!(deb(&["--field", "Architecture"]), "amd64\n");
        assert_eq!(deb(&["--field", "Version"]), format!("{version}-{}\n", kernel()));
        assert_eq!(deb(&["--field", "Package"]), format!("{name}-modules-{}\n", kernel()));
        let unpacked = tempfile::tempdir().expect("a temporary directory");
        deb(&["--raw-extract", unpacked.path().to_str().unwrap()]);
        for (module, contents) in real.modules(&world, &kernel()) {
            let location = unpacked.path().join(format!("lib/modules/{}/updates/dkms/{module}.ko", kernel()));
            assert!(fs::read(&location).unwrap() == contents, "{}", location.display());
        }
        // As debian-installer asks, which knows no other compression.
        let listed = tool::run(
            Command::new("sh").arg("-c").arg(format!("ar p {} control.tar.gz | tar zxO ./control", package.display())),
        );
        assert!(listed.contains("Architecture: amd64\n"), "{listed}");
        // This machine runs another kernel.
        let out = tool::output(Command::new("/bin/sh").arg(unpacked.path().join("DEBIAN/preinst")));
        out.expect(1).expect_error(&format!("This package is for kernel {}", kernel()));
        for script in ["postinst", "postrm"] {
            tool::run(Command::new("/bin/sh").arg("-n").arg(unpacked.path().join("DEBIAN").join(script)));
        }
        let source = world.path("usr/src").join(real.title());
        Snapshot::of(&source).assert_same(&Snapshot::of(&disk.path(&format!("ubuntu/{}", real.title()))), "the source");
    }
}
