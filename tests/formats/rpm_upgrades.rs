//! Rpm packages of modules that come, are replaced and go, with Debian's rpm and
//! the scripts that it runs: `--rpm_safe_upgrade` keeps what was just installed.

use std::fs;
use std::path::PathBuf;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::rpm::{Machine, Workshop, query};
use modsmith_tests::{World, debian};

/// The package of a version of `box`, made in a world of its own.
fn made(version: &str, options: &str) -> (World, PathBuf) {
    let world = World::generic();
    world.add_package(&Package::new("box", version));
    world.dkms(&format!("build box/{version} -k {}", kernel())).expect(0);
    world.dkms(&format!("mkrpm box/{version} -k {} {options}", kernel())).expect(0);
    let package = world.tree().join(format!("box/{version}/rpm/box-{version}-1dkms.noarch.rpm"));
    (world, package)
}

fn installed(version: &str) -> String {
    format!("box/{version}, {}, {}: installed\n", kernel(), kernel::arch())
}

#[test]
fn a_package_is_installed_upgraded_and_erased() {
    let ((_one, first), (_two, second)) = (made("1.0", ""), made("2.0", ""));
    let world = World::generic();
    let machine = Machine::of(&world);
    machine.rpm(&format!("-Uvh {}", first.display())).expect(0);
    assert_eq!(world.dkms("status").stdout, installed("1.0"));
    machine.rpm(&format!("-Uvh {}", second.display())).expect(0);
    assert_eq!(world.dkms("status").stdout, installed("2.0"));
    assert!(!world.path("usr/src/box-1.0").exists() && world.path("usr/src/box-2.0/dkms.conf").exists());
    machine.rpm("-e box").expect(0);
    assert_eq!(world.dkms("status").stdout, "");
    assert!(!world.path("usr/src/box-2.0").exists());
    let left: Vec<_> = walk(&world.modules(&kernel())).into_iter().filter(|name| name.contains("box")).collect();
    assert_eq!(left, Vec::<String>::new());
}

/// Names of all files of a directory.
fn walk(directory: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => names.extend(walk(&entry.path())),
            false => names.push(entry.path().display().to_string()),
        }
    }
    names
}

#[test]
fn the_same_version_once_more_leaves_the_modules_installed() {
    for options in ["", "--source-only", "--binaries-only"] {
        let (_world, package) = made("1.0", options);
        let world = World::generic();
        let machine = Machine::of(&world);
        machine.rpm(&format!("-Uvh {}", package.display())).expect(0);
        assert_eq!(world.dkms("status").stdout, installed("1.0"), "{options}");
        let out = machine.rpm(&format!("-Uvh --replacepkgs {}", package.display())).expect(0);
        assert!(
            [&out.stdout, &out.stderr].iter().any(|text| text.contains("is not removed")),
            "the older one's script ran: {out}"
        );
        assert_eq!(world.dkms("status").stdout, installed("1.0"), "{options}");
        machine.rpm("-e box").expect(0);
        assert_eq!(world.dkms("status").stdout, "", "{options}");
    }
}

/// A package as vendors write them by hand.
fn vendors(version: &str, release: &str, source: &std::path::Path) -> String {
    let kernel = kernel();
    format!(
        "Name: vendor-box\nVersion: {version}\nRelease: {release}\nSummary: Box\nLicense: GPL\nBuildArch: noarch\n\
         AutoReqProv: no\n%description\nBox.\n%install\nmkdir -p %{{buildroot}}/usr/src\n\
         cp -a {} %{{buildroot}}/usr/src/\n%files\n/usr/src/box-{version}\n\
         %post\ndkms add -m box -v {version} --rpm_safe_upgrade\ndkms build -m box -v {version} -k {kernel}\n\
         dkms install -m box -v {version} -k {kernel} --force\n\
         %preun\ndkms remove -m box -v {version} --all --rpm_safe_upgrade\nexit 0\n",
        source.display()
    )
}

