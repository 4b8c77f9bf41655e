//! Debian packages that cannot be made or loaded as they were asked for, and
//! what packages' names, templates and directories do to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::fixture::{Package, built_box};
use modsmith_tests::prelude::*;
use modsmith_tests::{Snapshot, World, tool};

const CONTROL: &str = "Source: DEBIAN_PACKAGE-dkms\nMaintainer: A Vendor <vendor@example.org>\n\
    Build-Depends: debhelper-compat (= 13)\n\nPackage: DEBIAN_PACKAGE-dkms\nArchitecture: DEBIAN_BUILD_ARCH\n\
    Depends: ${misc:Depends}, make\nSection: kernel\nPriority: optional\nDescription: modules of a vendor\n More.\n";
const CHANGELOG: &str = "DEBIAN_PACKAGE-dkms (MODULE_VERSION) stable; urgency=low\n\n  * For MODULE_NAME.\n\n \
    -- A Vendor <vendor@example.org>  DATE_STAMP\n";

/// A world in which a package is added.
fn added(name: &str, version: &str) -> World {
    let world = World::generic();
    world.add_package(&Package::new(name, version));
    world.dkms(&format!("add {name}/{version}")).expect(0);
    world
}

fn everything(world: &World) -> Snapshot {
    world.snapshot().with(world.sources())
}

/// The only `.deb` in a directory.
fn deb_in(directory: &Path) -> PathBuf {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("no {}: {e}", directory.display()));
    let mut debs = entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|e| e == "deb"));
    debs.next().unwrap_or_else(|| panic!("no .deb in {}", directory.display()))
}

fn field(deb: &Path, name: &str) -> String {
    tool::run(Command::new(tool::path("dpkg-deb")).arg("-f").arg(deb).arg(name)).trim_end().to_owned()
}

fn control_file(deb: &Path, name: &str) -> String {
    tool::run(Command::new(tool::path("dpkg-deb")).arg("-I").arg(deb).arg(name))
}

fn listing(deb: &Path) -> String {
    tool::run(Command::new(tool::path("dpkg-deb")).arg("-c").arg(deb))
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let world = built_box();
    let before = everything(&world);
    for (line, code, says) in [
        ("mkdeb box", 1, "version"),
        ("mkdeb box/2.0 --source-only", 3, "2.0"),
        ("mkdeb box/1.0 -k 9.9", 5, "not built"),
        ("mkdsc box/1.0 -k 9.9", 5, "not built"),
        ("mkbmdeb box/1.0 -k 9.9", 5, "not built"),
        ("mkdeb box/1.0 --source-only --binaries-only", 8, "exclude"),
        ("mkdeb box/1.0 --source-only --legacy-postinst=2", 1, "0 or 1"),
        ("mkdeb box/1.0 --no-such-option", 2, "no-such-option"),
    ] {
        world.dkms(line).expect(code).expect_error(says);
    }
    before.assert_same(&everything(&world), "refused commands");
}

#[test]
fn a_full_disk_and_one_that_cannot_be_written_leave_nothing() {
    let world = built_box();
    // Nothing makes it smaller.
    let random = "dd if=/dev/urandom of=/usr/src/box-1.0/firmware bs=1024 count=4096 2>/dev/null";
    world.shell(random).run().expect(0);
    let before = everything(&world);
    let line = format!("mkdeb box/1.0 -k {}", kernel());
    let script = format!(
        "cp -a /var/lib/dkms /boot/tree && dkms --dkmstree /boot/tree {line}; code=$?\n\
         find /boot/tree -name 'staging-*' -o -name '*.deb'; exit $code"
    );
    let out = world.shell(&script).small("/boot", 2048).run().expect(7).expect_error("No space left");
    assert_eq!(out.stdout, "", "left behind");
    world.program(world.path("bin/dkms")).words(&line).read_only("/var/lib/dkms").run().expect(30);
    before.assert_same(&everything(&world), "failed commands");
}

#[test]
fn names_become_debians_and_others_are_refused() {
    for (name, version, package, debian_version) in [
        ("Rtl_8812AU", "v5.6.4_35491", "rtl-8812au-dkms", "5.6.4+35491"),
        ("box", "git2020", "box-dkms", "0~git2020"),
        ("box", "1.0-2", "box-dkms", "1.0-2"),
    ] {
        let world = added(name, version);
        world.dkms(&format!("mkdeb {name}/{version} --source-only")).expect(0);
        let deb = deb_in(&world.tree().join(name).join(version).join("deb"));
        assert_eq!(deb.file_name().unwrap().to_str(), Some(format!("{package}_{debian_version}_all.deb").as_str()));
        assert_eq!((field(&deb, "Package"), field(&deb, "Version")), (package.to_owned(), debian_version.to_owned()));
        // dkms is told the module's own name.
        assert!(control_file(&deb, "prerm").contains(&format!("-m {name} -v {version}")));
        assert!(listing(&deb).contains(&format!("./usr/src/{name}-{version}/dkms.conf")));
    }
    for (name, version) in [("b@x", "1.0"), ("box", "1.0@2"), ("box", "1.0-")] {
        let world = added(name, version);
        let before = everything(&world);
        let out = world.dkms(&format!("mkdeb {name}/{version} --source-only")).expect(1);
        out.expect_error("of a Debian package");
        before.assert_same(&everything(&world), "a refused name");
    }
}

