//! Rpm packages that are loaded into the tree: made here, made by others, damaged
//! and hostile ones.

use std::fs;
use std::path::{Path, PathBuf};

use modsmith_tests::fixture::{Package, built_box_with_files};
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::rpm::{Machine, Workshop};
use modsmith_tests::{Snapshot, World};

/// The package that a world makes.
fn made(world: &World, options: &str) -> PathBuf {
    world.dkms(&format!("mkrpm box/1.0 -k {} {options}", kernel())).expect(0);
    world.tree().join("box/1.0/rpm/box-1.0-1dkms.noarch.rpm")
}

/// What a package has in the tree and in the source tree.
fn package(world: &World) -> Snapshot {
    let own = |path: &Path| path.starts_with("rpm") || path.ends_with("build");
    let tree = Snapshot::of(&world.tree().join("box/1.0")).without(own).without_records();
    tree.with(Snapshot::of(&world.path("usr/src/box-1.0")).below("source tree"))
}

fn everything(world: &World) -> Snapshot {
    world.snapshot().with(world.sources())
}

fn status(world: &World) -> String {
    world.dkms("status").expect(0).stdout
}

fn in_state(state: &str) -> String {
    format!("box/1.0, {}, {}: {state}\n", kernel(), kernel::arch())
}

#[test]
fn source_and_modules_come_through_an_rpm_unchanged() {
    let from = built_box_with_files();
    let archive = made(&from, "");
    let to = World::generic();
    to.dkms(&format!("add {}", archive.display())).expect(0);
    package(&from).assert_same(&package(&to), "on the way through an rpm");
    assert_eq!(status(&to), in_state("built"));
    to.dkms(&format!("install box/1.0 -k {}", kernel())).expect(0);
    assert_eq!(status(&to), in_state("installed"));
    to.dkms("remove box/1.0 --all").expect(0);
}

#[test]
fn every_action_that_takes_an_archive_takes_an_rpm() {
    let from = built_box_with_files();
    let kernel = kernel();
    let source = made(&from, "--source-only");
    let source = source.display();
    let lines = [
        (format!("ldtarball {source}"), "box/1.0: added\n".to_owned()),
        (format!("ldtarball --archive={source}"), "box/1.0: added\n".to_owned()),
        (format!("build {source} -k {kernel}"), in_state("built")),
        (format!("install {source} -k {kernel}"), in_state("installed")),
    ];
    for (line, state) in lines {
        let to = World::generic();
        to.dkms(&line).expect(0);
        assert_eq!(status(&to), state, "{line}");
        to.dkms(&format!("add {source}")).expect(8);
        to.dkms(&format!("ldtarball {source} --force")).expect(0);
    }
    let to = World::generic();
    to.dkms(&format!("add {}", made(&from, "--binaries-only").display())).expect(0);
    assert_eq!(status(&to), in_state("built"));
    to.dkms(&format!("install box/1.0 -k {kernel}")).expect(0);
}

/// A package as a vendor makes one by hand.
const BY_HAND: &str = "\
Name: vendor-box\nVersion: 7\nRelease: 3\nSummary: Box\nLicense: GPL\nBuildArch: noarch\nAutoReqProv: no\n\
%description\nBox.\n%install\nmkdir -p %{buildroot}/usr/src %{buildroot}/etc\ncp -a %{from} %{buildroot}/usr/src/\n\
ln -s box.c %{buildroot}/usr/src/box-1.0/also.c\ntouch %{buildroot}/etc/vendor.conf\n\
%files\n/usr/src/box-1.0\n/etc/vendor.conf\n%post\nexit 1\n";

#[test]
fn packages_of_others_are_loaded_however_they_are_compressed() {
    let world = World::generic();
    let source = world.add_package(&Package::new("box", "1.0"));
    let from = format!("from {}", source.display());
    for payload in ["w9.gzdio", "w3.xzdio", "w3.zstdio", "w9.bzdio", "w3.lzdio", "w.ufdio"] {
        let workshop = Workshop::new();
        let define = format!("_binary_payload {payload}");
        let archive = workshop.package("vendor", BY_HAND, &["--define", &from, "--define", &define]);
        let to = World::generic();
        to.dkms(&format!("install {} -k {}", archive.display(), kernel())).expect(0);
        assert_eq!(status(&to), in_state("installed"), "{payload}");
        assert_eq!(fs::read_link(to.path("usr/src/box-1.0/also.c")).unwrap(), Path::new("box.c"));
        assert!(!Path::new("/etc/vendor.conf").exists(), "only the module package is taken");
    }
}