#[test]
fn a_vendors_scripts_upgrade_safely() {
    let sources = World::generic();
    let build = |version: &str, release: &str| {
        let source = sources.add_package(&Package::new("box", version));
        let workshop = Workshop::new();
        let package = workshop.package("vendor", &vendors(version, release, &source), &[]);
        (workshop, package)
    };
    let (first, again, later) = (build("1.0", "1"), build("1.0", "2"), build("1.1", "1"));
    let world = World::generic();
    let machine = Machine::of(&world);
    machine.rpm(&format!("-Uvh {}", first.1.display())).expect(0);
    assert_eq!(world.dkms("status").stdout, installed("1.0"));
    // A later release of the same version: the older package's script must do nothing.
    machine.rpm(&format!("-Uvh {}", again.1.display())).expect(0);
    assert_eq!(world.dkms("status").stdout, installed("1.0"));
    let kept = format!("rpm -Uvh {}\necho left: $(ls /tmp)", later.1.display());
    machine.shell(&kept).expect(0);
    assert_eq!(world.dkms("status").stdout, installed("1.1"));
    machine.rpm("-e vendor-box").expect(0);
    assert_eq!(world.dkms("status").stdout, "");
}

#[test]
fn modules_without_dkms_are_indexed_when_they_come_and_when_they_go() {
    let from = World::generic();
    from.add_package(&Package::new("box", "1.0"));
    from.dkms(&format!("build box/1.0 -k {}", kernel())).expect(0);
    from.dkms(&format!("mkkmod box/1.0 -k {}", kernel())).expect(0);
    let name = format!("kmod-box-{}", kernel());
    let package = from.tree().join(format!("box/1.0/rpm/{name}-1.0-1.{}.rpm", kernel::arch()));
    let world = World::generic();
    let machine = Machine::of(&world);
    let find = format!("modprobe -S {} --show-depends box", kernel());
    let out = machine.shell(&format!("rpm -ih {}\n{find}", package.display())).expect(0);
    assert!(out.stdout.contains("extra/box/box.ko"), "{out}");
    let out = machine.shell(&format!("rpm -e {name}\n! {find}")).expect(0);
    assert!(!out.stdout.contains("extra/box"), "{out}");
    assert!(!world.modules(&kernel()).join("extra/box").exists());
}

/// Everything once, with a package of Debian: its modules through an rpm that is
/// rebuilt, installed, replaced and erased.
fn comes_through(package: &str, modules: usize) {
    let source = debian::source(package);
    let label = source.file_name().unwrap().to_str().unwrap().to_owned();
    let from = World::generic();
    from.copy_source(&source);
    from.dkms(&format!("build {} -k {}", source.display(), kernel())).expect(0);
    let status = from.dkms("status").stdout;
    let id = status.split(',').next().unwrap().to_owned();
    let (name, version) = id.split_once('/').unwrap();
    from.dkms(&format!("mkrpm {id} -k {}", kernel())).expect(0);
    let directory = from.tree().join(&id).join("rpm");
    let made = modsmith_tests::rpm::files(&directory);
    let [binary, source_package] = made.as_slice() else { panic!("{made:?}") };
    assert!(query(binary, "-lp").contains(&format!("/usr/src/{label}/dkms.conf\n")));
    for what in ["-ip", "-p --scripts", "-p --provides"] {
        assert!(!query(binary, what).is_empty());
    }

    let workshop = Workshop::new();
    workshop.run("rpmbuild", &["--rebuild", "--nodeps"], source_package).expect(0);
    let again = workshop.made("RPMS");
    assert_eq!(query(binary, "-lp"), query(&again, "-lp"));

    let world = World::generic();
    let machine = Machine::of(&world);
    machine.rpm(&format!("-Uvh {}", again.display())).expect(0);
    let installed = |world: &World| {
        let status = world.dkms("status").stdout;
        assert!(status.contains(&format!("{id}, {}", kernel())) && status.contains(": installed"), "{status}");
        let mut files = walk(&world.modules(&kernel()));
        files.retain(|file| file.contains("/updates/dkms/"));
        assert_eq!(files.len(), modules, "{files:?}");
    };
    installed(&world);
    machine.rpm(&format!("-Uvh --replacepkgs {}", binary.display())).expect(0);
    installed(&world);
    machine.rpm(&format!("-e {name}")).expect(0);
    assert_eq!(world.dkms("status").stdout, "");

    let to = World::generic();
    to.dkms(&format!("add {}", binary.display())).expect(0);
    assert_eq!(to.dkms("status").stdout, status);
    to.dkms(&format!("install -m {name} -v {version} -k {}", kernel())).expect(0);
    installed(&to);
}

#[test]
fn bbswitch_comes_through() {
    comes_through("bbswitch-dkms", 1);
}

#[test]
fn ddcci_with_two_modules_comes_through() {
    comes_through("ddcci-dkms", 2);
}

#[test]
fn dpdk_kmods_with_a_tilde_in_its_version_comes_through() {
    comes_through("dpdk-kmods-dkms", 1);
}
