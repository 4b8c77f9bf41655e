//! Debian packages of real module packages in a Debian system from nothing:
//! installed, upgraded and purged by apt, with this program and without.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::chroot::Chroot;
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{World, debian, tool};

/// The only result of a format.
fn result(world: &World, id: &str, directory: &str) -> PathBuf {
    let directory = world.tree().join(id).join(directory);
    let mut entries = fs::read_dir(&directory).unwrap_or_else(|e| panic!("no {}: {e}", directory.display()));
    entries.next().expect("a result").expect("readable").path()
}

/// A package of Debian's as this program packs it, put into a system; its file's
/// name there, and `name/version`.
fn packed(package: &str, action: &str, directory: &str, options: &str, into: &Chroot) -> (String, String) {
    let source = debian::source(package);
    let (world, id) = (World::generic(), debian::id(&source));
    world.copy_source(&source);
    world.dkms(&format!("build {id} -k {}", kernel())).expect(0);
    world.dkms(&format!("{action} {id} {options}")).expect(0);
    (put(&result(&world, &id, directory), into), id)
}

fn put(deb: &Path, into: &Chroot) -> String {
    let name = deb.file_name().expect("a file").to_string_lossy().into_owned();
    fs::copy(deb, into.path(&name)).expect("writable");
    name
}

/// Debian's ddcci-dkms under another version.
fn newer(into: &Chroot) -> String {
    let (world, source) = (World::generic(), debian::source("ddcci-dkms"));
    world.copy_source(&source);
    let old = debian::id(&source).split_once('/').expect("m/v").1.to_owned();
    let script = format!(
        "mv /usr/src/ddcci-{old} /usr/src/ddcci-9.9 && cd /usr/src/ddcci-9.9 && \
         sed -i 's/{old}/9.9/g' dkms.conf && dkms add ddcci/9.9 && dkms mkdeb ddcci/9.9 --source-only"
    );
    world.shell(&script).run().expect(0);
    put(&result(&world, "ddcci/9.9", "deb"), into)
}

#[test]
#[ignore = "slow"]
fn packages_of_the_source_are_installed_upgraded_and_purged() {
    let system = Chroot::minimal();
    system.bring_package();
    system.apt("update");
    system.apt("install /modsmith.deb linux-headers-amd64");
    let kernel = kernel();
    assert!(
        system.path("lib/modules").join(&kernel).is_dir(),
        "headers of another kernel than {kernel}: apt-get update"
    );
    let installed = |id: &str| format!("{id}, {kernel}, {}: installed\n", kernel::arch());
    let status = || system.run("dkms status").expect(0).stdout;

    // What is built comes along: nothing is compiled.
    let with_modules = format!("-k {kernel}");
    let (ddcci, ddcci_id) = packed("ddcci-dkms", "mkdeb", "deb", &with_modules, &system);
    let out = system.apt(&format!("install /{ddcci}"));
    assert!(!out.stdout.contains("Building module"), "{out}");
    assert_eq!(status(), installed(&ddcci_id));
    let modules = system.path("lib/modules").join(&kernel).join("updates/dkms");
    assert!(modules.join("ddcci.ko").is_file() && modules.join("ddcci-backlight.ko").is_file());

    // An upgrade takes the old version along.
    let newer = newer(&system);
    let out = system.apt(&format!("install /{newer}"));
    assert!(out.stdout.contains("Building module"), "{out}");
    assert_eq!(status(), installed("ddcci/9.9"));
    assert!(!system.path("usr/src").join(ddcci_id.replacen('/', "-", 1)).exists());

    // Others beside it.
    let (bbswitch, bbswitch_id) = packed("bbswitch-dkms", "mkdeb", "deb", "--source-only", &system);
    let (loopback, loopback_id) = packed("v4l2loopback-dkms", "mkdeb", "deb", &with_modules, &system);
    system.apt(&format!("install /{bbswitch} /{loopback}"));
    assert_eq!(status(), [installed(&bbswitch_id), installed("ddcci/9.9"), installed(&loopback_id)].concat());

    // Removed and purged, nothing of them stays.
    system.apt("remove v4l2loopback-dkms");
    system.apt("purge ddcci-dkms bbswitch-dkms v4l2loopback-dkms");
    assert_eq!(status(), "");
    assert!(!modules.exists(), "no module and no empty directory is left");
    for name in ["ddcci", "bbswitch", "v4l2loopback"] {
        assert!(!system.path("var/lib/dkms").join(name).exists(), "{name} in the tree");
    }
    let sources = fs::read_dir(system.path("usr/src")).expect("headers are there");
    let left: Vec<_> = sources.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    assert!(left.iter().all(|name| name.starts_with("linux-")), "{left:?}");
}