/// One member of a cpio archive, as rpm's payload has them.
fn member(path: &str, mode: u32, size: usize, contents: &[u8]) -> Vec<u8> {
    let mut bytes = b"070701".to_vec();
    for value in [1, mode as usize, 0, 0, 1, 0, size, 8, 1, 0, 0, path.len() + 1, 0] {
        bytes.extend(format!("{value:08x}").bytes());
    }
    bytes.extend(path.bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(contents);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn damaged_and_hostile_packages_are_refused_and_leave_nothing() {
    let from = built_box_with_files();
    let whole = fs::read(made(&from, "")).unwrap();
    let source_package = fs::read(from.tree().join("box/1.0/rpm/box-1.0-1dkms.src.rpm")).unwrap();
    // The payload is what begins as gzip does.
    let payload = whole.windows(4).rposition(|bytes| bytes == [0x1f, 0x8b, 8, 0]).expect("gzip");
    let with = |members: &[Vec<u8>]| {
        let end = member("TRAILER!!!", 0, 0, b"");
        [&whole[..payload], &members.concat(), &end].concat()
    };
    let conf = member("./usr/src/box-1.0/dkms.conf", 0o100_644, 1, b"x");
    let file = |path: &str| member(path, 0o100_644, 1, b"x");
    let link = |target: &str| member("./usr/src/box-1.0/a", 0o120_777, target.len(), target.as_bytes());
    let mut flipped = whole.clone();
    flipped[payload + 100] ^= 0x55;
    let cases = [
        ("cut-in-the-lead", whole[..50].to_vec(), "cut off"),
        ("cut-in-the-header", whole[..500].to_vec(), "cut off"),
        ("cut-in-the-payload", whole[..whole.len() - 2000].to_vec(), "cut off"),
        ("flipped", flipped, "was not loaded"),
        ("text", b"this is no package".to_vec(), "no rpm package"),
        ("empty", Vec::new(), "no rpm package"),
        ("source", source_package, "source package"),
        ("climbing", with(&[conf.clone(), file("./usr/src/../../../../etc/dkms/planted")]), "not below it"),
        ("absolute", with(&[conf.clone(), file("/etc/dkms/planted")]), "not below it"),
        ("link-out", with(&[conf.clone(), link("../../../etc/passwd")]), "leads out of it"),
        ("link-absolute", with(&[conf.clone(), link("/etc/passwd")]), "leads out of it"),
        ("device", with(&[conf.clone(), member("./usr/src/box-1.0/dev", 0o020_666, 0, b"")]), "neither a file"),
        ("two", with(&[conf.clone(), file("./usr/src/other-1.0/dkms.conf")]), "several module packages"),
        ("none", with(&[file("./usr/bin/box")]), "no module package"),
        ("huge", with(&[conf.clone(), member("./usr/src/box-1.0/x", 0o100_644, 1 << 30, b"x")]), "MiB"),
        ("no-tarball", with(&[conf, file("./usr/share/box/box-1.0.dkms.tar.gz")]), "neither compressed"),
    ];
    let world = World::generic();
    let before = everything(&world);
    for (name, bytes, reason) in cases {
        let archive = world.path(format!("{name}.rpm"));
        fs::write(&archive, bytes).unwrap();
        for action in ["add", "ldtarball"] {
            let out = world.dkms(&format!("{action} {}", archive.display())).expect(7);
            let out = out.expect_error(&format!("{name}.rpm")).expect_error(reason);
            assert!(out.stderr.contains("nothing was changed"), "{out}");
        }
        before.assert_same(&everything(&world), name);
    }
    world.dkms(&format!("ldtarball {}", world.path("missing.rpm").display())).expect(2);
}

#[test]
fn where_rpm_is_the_systems_own_it_installs_the_package_itself() {
    let from = built_box_with_files();
    let archive = made(&from, "");
    let world = World::generic();
    let machine_of_its_own = Machine::of(&world);
    let out = machine_of_its_own.shell(&format!(
        "dkms ldtarball {} -k {}\nrpm -q box\ndkms status",
        archive.display(),
        kernel()
    ));
    let out = out.expect(0);
    assert!(out.stdout.contains("box-1.0-1dkms.noarch\n"), "{out}");
    assert!(out.stdout.contains(&in_state("installed")), "{out}");
    // Other trees are none of rpm's.
    let other = World::generic();
    let machine = Machine::of(&other);
    let trees = format!("--dkmstree {0}/tree --sourcetree {0}/sources", other.dir().display());
    for directory in ["tree", "sources"] {
        fs::create_dir_all(other.path(directory)).unwrap();
    }
    let script = format!("dkms add {} {trees}\n! rpm -q box\ndkms status {trees}", archive.display());
    let out = machine.shell(&script).expect(0);
    assert!(out.stdout.contains(&in_state("built")), "{out}");
    // Rpm's own refusal is passed on.
    let broken = world.path("broken.rpm");
    fs::write(&broken, b"this is no package").unwrap();
    machine_of_its_own.shell(&format!("dkms ldtarball {}", broken.display())).expect(9).expect_error("did not install");
}
