//! Plugins and tables that change while modules are installed: nothing that was
//! installed is left behind, nothing that is not ours goes, and what a plugin
//! would have decided is not decided without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::fixture::{self, Package, own_system};
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, World, tool};

const TABLE: &str = "etc/modsmith/plugins/ownsys.toml";

/// Puts the table there that says so, without a grant.
fn drop_table(world: &World, policy: &str) {
    let head = "id = \"ownsys\"\nversion = \"1.0.0\"\nbase = \"table\"\n[match]\ndistro = [\"ownsys\"]\n\
                [roles]\nprovides = [\"install-policy\"]\n[policy]\nprune = \"always\"\n";
    world.write(TABLE, format!("{head}{policy}\n"));
}

/// The administrator's word that modules go to a directory.
fn grant(world: &World, directory: &str) {
    drop_table(world, &format!("directory = \"{directory}\""));
    world.modsmith("plugin grant ownsys").expect(0);
}

fn dkms(world: &World, line: &str) -> Output {
    world.dkms(&format!("{line} -k {}", kernel()))
}

fn module(world: &World, directory: &str) -> PathBuf {
    world.modules(&kernel()).join(directory).join("moved.ko")
}

fn version(file: &Path) -> String {
    modsmith_tests::modinfo::field(file, "version")
}

/// All files of the package's modules below the kernel's directory.
fn modules(world: &World) -> Vec<String> {
    let base = world.modules(&kernel());
    let entries = walkdir::WalkDir::new(&base).sort_by_file_name().into_iter().map(|entry| entry.expect("readable"));
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("moved"));
    named.map(|entry| entry.path().strip_prefix(&base).expect("below it").display().to_string()).collect()
}

#[test]
fn uninstall_finds_what_was_installed_before_the_policy_changed() {
    let world = own_system();
    let original = world.add_module(&kernel(), &fixture::module(&kernel(), "moved", Some("0.5")));
    grant(&world, "extra/a");
    dkms(&world, "install moved/1.0").expect(0);
    assert_eq!(modules(&world), ["extra/a/moved.ko"], "the kernel's own is put aside");

    grant(&world, "updates/b");
    let out = dkms(&world, "uninstall moved/1.0").expect(0);
    assert!(out.stdout.contains("Deleting ") && !out.stdout.contains("was not found"), "{out}");
    assert_eq!(modules(&world), ["kernel/drivers/misc/moved.ko"]);
    assert_eq!(version(&original), "0.5", "the kernel's own is back");
    assert!(!world.modules(&kernel()).join("extra").exists(), "an empty directory is left");
    assert_eq!(world.dkms("status").stdout, format!("moved/1.0, {}, x86_64: built\n", kernel()));
}

#[test]
fn installing_again_moves_the_module_and_removing_the_package_leaves_none() {
    let world = own_system();
    grant(&world, "extra/a");
    dkms(&world, "install moved/1.0").expect(0);
    grant(&world, "updates/b");
    assert_eq!(world.dkms("status").expect(0).stdout, format!("moved/1.0, {}, x86_64: installed\n", kernel()));
    dkms(&world, "install moved/1.0 --force").expect(0);
    assert_eq!(modules(&world), ["updates/b/moved.ko"]);
    assert!(!world.tree().join("moved/original_module").exists(), "our own module is no original");

    grant(&world, "extra/c");
    world.dkms("remove moved/1.0 --all").expect(0);
    assert_eq!(modules(&world), [""; 0]);
    assert!(!world.tree().join("moved").exists());
}

#[test]
fn another_version_takes_the_place_of_one_that_is_elsewhere() {
    let world = own_system();
    world.add_package(&Package::new("moved", "2.0"));
    grant(&world, "extra/a");
    dkms(&world, "install moved/1.0").expect(0);
    grant(&world, "updates/b");
    dkms(&world, "install moved/2.0").expect(0);
    assert_eq!(modules(&world), ["updates/b/moved.ko"]);
    assert_eq!(version(&module(&world, "updates/b")), "2.0");
    dkms(&world, "uninstall moved/2.0").expect(0);
    assert_eq!(modules(&world), [""; 0]);
}

