//! Driver disks of Red Hat's third form: a repository of packages, looked at by
//! rpm and createrepo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::disk::{Disk, gunzip};
use modsmith_tests::kernel;
use modsmith_tests::prelude::*;
use modsmith_tests::real::{BBSWITCH, DDCCI, DEFAULT, DIGIMEND};
use modsmith_tests::tool;

/// The packages of a disk, by their path on it.
fn packages(disk: &Disk, suffix: &str) -> Vec<PathBuf> {
    disk.names().iter().filter(|name| name.ends_with(suffix)).map(|name| disk.path(name)).collect()
}

#[test]
fn red_hats_third_disk_is_a_repository_of_packages_that_rpm_installs() {
    for real in [BBSWITCH, DDCCI, DIGIMEND] {
        let world = real.built();
        let kernels = format!("-k {} -k {DEFAULT}", kernel());
        let disk = Disk::make(&world, &format!("{} {kernels} -d redhat3 --media iso", real.id));
        assert_eq!(disk.file.file_name().unwrap().to_str().unwrap(), format!("{}-dd.iso", real.title()));
        assert_eq!(disk.text("rhdd3"), format!("{} driver disk\n", real.title()));
        let found = packages(&disk, ".rpm");
        assert_eq!(found.len(), 2, "{:?}", disk.names());
        for package in &found {
            let rpm = |options: &[&str]| tool::run(Command::new(tool::path("rpm")).args(options).arg(package));
            assert!(rpm(&["-Kv", "--nosignature"]).contains("Payload SHA256 digest: OK"));
            let name = real.id.split('/').next().unwrap();
            assert_eq!(rpm(&["-qp", "--qf", "%{NAME} %{ARCH} %{LICENSE}"]), format!("kmod-{name} x86_64 GPL"));
            let release = if package.to_string_lossy().contains("default") { DEFAULT } else { &kernel() };
            let provides = rpm(&["-qp", "--provides"]);
            assert!(provides.contains(&format!("kernel-modules >= {release}\n")), "{provides}");
            let root = tempfile::tempdir().expect("a temporary directory");
            // Debian's rpm database knows of no shell; the scripts are run below.
            let mut install = Command::new(tool::path("rpm"));
            install.args(["-U", "--nodeps", "--noscripts", "--root"]).arg(root.path()).arg(package);
            tool::run(&mut install);
            for (module, contents) in real.modules(&world, release) {
                assert!(provides.contains(&format!("kmod({module}.ko)")), "{provides}");
                let location = root.path().join(format!("lib/modules/{release}/extra/{name}/{module}.ko"));
                assert!(fs::read(&location).unwrap() == contents, "{}", location.display());
            }
            let mut verify = Command::new(tool::path("rpm"));
            tool::run(verify.args(["-Va", "--nodeps", "--noscripts", "--root"]).arg(root.path()));
        }
        assert_same_repository(found[0].parent().unwrap());
    }
}

/// createrepo, asked about the same packages, has the same to say.
#[track_caller]
fn assert_same_repository(directory: &Path) {
    let read = |name: &str| {
        let ends = format!("{name}.xml.gz");
        let mut entries = fs::read_dir(directory.join("repodata")).unwrap().map(|entry| entry.unwrap().path());
        let file = entries.find(|path| path.to_string_lossy().ends_with(&ends)).unwrap();
        String::from_utf8(gunzip(&fs::read(file).unwrap())).unwrap().trim_end().to_owned()
    };
    let names = ["primary", "filelists", "other"];
    let ours = names.map(read);
    // It finds them anew: with `--update` it would believe what is there.
    tool::run(Command::new(tool::path("createrepo_c")).arg("-q").arg(directory));
    let theirs = names.map(read);
    for ((ours, theirs), name) in ours.iter().zip(&theirs).zip(names) {
        assert_eq!(ours, theirs, "{name}");
    }
}