#[test]
fn a_version_with_a_revision_gives_a_source_package_that_dpkg_takes_apart_and_builds() {
    let world = added("box", "1.0-2");
    world.dkms("mkdsc box/1.0-2 --source-only").expect(0);
    let made = world.tree().join("box/1.0-2/dsc");
    assert!(made.join("box-dkms_1.0.orig.tar.xz").is_file());
    let work = tempfile::tempdir().expect("a temporary directory");
    let dsc = made.join("box-dkms_1.0-2.dsc");
    tool::run(Command::new(tool::path("dpkg-source")).arg("-x").arg(dsc).arg("x").current_dir(work.path()));
    tool::path("dh");
    let mut build = Command::new(tool::path("dpkg-buildpackage"));
    tool::run(build.args(["-us", "-uc", "-b"]).current_dir(work.path().join("x")));
    assert!(listing(&deb_in(work.path())).contains("./usr/src/box-1.0-2/dkms.conf"));
}

#[test]
fn templates_of_the_source_come_before_those_of_the_administrator() {
    let world = built_box();
    let template = |place: &str, control: &str| {
        world.write(&format!("{place}/debian/control"), control);
        world.write(&format!("{place}/debian/changelog"), CHANGELOG);
        world.write(
            &format!("{place}/debian/postinst"),
            "#!/bin/sh\nset -e\n# MODULE_NAME-MODULE_VERSION KERNEL_VERSION DEBIAN_BUILD_ARCH DEBIAN_PACKAGE\n#DEBHELPER#\n",
        );
    };
    let make = || {
        world.dkms(&format!("mkdeb box/1.0 -k {}", kernel())).expect(0);
        deb_in(&world.tree().join("box/1.0/deb"))
    };
    template("etc/dkms/template-dkms-mkdeb", &CONTROL.replace("of a vendor", "of an administrator"));
    assert!(field(&make(), "Description").starts_with("modules of an administrator"));
    template("usr/src/box-1.0/box-dkms-mkdeb", CONTROL);
    let deb = make();
    assert!(field(&deb, "Description").starts_with("modules of a vendor"));
    assert_eq!(field(&deb, "Depends"), "make, dkms (>= 2.1)");
    let says = format!("# box-1.0 {} amd64 box", kernel());
    assert!(control_file(&deb, "postinst").contains(&says), "{}", control_file(&deb, "postinst"));
    // Without its control file a template is none.
    fs::remove_file(world.path("usr/src/box-1.0/box-dkms-mkdeb/debian/control")).unwrap();
    let before = everything(&world);
    let line = "mkdeb box/1.0 --source-only";
    world.dkms(line).expect(5).expect_error("box-dkms-mkdeb");
    world.write("usr/src/box-1.0/box-dkms-mkdeb/debian/control", "no control file\n");
    world.dkms(line).expect(5).expect_error("no field");
    fs::remove_file(world.path("usr/src/box-1.0/box-dkms-mkdeb/debian/control")).unwrap();
    before.assert_same(&everything(&world), "refused templates");
}

#[test]
fn a_template_of_a_source_package_is_all_there_and_its_rules_are_run_by_whoever_builds_it() {
    let world = added("box", "1.0");
    let place = "usr/src/box-1.0/box-dkms-mkdsc";
    world.write(&format!("{place}/debian/control"), CONTROL);
    world.write(&format!("{place}/debian/changelog"), CHANGELOG);
    let rules = "#!/usr/bin/make -f\n%:\n\tdh $@\noverride_dh_auto_install:\n\t\
        $(MAKE) install DESTDIR=debian/DEBIAN_PACKAGE-dkms\n";
    world.write(&format!("{place}/debian/rules"), rules);
    world.write(&format!("{place}/Makefile"), "all clean:\ninstall:\n\tmkdir -p $(DESTDIR)/usr/src\n\tcp -r box-1.0 $(DESTDIR)/usr/src\n\techo x >$(DESTDIR)/usr/src/box-1.0/made-by-rules\n");
    world.dkms("mkdsc box/1.0 --source-only").expect(0);
    let work = tempfile::tempdir().expect("a temporary directory");
    let dsc = world.tree().join("box/1.0/dsc/box-dkms_1.0.dsc");
    tool::run(Command::new(tool::path("dpkg-source")).arg("-x").arg(dsc).arg("x").current_dir(work.path()));
    tool::path("dh");
    let mut build = Command::new(tool::path("dpkg-buildpackage"));
    tool::run(build.args(["-us", "-uc", "-b"]).current_dir(work.path().join("x")));
    let listing = listing(&deb_in(work.path()));
    assert!(listing.contains("made-by-rules") && listing.contains("box-1.0/dkms.conf"), "{listing}");
}