#[test]
fn a_build_anew_does_not_forget_where_the_older_one_is_installed() {
    let world = own_system();
    grant(&world, "extra/a");
    dkms(&world, "install moved/1.0").expect(0);
    grant(&world, "updates/b");
    // Another module comes out, under another name even.
    world.add_package(
        &Package::new("moved", "1.0")
            .conf("DEST_MODULE_NAME[0]=\"moved_on\"")
            .file("moved.c", fixture::c_source(Some("1.1"))),
    );
    dkms(&world, "build moved/1.0 --force").expect(0);
    assert_eq!(modules(&world), ["extra/a/moved.ko"]);
    dkms(&world, "install moved/1.0 --force").expect(0);
    assert_eq!(modules(&world), ["updates/b/moved_on.ko"]);
    dkms(&world, "uninstall moved/1.0").expect(0);
    assert_eq!(modules(&world), [""; 0]);
}

#[test]
fn what_was_compressed_otherwise_goes_too() {
    let world = own_system();
    drop_table(&world, "directory = \"extra/a\"\ncompression = \"xz\"");
    world.modsmith("plugin grant ownsys").expect(0);
    dkms(&world, "install moved/1.0").expect(0);
    assert_eq!(modules(&world), ["extra/a/moved.ko.xz"]);
    drop_table(&world, "directory = \"updates/b\"\ncompression = \"none\"");
    world.modsmith("plugin grant ownsys").expect(0);
    dkms(&world, "build moved/1.0 --force").expect(0);
    dkms(&world, "install moved/1.0 --force").expect(0);
    assert_eq!(modules(&world), ["updates/b/moved.ko"]);
}

#[test]
fn a_file_that_took_the_place_of_ours_stays_and_is_told() {
    let world = own_system();
    grant(&world, "extra/a");
    dkms(&world, "install moved/1.0").expect(0);
    // As a package manager does: even of the same version.
    let foreign = fs::read(fixture::module(&kernel(), "sample", Some("1.0"))).expect("a module");
    fs::remove_file(module(&world, "extra/a")).expect("it was installed");
    fs::write(module(&world, "extra/a"), &foreign).expect("writable");
    for directory in ["extra/a", "updates/b"] {
        let world = world.duplicate();
        grant(&world, directory);
        let out = dkms(&world, "uninstall moved/1.0").expect(0);
        let told = "extra/a/moved.ko is not the file that moved/1.0 installed there";
        assert!(out.stderr.contains(told) && out.stdout.contains("was not found"), "{out}");
        assert_eq!(fs::read(module(&world, "extra/a")).expect("it stays"), foreign);
    }
}

#[test]
fn a_module_that_was_signed_or_compressed_where_it_is_installed_is_still_ours() {
    let world = own_system();
    grant(&world, "extra/a");
    dkms(&world, "install moved/1.0").expect(0);
    let file = module(&world, "extra/a");
    let key = |name: &str| world.tree().join(name);
    tool::run(
        Command::new("/usr/lib/linux-kbuild-6.1/scripts/sign-file")
            .arg("sha512")
            .args([key("mok.key"), key("mok.pub")])
            .arg(&file),
    );
    grant(&world, "updates/b");
    let out = dkms(&world, "uninstall moved/1.0").expect(0);
    assert_eq!((modules(&world), out.stderr.as_str()), (Vec::new(), ""), "{out}");
}

#[test]
fn a_record_leads_nowhere_but_below_the_kernels_module_directory() {
    let world = own_system();
    grant(&world, "extra/a");
    dkms(&world, "install moved/1.0").expect(0);
    let record = world.tree().join("moved/1.0").join(kernel()).join(kernel::arch()).join(".modsmith.json");
    let text = fs::read_to_string(&record).expect("there is a record");
    let victim = fs::copy(module(&world, "extra/a"), world.path("boot/victim.ko")).expect("writable");
    assert!(victim > 0);
    for path in ["../../../boot/victim.ko", "/boot/victim.ko"] {
        let world = world.duplicate();
        let record = world.path(record.strip_prefix(world_dir(&record)).unwrap_or(&record));
        fs::write(&record, text.replace("extra/a/moved.ko", path)).expect("writable");
        dkms(&world, "uninstall moved/1.0").expect(0);
        assert!(world.path("boot/victim.ko").exists(), "{path} was followed");
        assert_eq!(modules(&world), [""; 0], "it is looked for as without a record");
    }
}

/// The world that a file is in.
fn world_dir(file: &Path) -> PathBuf {
    let is_world = |dir: &&Path| dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with("world-"));
    file.ancestors().find(is_world).expect("a file of a world").to_path_buf()
}

