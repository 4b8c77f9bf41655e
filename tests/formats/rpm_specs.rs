//! Rpm packages by specs of the user: where they are looked for, what they are
//! told, how far they reach, and what is said when nothing comes of them.

use std::fs;
use std::path::PathBuf;

use modsmith_tests::World;
use modsmith_tests::fixture::{Package, built};
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::rpm::{Workshop, field, files, query};

/// A spec as packagers write them for dkms: it asks dkms for the tarball, and finds
/// source and postinst among the sources.
const FOR_DKMS: &str = r#"
Name: %{module_name}
Version: %{version}
Release: 1vendor
Summary: By a spec of the vendor
License: GPL
BuildArch: noarch
BuildRequires: dkms
Requires: dkms
%define data %{buildroot}/usr/share/%{module_name}
%description
For %{kernel_versions}.
%prep
%if "%{mktarball_line}" != "none"
/usr/sbin/dkms mktarball %{module_name}/%{version} %{mktarball_line} --archive ours.dkms.tar.gz
mv /var/lib/dkms/%{module_name}/%{version}/tarball/ours.dkms.tar.gz .
%endif
%install
mkdir -p %{data} %{buildroot}/usr/src
test ! -e %{_sourcedir}/%{module_name}-%{version} || cp -rpL %{_sourcedir}/%{module_name}-%{version} %{buildroot}/usr/src
test ! -e ours.dkms.tar.gz || cp ours.dkms.tar.gz %{data}/%{module_name}-%{version}.dkms.tar.gz
test ! -e %{_sourcedir}/common.postinst || cp %{_sourcedir}/common.postinst %{data}/postinst
%files
/usr/src/*
/usr/share/%{module_name}
%post
exit 0
"#;

const WITH_ALIAS: &str =
    "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nMODULE_VERSION(\"1.0\");\nMODULE_ALIAS(\"usb:v1234p*\");\n";

fn package() -> Package {
    Package::new("box", "1.0").file("box.c", WITH_ALIAS)
}

/// Makes a package, and returns it.
fn made(world: &World, options: &str) -> PathBuf {
    let directory = world.tree().join("box/1.0/rpm");
    let _ = fs::remove_dir_all(&directory);
    world.dkms(&format!("mkrpm box/1.0 -k {} {options}", kernel())).expect(0);
    let mut packages = files(&directory);
    packages.retain(|file| file.to_str().is_some_and(|name| name.ends_with(".noarch.rpm")));
    assert_eq!(packages.len(), 1, "{packages:?}");
    packages.remove(0)
}

/// The smallest spec, with a line of its `%install`.
fn spec(release: &str, install: &str) -> String {
    format!(
        "Name: box\nVersion: 1.0\nRelease: {release}\nSummary: Box\nLicense: GPL\nBuildArch: noarch\n\
         %description\nBox.\n%install\nmkdir -p %{{buildroot}}/usr/src/box-1.0\n{install}\n%files\n/usr/src/box-1.0\n"
    )
}

#[test]
fn a_spec_written_for_dkms_gives_the_files_that_it_gave_there() {
    let world = built(&package().file("box-dkms-mkrpm.spec", FOR_DKMS));
    let by_vendor = made(&world, "");
    assert_eq!(field(&by_vendor, "%{RELEASE}"), "1vendor");
    assert!(query(&by_vendor, "-p --info").contains(&format!("For {}.", kernel())));
    assert!(query(&by_vendor, "-p --provides").contains("modalias(usb:v1234p*) = 1.0\n"));
    let listed = query(&by_vendor, "-lp");
    // What it brings is what the built-in spec brings.
    fs::remove_file(world.path("usr/src/box-1.0/box-dkms-mkrpm.spec")).unwrap();
    let own = made(&world, "");
    assert_eq!(listed.replace("/usr/src/box-1.0/box-dkms-mkrpm.spec\n", ""), query(&own, "-lp"));
    // It loads and installs elsewhere.
    let to = World::generic();
    to.dkms(&format!("add {}", own.display())).expect(0);
    assert!(to.dkms("status").stdout.contains(": built"));
}

#[test]
fn without_modules_it_is_told_none_and_without_source_it_finds_none() {
    let world = built(&package().file("box-dkms-mkrpm.spec", FOR_DKMS));
    let source = query(&made(&world, "--source-only --legacy-postinst=0"), "-lp");
    assert!(source.contains("/usr/src/box-1.0/box.c\n") && !source.contains("tar.gz"), "{source}");
    assert!(!source.contains("postinst"), "{source}");
    let line = format!("mkrpm box/1.0 -k {} --binaries-only", kernel());
    // Its list of files wants a source.
    world.dkms(&line).expect(7).expect_error("/usr/src/*");
}

#[test]
fn the_named_spec_comes_first_then_the_sources_then_the_administrators() {
    let world = built(&package());
    assert_eq!(field(&made(&world, ""), "%{RELEASE}"), "1dkms");
    world.write("etc/dkms/template-dkms-mkrpm.spec", spec("1etc", ""));
    assert_eq!(field(&made(&world, ""), "%{RELEASE}"), "1etc");
    world.write("usr/src/box-1.0/box-dkms-mkrpm.spec", spec("1source", ""));
    assert_eq!(field(&made(&world, ""), "%{RELEASE}"), "1source");
    world.write("usr/src/box-1.0/rpm/box.spec", spec("1named", ""));
    assert_eq!(field(&made(&world, "--spec rpm/box.spec"), "%{RELEASE}"), "1named");
    world.dkms(&format!("mkrpm box/1.0 -k {} --spec box.spec", kernel())).expect(5).expect_error("box.spec");
    world.dkms(&format!("mkrpm box/1.0 -k {} --spec /etc/x.spec", kernel())).expect(5).expect_error("/etc/x.spec");
}

#[test]
fn modules_for_a_kernel_have_a_spec_of_their_own_too() {
    let text = "Name: kmod-vendor\nVersion: %{version}\nRelease: 1\nSummary: For %{kernel_version}\nLicense: GPL\n\
                Source0: %{module_name}-%{version}-%{kernel_version}.tar.gz\n%description\nBox.\n%install\n\
                mkdir -p %{buildroot}/opt\ntar -xzf %{SOURCE0} -C %{buildroot}/opt\n%files\n/opt/box.ko\n";
    let world = built(&package());
    world.write("etc/dkms/template-dkms-mkkmod.spec", text);
    world.dkms(&format!("mkkmod box/1.0 -k {}", kernel())).expect(0);
    let package = world.tree().join(format!("box/1.0/rpm/kmod-vendor-1.0-1.{}.rpm", kernel::arch()));
    assert_eq!(field(&package, "%{SUMMARY}"), format!("For {}", kernel()));
    assert_eq!(query(&package, "-lp"), "/opt/box.ko\n");
}

#[test]
fn a_spec_runs_as_nobody_and_writes_nowhere_else() {
    let world = built(&package());
    let tries = "id -u > %{buildroot}/usr/src/box-1.0/id\n\
                 for place in /etc/dkms /var/lib/d*kms /usr/src /boot /lib/modules /var/tmp; do\n\
                     if (echo x > $place/planted) 2>/dev/null; then echo $place can be written >&2; exit 1; fi\n\
                 done\n\
                 if grep -v '^ *lo:\\|^Inter\\|^ face' /proc/net/dev; then exit 1; fi";
    world.write("usr/src/box-1.0/box-dkms-mkrpm.spec", spec("1", tries));
    fs::set_permissions(world.path("etc/dkms"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let package = made(&world, "");
    let workshop = Workshop::new();
    let archive = workshop.path("box.tgz");
    let script =
        format!("rpm2archive - < {} > {} && tar -xzOf {1} ./usr/src/box-1.0/id", package.display(), archive.display());
    let out = world.shell(&script).run().expect(0);
    assert_eq!(out.stdout.trim(), "65534");
    for place in ["etc/dkms", "var/lib/dkms", "usr/src", "boot", "lib/modules"] {
        assert!(!world.path(place).join("planted").exists(), "{place}");
    }
}

#[test]
fn a_spec_gets_no_descriptor_that_the_caller_left_open() {
    let world = built(&package());
    // What it finds open, and what can be written to by number.
    let tries = "for fd in /proc/self/fd/*; do readlink $fd; done > %{buildroot}/usr/src/box-1.0/open || :\n\
                 for fd in 7 8 9; do (echo planted >&$fd) 2>/dev/null && exit 1; done\n\
                 (cat <&8) 2>/dev/null && exit 1; echo fine >> %{buildroot}/usr/src/box-1.0/open";
    world.write("usr/src/box-1.0/box-dkms-mkrpm.spec", spec("1", tries));
    world.write("boot/left", "kept");
    world.write("boot/secret", "top-secret-8");
    fs::set_permissions(world.path("boot/secret"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let script = format!("exec 7>>/boot/left 8</boot/secret 9<>/boot/left; exec dkms mkrpm box/1.0 -k {}", kernel());
    world.shell(&script).run().expect(0);
    assert_eq!(fs::read_to_string(world.path("boot/left")).unwrap(), "kept");
    let made = files(&world.tree().join("box/1.0/rpm"));
    let made = made.iter().find(|file| file.to_string_lossy().ends_with(".noarch.rpm")).expect("a package");
    let workshop = Workshop::new();
    let archive = workshop.path("box.tgz");
    let script =
        format!("rpm2archive - < {} > {} && tar -xzOf {1} ./usr/src/box-1.0/open", made.display(), archive.display());
    let open = world.shell(&script).run().expect(0).stdout;
    assert!(open.contains("fine") && !open.contains("/boot/"), "{open}");
}

#[test]
fn a_spec_leaves_no_process_and_no_file_of_nobody_behind() {
    let world = built(&package());
    let daemon = "setsid sleep 65431 </dev/null >/dev/null 2>&1 &\n(setsid sh -c 'sleep 65432; :' &)\n\
                  echo x > %{buildroot}/usr/src/box-1.0/x";
    world.write("etc/dkms/template-dkms-mkrpm.spec", spec("1", daemon));
    let made = made(&world, "");
    let running = fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains("sleep 6543"))
    });
    assert!(!running, "a process was left behind");
    use std::os::unix::fs::MetadataExt;
    let metadata = made.metadata().unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7022), (0, 0, 0));
}

#[test]
fn who_grants_the_plugin_is_told_that_a_spec_can_do_anything() {
    let out = World::new(&[]).modsmith("plugin inspect rpm").expect(0);
    let runs: Vec<&str> = out.stdout.lines().filter(|line| line.contains(" rpmbuild ")).collect();
    assert!(runs.len() == 3 && runs.iter().all(|line| line.contains("executes its input")), "{out}");
}

#[test]
fn what_cannot_be_made_is_said_and_leaves_nothing_behind() {
    let world = built(&package());
    world.write("usr/src/box-1.0/broken.spec", "Name: box\nNonsense here\n");
    world.write("usr/src/box-1.0/fails.spec", spec("1", "echo the vendor speaks >&2; exit 3"));
    let before = world.snapshot();
    let kernel = kernel();
    let line = format!("box/1.0 -k {kernel}");
    let elsewhere = "box/1.0 -k 5.10.0-1-elsewhere";
    for action in ["mkrpm", "mkkmod"] {
        world.dkms(&format!("{action} {elsewhere}")).expect(5).expect_error("not built").expect_error("elsewhere");
    }
    let out = world.dkms(&format!("mkrpm {line} --spec broken.spec")).expect(7);
    out.expect_error("The rpm of box/1.0").expect_error("Nonsense");
    world.dkms(&format!("mkrpm {line} --spec fails.spec")).expect(7).expect_error("the vendor speaks");
    let hidden = "mount --bind /dev/null /usr/bin/rpmbuild\nexec dkms";
    for action in ["mkrpm", "mkkmod", "mkkmp"] {
        let out = world.shell(&format!("{hidden} {action} {line}")).run().expect(1);
        out.expect_error("no rpmbuild").expect_error("rpm-build");
    }
    before.assert_same(&world.snapshot(), "by packages that were not made");
}

#[test]
fn without_space_nothing_is_left_but_what_was_there() {
    let world = World::generic();
    world.add_package(&package().file("large", "no two lines are the same\n".repeat(100_000)));
    let script = "dkms add box/1.0 >/dev/null\nfind /var/lib/dkms | sort > /etc/dkms/before\n\
                  dkms mkrpm box/1.0 --source-only; code=$?\n\
                  find /var/lib/dkms | sort | diff /etc/dkms/before - && exit $code";
    let out = world.shell(script).small("/var/lib/dkms", 1024).run().expect(7);
    assert!(out.stderr.contains("No space left"), "{out}");
}

#[test]
fn names_that_mean_something_to_a_shell_or_a_spec_are_refused() {
    for version in ["1.0'x", "%{nil}", "1.0;id"] {
        let world = World::generic();
        let package = Package::new("box", "1.0");
        package.write(&world.path(format!("usr/src/box-{version}")));
        let conf = world.path(format!("usr/src/box-{version}/dkms.conf"));
        let text = fs::read_to_string(&conf).unwrap();
        let text = text.replace("PACKAGE_VERSION=\"1.0\"", &format!("PACKAGE_VERSION=\"{version}\""));
        fs::write(&conf, text).unwrap();
        let dkms = |action: &str| {
            let words = world.program(world.path("bin/dkms")).arg(action);
            words.arg("-m").arg("box").arg("-v").arg(version).words(&format!("-k {}", kernel()))
        };
        // They do not get as far as a spec.
        dkms("add").run().expect(1).expect_error("cannot be the name of a version");
        dkms("mkrpm").arg("--source-only").run().expect(1).expect_error("cannot be the name of a version");
    }
}

#[test]
fn versions_that_rpm_knows_otherwise_are_written_as_it_has_them() {
    let world = World::generic();
    let package = Package::new("box", "1.0-2~rc1+git");
    world.add_package(&package);
    world.dkms(&format!("add {}", package.id())).expect(0);
    world.dkms(&format!("mkrpm {} --source-only", package.id())).expect(0);
    let made = world.tree().join("box/1.0-2~rc1+git/rpm/box-1.0_2~rc1+git-1dkms.noarch.rpm");
    assert!(query(&made, "-lp").contains("/usr/src/box-1.0-2~rc1+git/dkms.conf\n"));
}