#[test]
#[ignore = "slow"]
fn debians_own_dkms_installs_and_removes_packages_made_here() {
    let system = Chroot::minimal();
    system.apt("update");
    system.apt("install dkms linux-headers-amd64");
    let status = || system.run("dkms status").expect(0).stdout;
    let installed = |id: &str| format!("{id}, {}, {}: installed\n", kernel(), kernel::arch());
    let (ddcci, ddcci_id) = packed("ddcci-dkms", "mkdeb", "deb", &format!("-k {}", kernel()), &system);
    let (bbswitch, bbswitch_id) = packed("bbswitch-dkms", "mkdeb", "deb", "--source-only", &system);
    let out = system.apt(&format!("install /{ddcci} /{bbswitch}"));
    assert!(out.stdout.contains("ddcci"), "{out}");
    assert_eq!(status(), [installed(&bbswitch_id), installed(&ddcci_id)].concat());
    system.apt("purge ddcci-dkms bbswitch-dkms");
    assert_eq!(status(), "");
}

#[test]
#[ignore = "slow"]
fn packages_of_modules_need_no_dkms_and_go_without_a_trace() {
    let system = Chroot::minimal();
    system.apt("update");
    let kernel = kernel();
    // The kernel, as far as the package asks for it.
    let image = system.path("image");
    fs::create_dir_all(image.join("DEBIAN")).expect("writable");
    let control = format!(
        "Package: linux-image-{kernel}\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: x\n"
    );
    fs::write(image.join("DEBIAN/control"), control).expect("writable");
    let modules = Path::new("lib/modules").join(&kernel);
    fs::create_dir_all(image.join(&modules)).expect("writable");
    for index in ["modules.order", "modules.builtin"] {
        fs::write(image.join(&modules).join(index), "").expect("writable");
    }
    tool::run(Command::new(tool::path("dpkg-deb")).arg("-b").arg(&image).arg(system.path("image.deb")));

    let option = format!("-k {kernel}");
    let (ddcci, _) = packed("ddcci-dkms", "mkbmdeb", "bmdeb", &option, &system);
    let (loopback, _) = packed("v4l2loopback-dkms", "mkbmdeb", "bmdeb", &option, &system);
    system.apt(&format!("install kmod /image.deb /{ddcci} /{loopback}"));
    assert_ne!(system.run("command -v dkms").code, 0);
    let shown = system.run(&format!("modprobe -S {kernel} --show-depends ddcci-backlight")).expect(0).stdout;
    assert!(shown.contains("updates/dkms/ddcci.ko") && shown.contains("updates/dkms/ddcci-backlight.ko"), "{shown}");
    system.run(&format!("modprobe -S {kernel} --show-depends v4l2loopback")).expect(0);

    system.apt(&format!("purge ddcci-modules-{kernel} v4l2loopback-modules-{kernel}"));
    assert_ne!(system.run(&format!("modprobe -S {kernel} --show-depends ddcci")).code, 0);
    let index = fs::read_to_string(system.path(modules.join("modules.dep"))).expect("the index stays with the kernel");
    assert_eq!(index, "");
    assert!(!system.path(modules.join("updates")).exists(), "an empty directory is left");
}
