//! Modules that are offered to other kernels: by links to those whose symbols
//! have the same versions, or by a distribution's script.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::tool;

/// A system whose kernel updates keep symbol versions.
const KEEPING: &str = "ID=rocky\nID_LIKE=\"rhel centos fedora\"\n";
/// An update of the generic kernel that kept all of them.
const UPDATE: &str = "6.1.0-1056-amd64";

fn generic() -> String {
    kernel::newest(Flavour::Generic)
}

fn cloud() -> String {
    kernel::newest(Flavour::Cloud)
}

/// A system with the generic kernel, an update of it without headers, and a
/// kernel with other symbol versions; and a package.
fn world(os_release: &str) -> World {
    let world = World::new(&[generic(), cloud()]).of_system(os_release);
    kernel::add_update(&world, &generic(), UPDATE);
    world.add_package(&Package::new("offered", "1.0"));
    world
}

/// `KERNEL` is the generic kernel, `UPDATE` its update, `CLOUD` the other one.
fn fill(line: &str) -> String {
    line.replace("KERNEL", &generic()).replace("UPDATE", UPDATE).replace("CLOUD", &cloud())
}

fn dkms(world: &World, line: &str) -> String {
    world.dkms(&fill(line)).expect_no_panic().expect(0).stdout
}

/// The file that modprobe would load for a kernel, relative to its directory.
fn loaded(world: &World, kernel: &str, module: &str) -> Option<String> {
    let out = world.program(tool::path("modprobe")).words(&format!("-S {kernel} --show-depends {module}")).run();
    let line = out.stdout.lines().next_back()?.trim().strip_prefix("insmod ")?.to_owned();
    Some(line.trim().split_once(&format!("/{kernel}/"))?.1.to_owned())
}

