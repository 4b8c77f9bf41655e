//! Rpm packages that are made of a package in the tree, looked at with Debian's
//! rpm.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::fixture::{Package, built};
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::prelude::*;
use modsmith_tests::rpm::{Workshop, field, files, query};
use modsmith_tests::{World, tool};

/// Source of a module for some devices.
const FOR_DEVICES: &str = "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nMODULE_VERSION(\"1.0\");\n\
    MODULE_ALIAS(\"pci:v00008086d00001010sv*sd*bc*sc*i*\");\n\
    MODULE_ALIAS(\"pci:v00008086d00001011sv*sd*bc*sc*i*\");\n\
    MODULE_ALIAS(\"usb:v1234p*\");\n";

fn package() -> Package {
    Package::new("box", "1.0").file("box.c", FOR_DEVICES).file(".hidden", "also source\n").script("tool", "true")
}

/// Where results go.
fn results(world: &World) -> PathBuf {
    world.tree().join("box/1.0/rpm")
}

/// Makes `box-1.0-1dkms` and returns the package and its source package.
fn made(world: &World, options: &str) -> (PathBuf, PathBuf) {
    let out = world.dkms(&format!("mkrpm box/1.0 -k {} {options}", kernel())).expect(0);
    let (package, source) =
        (results(world).join("box-1.0-1dkms.noarch.rpm"), results(world).join("box-1.0-1dkms.src.rpm"));
    for file in [&package, &source] {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(out.stdout.contains(name), "{name} is told: {out}");
    }
    (package, source)
}

/// The files that a package installs, without directories.
fn installed(package: &Path) -> Vec<String> {
    let lines = query(package, "-p --queryformat [%{FILEMODES:perms}\\t%{FILENAMES}\\n]");
    lines
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(mode, _)| !mode.starts_with('d'))
        .map(|(_, name)| name.to_owned())
        .collect()
}

const SOURCE: [&str; 5] = [
    "/usr/src/box-1.0/.hidden",
    "/usr/src/box-1.0/Makefile",
    "/usr/src/box-1.0/box.c",
    "/usr/src/box-1.0/dkms.conf",
    "/usr/src/box-1.0/tool",
];
const MODULES: &str = "/usr/share/box/box-1.0.dkms.tar.gz";
const POSTINST: &str = "/usr/share/box/postinst";

