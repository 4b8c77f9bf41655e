//! Driver disks that cannot be made: the exit codes of dkms, what to do, and
//! nothing left behind.

use std::fs;
use std::process::Command;

use modsmith_tests::disk::Disk;
use modsmith_tests::fixture::{Package, built_box};
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{Snapshot, World, tool};

/// A kernel that modules are built for elsewhere.
const ELSEWHERE: &str = "5.10.0-1-elsewhere";

/// A world in which `box/1.0` is built for the machine's kernel, and as if for
/// another one on another architecture.
fn built() -> World {
    let world = built_box();
    let version = world.tree().join("box/1.0");
    let other = version.join(ELSEWHERE);
    tool::run(Command::new("cp").arg("-a").arg(version.join(kernel())).arg(&other));
    fs::rename(other.join(kernel::arch()), other.join("aarch64")).unwrap();
    world
}

/// All that a command could have touched, but for the directory of what is going
/// on: it comes and goes.
fn everything(world: &World) -> Snapshot {
    world.snapshot().with(world.sources()).without(|path| path.ends_with(".modsmith"))
}

#[test]
fn what_cannot_be_made_is_refused_with_the_codes_of_dkms() {
    let world = built();
    let before = everything(&world);
    let k = kernel();
    for (options, code, why, what_to_do) in [
        (format!("box/1.0 -k {k}"), 1, "made for a distribution", "--distro: redhat"),
        (format!("box/1.0 -k {k} -d beos"), 3, "the distribution `beos`", "redhat3, suse"),
        (format!("box/1.0 -k {k} -d redhat --media zip"), 1, "`zip` is no medium", "floppy, iso, tar"),
        (format!("box/1.0 -k {k} -d beos --media zip"), 1, "`zip` is no medium", "floppy, iso, tar"),
        (format!("box/1.0 -k {k} -d redhat --size none"), 1, "`none` is no size", "in KB"),
        (format!("box/1.0 -k {k} -d redhat --size 0"), 1, "`0` is no size", "from 1 to"),
        (format!("box/1.0 -k {k} -d redhat --size 99999999999"), 1, "is no size", "from 1 to"),
        (format!("box/1.0 -k {k} -d suse"), 3, "one of its releases", "--release"),
        (format!("box/1.0 -k {k} -d UnitedLinux"), 3, "one of its releases", "--release"),
        (format!("box/1.0 -k {k} -d suse -r ../x"), 3, "no release of a distribution", "letters, digits"),
        (format!("box/1.0 -k {k} -d redhat --size 10"), 7, "do not fit on a floppy of 10 KB", "--media iso"),
        (format!("box/1.0 -k {k} -d ubuntu --size 10"), 7, "do not fit on a floppy of 10 KB", "--size "),
        (format!("box/1.0 -k {k} -d redhat3 --spec x.spec"), 5, "was made by x.spec", "dkms mkkmod box/1.0 -k"),
        ("box/1.0 -k 9.9 -d redhat".into(), 5, "not built for kernel 9.9", "dkms build box/1.0 -k 9.9"),
        ("box/1.0 -k 9.9 -d suse -r 1".into(), 5, "not built for kernel 9.9", "dkms build box/1.0 -k 9.9"),
        ("box/1.0 --all -d redhat".into(), 3, "not for aarch64, x86_64", "--distro redhat2"),
        (format!("box/2.0 -k {k} -d redhat"), 3, "box/2.0", ""),
        (format!("box -k {k} -d redhat"), 1, "version", ""),
    ] {
        let out =
            world.dkms(&format!("mkdriverdisk {options}")).expect(code).expect_error(why).expect_error(what_to_do);
        assert!(!out.stdout.contains("location"), "{out}");
        before.assert_same(&everything(&world), &options);
    }
    Disk::make(&world, "box/1.0 --all -d redhat2");
}

#[test]
fn damaged_files_in_the_tree_are_named() {
    let world = built();
    let module = world.tree().join("box/1.0").join(kernel()).join(kernel::arch()).join("module/box.ko");
    let good = fs::read(&module).unwrap();
    for damaged in [b"".to_vec(), b"no module".to_vec(), good[..good.len() / 2].to_vec()] {
        fs::write(&module, damaged).unwrap();
        let before = everything(&world);
        for distro in ["redhat", "redhat3", "ubuntu", "suse -r 1"] {
            let out = world.dkms(&format!("mkdriverdisk box/1.0 -k {} -d {distro}", kernel()));
            out.expect(7).expect_error("box.ko is no kernel module");
        }
        before.assert_same(&everything(&world), "a damaged module");
    }
    fs::write(&module, good).unwrap();
    let packages = world.tree().join("box/1.0/rpm");
    fs::create_dir(&packages).unwrap();
    fs::write(packages.join("kmod-box-1.0-1.x86_64.rpm"), "no package").unwrap();
    let out = world.dkms(&format!("mkdriverdisk box/1.0 -k {} -d redhat3", kernel()));
    out.expect(7).expect_error("kmod-box-1.0-1.x86_64.rpm is no package of rpm");
}

#[test]
fn a_disk_that_there_is_no_space_for_leaves_nothing() {
    let world = built();
    let line = format!("mkdriverdisk box/1.0 -k {} -d redhat", kernel());
    // Where results are put together, and where they go.
    for (small, code) in [("/var/lib/dkms/.modsmith", 7), ("/var/lib/dkms/box/1.0/driver_disk", 9)] {
        fs::create_dir_all(world.path(small)).unwrap();
        let before = everything(&world);
        let run = world.program(world.path("bin/dkms")).words(&line).small(small, 100);
        let out = run.run().expect(code).expect_error("No space left");
        assert!(!out.stdout.contains("location"), "{small}: {out}");
        before.assert_same(&everything(&world), small);
    }
    Disk::make(&world, line.trim_start_matches("mkdriverdisk "));
}

#[test]
fn packages_with_odd_names_get_disks_that_are_sound() {
    let package = Package::new("Odd_Name+x.y", "1.0~rc1-2_b");
    let world = World::generic();
    world.add_package(
        &package
            .clone()
            .conf("BUILT_MODULE_NAME[0]=\"odd\"")
            .file("Makefile", "obj-m := odd.o\n")
            .file("odd.c", modsmith_tests::fixture::c_source(None)),
    );
    world.dkms(&format!("build {} -k {}", package.id(), kernel())).expect(0);
    for kind in ["redhat", "redhat2", "redhat3", "suse -r 15.5", "UnitedLinux -r sles9", "ubuntu"] {
        for media in ["floppy", "iso", "tar"] {
            let disk = Disk::make(&world, &format!("{} -k {} -d {kind} --media {media}", package.id(), kernel()));
            let modules = disk.names().into_iter().find(|name| name.ends_with(".rpm") || name.ends_with(".deb"));
            let Some(name) = modules else { continue };
            match name.ends_with(".rpm") {
                true => tool::run(Command::new(tool::path("rpm")).args(["-K", "--nosignature"]).arg(disk.path(&name))),
                false => tool::run(Command::new(tool::path("dpkg-deb")).arg("--info").arg(disk.path(&name))),
            };
        }
    }
}