#[test]
fn a_kernel_with_the_same_symbols_gets_a_link_and_one_with_others_gets_none() {
    let world = world(KEEPING);
    let said = dkms(&world, "install offered/1.0 -k KERNEL");
    assert!(said.contains("Adding linked weak modules..."), "{said}");
    let link = world.modules(UPDATE).join("weak-updates/offered.ko");
    assert_eq!(fs::read_link(&link).unwrap().display().to_string(), fill("../../KERNEL/extra/offered.ko"));
    assert!(link.is_file(), "the link leads to the module");
    assert!(!world.modules(&cloud()).join("weak-updates").exists());
    // Both kernels' indices know it: depmod ran for both.
    assert_eq!(loaded(&world, &generic(), "offered").as_deref(), Some("extra/offered.ko"));
    assert_eq!(loaded(&world, UPDATE, "offered").as_deref(), Some("weak-updates/offered.ko"));
    assert_eq!(loaded(&world, &cloud(), "offered"), None);

    let arch = kernel::arch();
    let installed = fill(&format!("offered/1.0, KERNEL, {arch}: installed\n"));
    let weak = fill(&format!("offered, 1.0, UPDATE, {arch}: installed-weak from KERNEL\n"));
    assert_eq!(dkms(&world, "status"), format!("{installed}{weak}"));
    assert_eq!(dkms(&world, "status -k UPDATE"), weak);
    assert_eq!(dkms(&world, "status -k KERNEL"), installed);
    assert_eq!(dkms(&world, "status -k CLOUD"), "offered/1.0: added\n");
    let json: serde_json::Value = serde_json::from_str(&dkms(&world, "status --json")).unwrap();
    let states: Vec<_> = json["packages"].as_array().unwrap().iter().map(|p| (&p["state"], &p["from"])).collect();
    assert_eq!(
        format!("{states:?}"),
        fill(r#"[(String("installed"), Null), (String("installed-weak"), String("KERNEL"))]"#)
    );

    let said = dkms(&world, "uninstall offered/1.0 -k KERNEL");
    assert!(said.contains("Removing linked weak modules..."), "{said}");
    assert!(!world.modules(UPDATE).join("weak-updates").exists(), "no empty directory is left");
    assert_eq!(loaded(&world, UPDATE, "offered"), None);
    assert_eq!(dkms(&world, "status"), fill(&format!("offered/1.0, KERNEL, {arch}: built\n")));
}

#[test]
fn compressed_modules_are_read_and_linked_too() {
    for suffix in [".xz", ".zst", ".gz"] {
        let world = world(KEEPING);
        fs::write(world.modules(&generic()).join(format!("kernel/own.ko{suffix}")), "").unwrap();
        dkms(&world, "install offered/1.0 -k KERNEL");
        assert!(world.modules(UPDATE).join(format!("weak-updates/offered.ko{suffix}")).is_file(), "{suffix}");
    }
}

#[test]
fn where_kernels_keep_no_versions_it_has_to_be_asked_for() {
    let world = world("ID=debian\n");
    dkms(&world, "install offered/1.0 -k KERNEL");
    assert!(!world.modules(UPDATE).join("weak-updates").exists());
    dkms(&world, "uninstall offered/1.0 -k KERNEL");
    world.write("etc/modsmith/settings/weak-links.toml", "enabled = true\n");
    dkms(&world, "install offered/1.0 -k KERNEL");
    assert!(world.modules(UPDATE).join("weak-updates/dkms/offered.ko").is_file());
    assert_eq!(loaded(&world, UPDATE, "offered").as_deref(), Some("weak-updates/dkms/offered.ko"));
}

#[test]
fn no_weak_modules_switches_it_off() {
    let world = world(KEEPING);
    world.add_package(&Package::new("kept", "1.0").conf("NO_WEAK_MODULES=yes"));
    dkms(&world, "install kept/1.0 -k KERNEL");
    let out = world.program(world.path("bin/dkms")).words(&fill("install offered/1.0 -k KERNEL"));
    out.env("NO_WEAK_MODULES", "1").run().expect(0);
    assert!(!world.modules(UPDATE).join("weak-updates").exists());
}

#[test]
fn a_kernel_that_the_package_is_built_for_needs_no_link() {
    let world = world(KEEPING);
    let headers = fs::read_link(world.modules(&generic()).join("build")).unwrap();
    std::os::unix::fs::symlink(headers, world.modules(UPDATE).join("build")).unwrap();
    dkms(&world, "build offered/1.0 -k UPDATE");
    dkms(&world, "install offered/1.0 -k KERNEL");
    assert!(!world.modules(UPDATE).join("weak-updates").exists());
}

#[test]
fn autoinstall_builds_for_a_kernel_that_has_a_link() {
    let world = world(KEEPING);
    dkms(&world, "install offered/1.0 -k KERNEL");
    let headers = fs::read_link(world.modules(&generic()).join("build")).unwrap();
    std::os::unix::fs::symlink(headers, world.modules(UPDATE).join("build")).unwrap();
    dkms(&world, "autoinstall -k UPDATE");
    assert!(world.modules(UPDATE).join("extra/offered.ko").is_file());
    let status = dkms(&world, "status -k UPDATE");
    assert_eq!(status, fill(&format!("offered/1.0, UPDATE, {}: installed\n", kernel::arch())));
}

#[test]
fn autoinstall_indexes_the_kernels_that_get_links() {
    let world = world(KEEPING);
    world.add_package(&Package::new("second", "1.0"));
    dkms(&world, "add offered/1.0");
    dkms(&world, "add second/1.0");
    dkms(&world, "autoinstall -k KERNEL");
    for module in ["offered", "second"] {
        assert_eq!(loaded(&world, UPDATE, module), Some(format!("weak-updates/{module}.ko")));
    }
    let left: Vec<_> = fs::read_dir(world.tree()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("depmod-pending")), "{left:?}");
    dkms(&world, "kernel_prerm -k KERNEL");
    assert_eq!(loaded(&world, UPDATE, "offered"), None);
}