#[test]
fn options_say_what_goes_into_it() {
    let world = built_box();
    let make = |options: &str| {
        let _ = fs::remove_dir_all(world.tree().join("box/1.0/deb"));
        world.dkms(&format!("mkdeb box/1.0 {options}")).expect(0);
        listing(&deb_in(&world.tree().join("box/1.0/deb")))
    };
    let (source, tarball, postinst) =
        ("./usr/src/box-1.0/dkms.conf", "./usr/share/box-dkms/box-1.0.dkms.tar.gz", "./usr/share/box-dkms/postinst");
    let kernel = format!("-k {}", kernel());
    for (options, has, lacks) in [
        (kernel.clone(), vec![source, tarball, postinst], vec![]),
        ("--all --legacy-postinst=0".into(), vec![source, tarball], vec![postinst]),
        ("--source-only".into(), vec![source, postinst], vec![tarball]),
        (format!("{kernel} --binaries-only"), vec![tarball, postinst], vec![source]),
    ] {
        let listing = make(&options);
        for file in has {
            assert!(listing.contains(file), "{options}: no {file} in {listing}");
        }
        for file in lacks {
            assert!(!listing.contains(file), "{options}: {file} in {listing}");
        }
    }
}

#[test]
fn in_a_directory_of_source_results_go_beside_it_and_no_tree_is_touched() {
    let world = World::generic();
    Package::new("box", "1.0").write(&world.path("boot/work/checkout"));
    let before = everything(&world).without(|path| path.starts_with("boot"));
    // Nothing is built of it, whether that is said or not.
    for action in ["mkdeb", "mkdsc --source-only"] {
        world.shell(&format!("cd /boot/work/checkout && dkms {action}")).run().expect(0);
    }
    let mut made: Vec<_> = fs::read_dir(world.path("boot/work")).unwrap().map(|e| e.unwrap().file_name()).collect();
    made.sort();
    let expected =
        ["box-dkms_1.0.dsc", "box-dkms_1.0.tar.xz", "box-dkms_1.0_all.deb", "box-dkms_1.0_source.changes", "checkout"];
    assert_eq!(made, expected);
    before.assert_same(&everything(&world).without(|path| path.starts_with("boot")), "made of a directory");
}

/// A package that a person made, of files and links.
fn handmade(world: &World, name: &str, fill: impl Fn(&Path)) -> PathBuf {
    let top = world.path(name);
    let control = "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: x\n";
    fs::create_dir_all(top.join("DEBIAN")).expect("writable");
    fs::write(top.join("DEBIAN/control"), control).expect("writable");
    fill(&top);
    let deb = world.path(format!("{name}.deb"));
    tool::run(Command::new(tool::path("dpkg-deb")).arg("-b").arg(&top).arg(&deb));
    deb
}

#[test]
fn what_is_no_module_package_is_not_loaded_and_leaves_nothing() {
    let world = built_box();
    let from = added("other", "1.0");
    from.dkms("mkdeb other/1.0 --source-only").expect(0);
    let whole = fs::read(deb_in(&from.tree().join("other/1.0/deb"))).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        world.write(name, bytes);
        world.path(name)
    };
    let source = |top: &Path, name: &str| Package::new(name, "1.0").write(&top.join(format!("usr/src/{name}-1.0")));
    let link = |top: &Path, target: &str| {
        source(top, "linked");
        std::os::unix::fs::symlink(target, top.join("usr/src/linked-1.0/out")).expect("writable");
    };
    let before = everything(&world);
    for (deb, says) in [
        (write("text.deb", b"no package"), "not begin"),
        (write("empty.deb", b""), "not begin"),
        (write("cut.deb", &whole[..whole.len() - 100]), "ends in the middle"),
        (handmade(&world, "nothing", |_| {}), "no module package"),
        (
            handmade(&world, "two", |top| ["a", "b"].iter().for_each(|name| source(top, name))),
            "several module packages",
        ),
        (handmade(&world, "out", |top| link(top, "../../../etc/passwd")), "out"),
        (handmade(&world, "absolute", |top| link(top, "/etc/passwd")), "out"),
    ] {
        let out = world.dkms(&format!("add {}", deb.display())).expect(7);
        out.expect_error(says);
    }
    world.dkms("ldtarball /nowhere.deb").expect(2).expect_error("does not exist");
    before.assert_same(&everything(&world), "refused packages");
}

#[test]
fn a_package_of_what_is_already_there_is_not_loaded_without_force() {
    let world = built_box();
    world.dkms("mkdeb box/1.0 --source-only").expect(0);
    let deb = deb_in(&world.tree().join("box/1.0/deb"));
    let before = everything(&world);
    world.dkms(&format!("add {}", deb.display())).expect(8);
    before.assert_same(&everything(&world), "a refused package");
    world.dkms(&format!("ldtarball {} --force", deb.display())).expect(0);
}