/// A package as vendors make them, with all that a spec file can ask for.
const SPEC: &str = "Name: kmod-bbswitch
Version: 0.8
Release: 7
Summary: Switches & <more>
License: GPL
Requires(pre): coreutils
Requires(post): kmod >= 3
Requires: bash
Recommends: foo
Supplements: bar
Conflicts: old-bbswitch < 2
Obsoletes: older-bbswitch <= 1:2-3
Provides: kmod(bbswitch.ko) = 1
%description
Made by rpmbuild.
%install
mkdir -p %{buildroot}/lib/modules/%{kernel_version}/extra/bbswitch %{buildroot}/etc
cp %{modules}/*.ko %{buildroot}/lib/modules/%{kernel_version}/extra/bbswitch/
echo x > %{buildroot}/etc/bbswitch.conf
%post
depmod -a
%files
/lib/modules/%{kernel_version}/extra/bbswitch
%config /etc/bbswitch.conf
%changelog
* Tue Jan 02 2024 A <a@example.org> - 0.8-7
- second & last
* Mon Jan 01 2024 A <a@example.org> - 0.8-6
- first
";

#[test]
fn a_package_that_was_made_before_is_taken_and_described_as_createrepo_does() {
    let world = BBSWITCH.built();
    let version = world.tree().join(BBSWITCH.id);
    let (spec, top) = (world.path("bbswitch.spec"), world.path("rpmbuild"));
    fs::write(&spec, SPEC).unwrap();
    let line = format!("mkdriverdisk {} -k {} -d redhat3 --media tar --spec bbswitch.spec", BBSWITCH.id, kernel());
    world.dkms(&line).expect(5).expect_error("mkkmod");
    let define = |name: &str, value: &str| ["--define".to_owned(), format!("{name} {value}")];
    let modules = version.join(kernel()).join(kernel::arch()).join("module");
    let mut build = Command::new(tool::path("rpmbuild"));
    build.arg("-bb").args(define("_topdir", top.to_str().unwrap())).args(define("kernel_version", &kernel()));
    tool::run(build.args(define("modules", modules.to_str().unwrap())).arg(&spec));
    fs::create_dir(version.join("rpm")).unwrap();
    let name = "kmod-bbswitch-0.8-7.x86_64.rpm";
    fs::copy(top.join("RPMS/x86_64").join(name), version.join("rpm").join(name)).unwrap();

    let disk = Disk::make(&world, line.trim_start_matches("mkdriverdisk "));
    let found = packages(&disk, ".rpm");
    assert_eq!(found, [disk.path(&format!("rpms/x86_64/{name}"))]);
    assert!(fs::read(&found[0]).unwrap() == fs::read(version.join("rpm").join(name)).unwrap());
    assert_same_repository(found[0].parent().unwrap());
}

/// A tool whose calls are written down.
fn recorder(directory: &Path, name: &str, log: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let script = format!("#!/bin/sh\n{{ echo {name} \"$@\"; [ -t 0 ] || cat; }} >>{}\n", log.display());
    let location = directory.join(name);
    fs::write(&location, script).unwrap();
    fs::set_permissions(&location, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn scripts_of_a_package_index_its_modules_and_offer_them_to_other_kernels() {
    let world = DDCCI.built();
    let disk = Disk::make(&world, &format!("{} -k {} -d redhat3 --media tar", DDCCI.id, kernel()));
    let package = &packages(&disk, ".rpm")[0];
    let bin = tempfile::tempdir().expect("a temporary directory");
    let log = bin.path().join("log");
    for name in ["depmod", "weak-modules"] {
        recorder(bin.path(), name, &log);
    }
    let run = |tag: &str, argument: &str| {
        let mut query = Command::new(tool::path("rpm"));
        let script = tool::run(query.args(["-qp", "--qf", &format!("%{{{tag}}}")]).arg(package));
        let _ = fs::remove_file(&log);
        let mut shell = Command::new("/bin/sh");
        let path = format!("{}:/usr/bin:/bin", bin.path().display());
        tool::run(
            shell.args(["-ec", &script, "script", argument]).env("PATH", path).stdin(std::process::Stdio::null()),
        );
        fs::read_to_string(&log).unwrap_or_default()
    };
    let module = |name: &str| format!("/lib/modules/{}/extra/ddcci/{name}.ko", kernel());
    let modules = format!("{}\n{}\n", module("ddcci-backlight"), module("ddcci"));
    let depmod = format!("depmod -a {}\n", kernel());
    assert_eq!(run("POSTIN", "1"), format!("{depmod}weak-modules --add-modules\n{modules}"));
    assert_eq!(run("POSTUN", "0"), format!("{depmod}weak-modules --remove-modules\n{modules}"));
    // An upgrade: the new one has done it.
    assert_eq!(run("POSTUN", "1"), "");
}