/// Nothing but these is in the world, and the action said which plugin is missed,
/// why, and what to do.
#[track_caller]
fn assert_stopped(out: &Output, why: &str) {
    assert_eq!(out.code, 31, "{out}");
    for part in ["`ownsys`", "etc/modsmith/plugins/ownsys.toml", why, "modsmith plugin grant ownsys"] {
        assert!(out.stderr.contains(part), "no {part:?}: {out}");
    }
}

#[test]
fn a_granted_plugin_that_changed_stops_what_it_would_have_decided() {
    let world = own_system();
    world.add_package(&Package::new("other", "1.0"));
    grant(&world, "extra/a");
    dkms(&world, "install moved/1.0").expect(0);
    dkms(&world, "build other/1.0").expect(0);
    // Changed behind the grant's back; then no table any more.
    for (text, why) in [(None, "it has changed since it was granted"), (Some("damaged"), "key with no value")] {
        let world = world.duplicate();
        match text {
            None => drop_table(&world, "directory = \"updates/b\""),
            Some(text) => world.write(TABLE, text),
        }
        let before = world.snapshot();
        for line in
            ["install moved/1.0 --force", "uninstall moved/1.0", "remove moved/1.0", "install other/1.0", "autoinstall"]
        {
            let out = dkms(&world, line);
            if line == "autoinstall" {
                assert!(out.expect(11).stderr.contains(why));
            } else {
                assert_stopped(&out, why);
            }
        }
        assert_stopped(&dkms(&world, "install other/1.0 --force --dry-run"), why);
        assert_eq!(modules(&world), ["extra/a/moved.ko"]);
        // The record of the failed autoinstall is all that is new.
        let ours = |path: &Path| path.to_string_lossy().contains(".modsmith/");
        before.without(ours).assert_same(&world.snapshot().without(ours), "stopped actions");

        // Whoever only looks is warned.
        let out = world.modsmith("status").expect(0);
        assert!(out.stdout.contains("moved/1.0, ") && out.stdout.contains(": installed"), "{out}");
        world.modsmith("conf moved/1.0").expect(0);
        let out = world.modsmith("plugin list").expect(0);
        assert!(out.to_string().contains(why), "{out}");

        // Without the grant, the file is one that somebody dropped there.
        world.modsmith("plugin revoke ownsys").expect(0);
        dkms(&world, "uninstall moved/1.0").expect(0);
        assert_eq!(modules(&world), [""; 0]);
    }
}

#[test]
fn a_granted_plugin_that_changed_is_used_again_once_it_is_granted_anew() {
    let world = own_system();
    grant(&world, "extra/a");
    drop_table(&world, "directory = \"updates/b\"");
    assert_stopped(&dkms(&world, "install moved/1.0"), "it has changed since it was granted");
    world.modsmith("plugin grant ownsys").expect(0);
    dkms(&world, "install moved/1.0").expect(0);
    assert_eq!(modules(&world), ["updates/b/moved.ko"]);
}

#[test]
fn a_plugin_that_never_was_granted_changes_nothing() {
    for text in [None, Some("damaged")] {
        let world = own_system();
        match text {
            None => drop_table(&world, "directory = \"updates/b\""),
            Some(text) => world.write(TABLE, text),
        }
        dkms(&world, "install moved/1.0").expect(0);
        assert_eq!(modules(&world), ["kernel/drivers/misc/moved.ko"]);
    }
}

#[test]
fn a_signer_that_changed_leaves_no_module_unsigned() {
    let world = own_system();
    let signer = modsmith_tests::paths::programs().join("plugins/sign-tool.wasm");
    let location = "etc/modsmith/plugins/own-signer.toml";
    assert!(signer.exists());
    world.write(location, "id = \"own-signer\"\nversion = \"1.0.0\"\nbase = \"sign-tool\"\n[match]\npriority = 99\n");
    world.modsmith("plugin grant own-signer").expect(0);
    world.write(location, "id = \"own-signer\"\nversion = \"1.0.1\"\nbase = \"sign-tool\"\n[match]\npriority = 99\n");
    let out = dkms(&world, "build moved/1.0").expect(31);
    assert!(out.stderr.contains("`own-signer`") && out.stderr.contains("modsmith plugin grant own-signer"), "{out}");
}
