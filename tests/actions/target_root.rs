//! `--root` works on another system's files and leaves this one alone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{Snapshot, tool, world};

/// A system without programs: os-release, a package's source, and a kernel whose
/// `build` link is absolute, as packages make it.
fn system(os_release: &str) -> tempfile::TempDir {
    let kernel = kernel::newest(Flavour::Generic);
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for name in ["etc", "usr/src", "usr/lib", "var/lib"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    symlink("usr/lib", root.join("lib")).unwrap();
    fs::write(root.join("etc/os-release"), os_release).unwrap();
    let modules = root.join("usr/lib/modules").join(&kernel);
    fs::create_dir_all(&modules).unwrap();
    for name in ["modules.dep", "modules.order", "modules.builtin"] {
        fs::write(modules.join(name), "").unwrap();
    }
    let headers = format!("/usr/src/linux-headers-{kernel}");
    symlink(&headers, modules.join("build")).unwrap();
    copy(Path::new(&headers), &root.join("usr/src"));
    let scripts = fs::canonicalize(Path::new(&headers).join("scripts")).unwrap();
    copy(scripts.parent().unwrap(), &root.join("usr/lib"));
    Package::new("away", "1.0").write(&root.join("usr/src/away-1.0"));
    dir
}

fn copy(from: &Path, into: &Path) {
    tool::run(Command::new(tool::path("cp")).arg("-a").arg(from).arg(into));
}

fn modsmith(root: &Path, line: &str) -> String {
    tool::run(Command::new(world::modsmith()).args(line.split_whitespace()).arg("--root").arg(root))
}

fn machine() -> [Snapshot; 2] {
    ["/var/lib/dkms", "/lib/modules"].map(|path| Snapshot::of(Path::new(path)))
}

#[test]
fn everything_happens_below_the_root() {
    let system = system("ID=debian\n");
    let root = system.path();
    let before = machine();
    // Its only kernel needs no naming.
    modsmith(root, "install away/1.0");
    let kernel = kernel::newest(Flavour::Generic);
    let installed = root.join("lib/modules").join(&kernel).join("updates/dkms/away.ko");
    assert!(installed.is_file());
    assert!(modsmith(root, "status").contains("away/1.0") && modsmith(root, "status").contains(": installed"));
    // What is written there is said as that system will see it.
    let source = fs::read_link(root.join("var/lib/dkms/away/1.0/source")).unwrap();
    assert_eq!(source, Path::new("/usr/src/away-1.0"));
    let index = fs::read_to_string(root.join("lib/modules").join(&kernel).join("modules.dep")).unwrap();
    assert!(index.contains("updates/dkms/away.ko"), "{index}");
    modsmith(root, "remove away/1.0 --all");
    assert!(!installed.exists() && !root.join("var/lib/dkms/away").exists());
    for (before, after) in before.iter().zip(machine()) {
        before.assert_same(&after, "work below another root");
    }
}

#[test]
fn the_policy_is_that_of_the_system_below_the_root() {
    let system = system("ID=rocky\nID_LIKE=\"rhel centos fedora\"\n");
    modsmith(system.path(), "install away/1.0");
    let modules = system.path().join("lib/modules").join(kernel::newest(Flavour::Generic));
    assert!(modules.join("extra/away.ko").is_file());
}

#[test]
fn configuration_and_links_are_those_below_the_root() {
    let system = system("ID=rocky\nID_LIKE=\"rhel centos fedora\"\n");
    let root = system.path();
    let package = Package::new("wired", "1.0").conf("MODULES_CONF_ALIAS_TYPE=eth\nMODULES_CONF=\"options wired a=1\"");
    package.write(&root.join("usr/src/wired-1.0"));
    fs::write(root.join("etc/modprobe.conf"), "alias eth0 other\r\n# end").unwrap();
    let kernel = kernel::newest(Flavour::Generic);
    // An update whose symbols are found where its build link leads, in there.
    let update = root.join("lib/modules/6.1.0-1056-amd64");
    fs::create_dir(&update).unwrap();
    for name in ["modules.dep", "modules.order", "modules.builtin"] {
        fs::write(update.join(name), "").unwrap();
    }
    symlink(format!("/usr/src/linux-headers-{kernel}"), update.join("build")).unwrap();

    modsmith(root, &format!("install wired/1.0 -k {kernel}"));
    let text = fs::read_to_string(root.join("etc/modprobe.conf")).unwrap();
    assert_eq!(text, "alias eth0 other\r\n# end\r\nalias eth1 wired\r\noptions wired a=1");
    assert!(update.join("weak-updates/wired.ko").is_file());
    let index = fs::read_to_string(update.join("modules.dep")).unwrap();
    assert!(index.contains("weak-updates/wired.ko"), "{index}");
    assert!(modsmith(root, "status").contains("installed-weak from"));

    modsmith(root, &format!("uninstall wired/1.0 -k {kernel}"));
    assert_eq!(fs::read_to_string(root.join("etc/modprobe.conf")).unwrap(), "alias eth0 other\r\n# end");
    assert!(!update.join("weak-updates").exists());
}