#[test]
fn a_kernel_that_goes_loses_its_links_and_what_it_had_is_matched() {
    let world = world(KEEPING);
    dkms(&world, "install offered/1.0 -k KERNEL");
    // Not a link of the tree's: it stays.
    std::os::unix::fs::symlink("/nowhere/x.ko", world.modules(UPDATE).join("weak-updates/x.ko")).unwrap();
    dkms(&world, "match --templatekernel UPDATE -k CLOUD");
    assert!(world.modules(&cloud()).join("extra/offered.ko").is_file());
    dkms(&world, "kernel_prerm -k UPDATE");
    assert!(fs::symlink_metadata(world.modules(UPDATE).join("weak-updates/offered.ko")).is_err());
    assert!(fs::symlink_metadata(world.modules(UPDATE).join("weak-updates/x.ko")).is_ok());
    assert!(world.modules(&generic()).join("extra/offered.ko").is_file());
}

#[test]
fn modules_that_need_each_other_are_linked_together() {
    let world = world(KEEPING);
    let source = |body: &str| format!("#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n{body}\n");
    let package = Package::new("pair", "1.0")
        .conf("BUILT_MODULE_NAME[1]=\"user\"\nDEST_MODULE_LOCATION[1]=\"/extra\"")
        .file("Makefile", "obj-m := pair.o user.o\n")
        .file("pair.c", source("int pair_value(void);\nint pair_value(void) { return 1; }\nEXPORT_SYMBOL(pair_value);"))
        .file(
            "user.c",
            source(
                "int pair_value(void);\nstatic int __init begin(void) { return pair_value(); }\nmodule_init(begin);",
            ),
        );
    world.add_package(&package);
    dkms(&world, "install pair/1.0 -k KERNEL");
    assert_eq!(loaded(&world, UPDATE, "user").as_deref(), Some("weak-updates/user.ko"));
    assert_eq!(loaded(&world, UPDATE, "pair").as_deref(), Some("weak-updates/pair.ko"));
}

/// A script that writes down how it was called, and what it was given to read.
fn script(world: &World) {
    let body = format!("#!/bin/sh\n{{ echo \"$@\"; cat; }} >> {}\n", world.path("calls").display());
    world.write("etc/script", body);
    fs::set_permissions(world.path("etc/script"), fs::Permissions::from_mode(0o755)).unwrap();
    world.write("etc/modsmith/settings/weak-modules.toml", "weak_modules_bin = \"/etc/script\"\n");
}

#[test]
fn scripts_of_distributions_are_told_the_files() {
    for (os_release, directory, words) in [
        (KEEPING, "extra", ["--no-initramfs --add-modules", "--no-initramfs --remove-modules"]),
        ("ID=sles\nID_LIKE=suse\n", "updates", ["--add-kernel-modules KERNEL", "--remove-kernel-modules KERNEL"]),
    ] {
        let world = world(os_release);
        script(&world);
        world.write("etc/sysconfig/module-init-tools", format!("ADDON_MODULES_DIR={directory}\n"));
        dkms(&world, "install offered/1.0 -k KERNEL");
        dkms(&world, "uninstall offered/1.0 -k KERNEL");
        let calls = fs::read_to_string(world.path("calls")).unwrap();
        let file = fill(&format!("/lib/modules/KERNEL/{directory}/offered.ko"));
        let wanted: String = words.iter().map(|words| format!("{}\n{file}\n", fill(words))).collect();
        assert_eq!(calls, wanted, "{os_release}");
        assert!(!world.modules(UPDATE).join("weak-updates").exists(), "the script alone serves");
    }
}

#[test]
fn a_script_that_fails_is_a_warning() {
    let world = world(KEEPING);
    script(&world);
    world.write("etc/script", "#!/bin/sh\necho broken >&2\nexit 3\n");
    let out = world.dkms(&fill("install offered/1.0 -k KERNEL")).expect(0);
    assert!(out.stderr.contains("Warning") && out.stderr.contains("broken"), "{out}");
}