#[test]
fn files_tags_and_scripts_are_those_that_dkms_gave_its_packages() {
    let world = built(&package());
    let (package, source) = made(&world, "");
    let mut expected = vec![MODULES, POSTINST];
    expected.extend(SOURCE);
    assert_eq!(installed(&package), expected);
    assert_eq!(field(&package, "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}"), "box-1.0-1dkms.noarch");
    assert_eq!(field(&package, "%{LICENSE}/%{GROUP}"), "GPL/System/Kernel");
    assert!(query(&package, "-p --requires").contains("dkms >= 1.95\n"));
    let provides = query(&package, "-p --provides");
    let modaliases: Vec<&str> = provides.lines().filter(|line| line.starts_with("modalias")).collect();
    let expected = ["modalias(pci:v00008086d0000101[01]sv*sd*bc*sc*i*) = 1.0", "modalias(usb:v1234p*) = 1.0"];
    assert_eq!(modaliases, expected);
    let scripts = query(&package, "-p --scripts");
    assert!(scripts.contains("common.postinst") && scripts.contains("remove -m box -v 1.0 --all --rpm_safe_upgrade"));
    let modes = query(&package, "-lvp");
    assert!(modes.lines().any(|line| line.starts_with("-rwxr-xr-x") && line.ends_with("/tool")), "{modes}");
    assert!(modes.lines().all(|line| line.contains(" root ")), "{modes}");
    for file in [&package, &source] {
        let checked = tool::run(Command::new(tool::path("rpm")).args(["-K", "--dbpath"]).arg(world.dir()).arg(file));
        assert!(checked.trim_end().ends_with("digests OK"), "{checked}");
    }
    let in_source = query(&source, "-lp");
    let expected = ["box-1.0.dkms.tar.gz", "box-1.0.tar.gz", "box-dkms.spec", "common.postinst"];
    assert_eq!(in_source.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn options_leave_parts_out() {
    let world = built(&package());
    assert_eq!(installed(&made(&world, "--source-only --legacy-postinst=0").0), SOURCE);
    assert_eq!(installed(&made(&world, "--binaries-only").0), [MODULES, POSTINST]);
    assert_eq!(installed(&made(&world, "--binaries-only --legacy-postinst 0").0), [MODULES]);
    world.dkms("mkrpm box/1.0 --binaries-only --source-only").expect(8);
    world.dkms("mkrpm box/1.0 --source-only --legacy-postinst=maybe").expect(1).expect_error("`maybe`");
}

#[test]
fn the_source_package_is_all_that_rpmbuild_needs_to_make_the_same_package() {
    let world = built(&package());
    let (package, source) = made(&world, "");
    let workshop = Workshop::new();
    workshop.run("rpmbuild", &["--rebuild", "--nodeps"], &source).expect(0);
    let again = workshop.made("RPMS");
    for what in ["-lp", "-p --scripts", "-p --provides", "-p --requires"] {
        assert_eq!(query(&package, what), query(&again, what), "{what}");
    }
    let digests = "-p --queryformat [%{FILENAMES}\\t%{FILEDIGESTS}\\t%{FILEMODES:perms}\\n]";
    assert_eq!(query(&package, digests), query(&again, digests));
}

#[test]
fn what_is_made_at_another_time_and_place_is_the_same_to_the_byte() {
    let kmp = "Name: box-kmp\nVersion: 1.0\nRelease: 1\nSummary: Box\nLicense: GPL\nSource0: box-1.0.tar.bz2\n\
               %description\nBox.\n";
    let first = built(&package().file("box-kmp.spec", kmp));
    let second = first.duplicate();
    tool::run(Command::new("touch").args(["-d", "2001-01-01"]).args(files(&second.path("usr/src/box-1.0"))));
    let make = |world: &World, date: &str| {
        for action in ["mkrpm", "mkkmod", "mkkmp"] {
            let dkms = world.program(world.path("bin/dkms")).words(&format!("{action} box/1.0 -k {}", kernel()));
            let dkms = if date.is_empty() { dkms } else { dkms.env("SOURCE_DATE_EPOCH", date) };
            dkms.run().expect(0);
        }
        files(&results(world)).iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>()
    };
    let (one, other) = (make(&first, ""), make(&second, ""));
    assert_eq!(one.len(), 4);
    let names = files(&results(&first));
    for ((one, other), name) in one.iter().zip(&other).zip(&names) {
        assert!(one == other, "two runs differ in {}", name.display());
    }
    let dated = make(&first, "1500000000");
    for (index, name) in names.iter().enumerate() {
        assert!(dated[index] != one[index], "SOURCE_DATE_EPOCH is in {}", name.display());
        assert_eq!(field(name, "%{BUILDTIME}"), "1500000000");
        assert_eq!(field(name, "%{BUILDHOST}"), "localhost");
    }
}

#[test]
fn a_kernel_gets_a_package_of_its_modules_that_needs_no_dkms() {
    let kernels = [kernel(), kernel::newest(Flavour::Cloud)];
    let world = World::new(&kernels);
    world.add_package(&package());
    for kernel in &kernels {
        world.dkms(&format!("build box/1.0 -k {kernel}")).expect(0);
    }
    world.dkms("mkkmod box/1.0 --all").expect(0);
    let made = files(&results(&world));
    assert_eq!(made.len(), 2, "{made:?}");
    for kernel in &kernels {
        let package = results(&world).join(format!("kmod-box-{kernel}-1.0-1.{}.rpm", kernel::arch()));
        assert_eq!(installed(&package), [format!("/lib/modules/{kernel}/extra/box/box.ko")]);
        let provides = query(&package, "-p --provides");
        for provided in ["kmod(box.ko)", "kmod-box = 1.0-1", "modalias(usb:v1234p*) = 1.0"] {
            assert!(provides.lines().any(|line| line == provided), "{provided}: {provides}");
        }
        assert!(!query(&package, "-p --requires").contains("dkms"));
        // Not stripped: byte for byte what was built.
        let built = world.tree().join(format!("box/1.0/{kernel}/{}/module/box.ko", kernel::arch()));
        let digest = tool::run(Command::new("sha256sum").arg(built));
        assert_eq!(query(&package, "-p --queryformat [%{FILEDIGESTS}]").trim(), &digest[..64]);
    }
}

#[test]
fn a_kernel_module_package_holds_the_source_as_it_is_compiled() {
    let spec = "Name: box-kmp\nVersion: 1.0\nRelease: 1\nSummary: Box\nLicense: GPL\nSource0: box-1.0.tar.bz2\n\
                Source1: preamble\n%description\nBox for %{_target_cpu}.\n%prep\n%setup -q -n box-1.0\n";
    let patch = "--- a/box.c\n+++ b/box.c\n@@ -1,1 +1,2 @@\n+/* patched */\n #include <linux/module.h>\n";
    let world = World::generic();
    let package = package()
        .file("box.spec", spec)
        .file("preamble", "Requires: something\n")
        .file("patches/note.patch", patch)
        .script("prepare", "echo prepared > prepared")
        .conf("PATCH[0]=\"note.patch\"\nPRE_BUILD=\"prepare\"");
    world.add_package(&package);
    let line = format!("mkkmp box/1.0 -k {}", kernel());
    world.dkms("add box/1.0").expect(0);
    world.dkms(&line).expect(5).expect_error("box-kmp.spec").expect_error("--spec");
    world.dkms(&format!("{line} --spec other.spec")).expect(5).expect_error("other.spec");
    world.dkms(&format!("{line} --spec ../box.spec")).expect(5).expect_error("../box.spec");
    world.dkms(&format!("{line} --spec box.spec")).expect(0);
    let source = results(&world).join("box-kmp-1.0-1.src.rpm");
    assert_eq!(query(&source, "-lp"), "box-1.0.tar.bz2\nbox.spec\npreamble\n");
    let workshop = Workshop::new();
    workshop.run("rpm", &["-i", "--nodeps"], &source).expect(0);
    let archive = workshop.path("SOURCES/box-1.0.tar.bz2");
    tool::run(Command::new(tool::path("bzip2")).arg("-t").arg(&archive));
    let text = |name: &str| {
        let member = format!("box-1.0/{name}");
        tool::run(Command::new("tar").arg("-xjOf").arg(&archive).arg(member))
    };
    assert!(text("box.c").starts_with("/* patched */"));
    assert_eq!(text("prepared"), "prepared\n");
    workshop.run("rpmbuild", &["-bp", "--nodeps"], &workshop.path("SPECS/box.spec")).expect(0);
}
