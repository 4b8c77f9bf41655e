//! States that show without the kernel's image.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use modsmith_tests::fixture;
use modsmith_tests::state::{generic, other, prebuilt};
use modsmith_tests::{World, kernel, tool};

use crate::scene::{
    bare, check, copy, depmod, dkms, fill, found, installed, installed_file, product, repairs, target_dir, tells,
};

#[test]
fn a_source_that_is_lost_and_that_no_kernel_uses_leaves_the_tree() {
    let world = bare();
    dkms(&world, "add sample/1.0");
    fs::remove_dir_all(world.path("usr/src/sample-1.0")).expect("it was there");
    repairs(&world, "source-lost", "automatic");
    assert!(!world.tree().join("sample").exists());
}

#[test]
fn a_source_that_is_lost_is_told_while_a_kernel_uses_its_modules() {
    let world = installed();
    fs::remove_dir_all(world.path("usr/src/sample-1.0")).expect("it was there");
    tells(&world, "source-lost");
    assert!(installed_file(&world).is_file() && product(&world).is_file());
}

#[test]
fn a_dkms_conf_that_is_gone_is_told_while_a_kernel_uses_its_modules() {
    let world = installed();
    fs::remove_file(world.path("usr/src/sample-1.0/dkms.conf")).expect("it was there");
    tells(&world, "source-lost");
}

#[test]
fn a_link_to_a_source_that_is_there_is_made_again() {
    let world = installed();
    let link = world.tree().join("sample/1.0/source");
    fs::remove_file(&link).expect("it was there");
    symlink("/usr/src/nowhere", &link).expect("writable");
    repairs(&world, "source-lost", "automatic");
    assert_eq!(fs::read_link(link).expect("a link").to_str(), Some("/usr/src/sample-1.0"));
}

#[test]
fn products_that_are_cut_or_missing_are_built_again() {
    let world = installed();
    let whole = fs::read(product(&world)).expect("a product");
    fs::write(product(&world), &whole[..100]).expect("writable");
    repairs(&world, "products-incomplete", "rebuild");
    fs::remove_file(product(&world)).expect("it was there");
    repairs(&world, "products-incomplete", "rebuild");
}

#[test]
fn what_a_killed_build_leaves_goes() {
    let world = installed();
    world.write("var/lib/dkms/sample/1.0/build/sample.o", "half");
    fs::create_dir_all(target_dir(&world).with_file_name(".tmp_x86_64_1/module")).expect("writable");
    repairs(&world, "leftover-build", "automatic");
    assert!(!world.tree().join("sample/1.0/build").exists());
}

#[test]
fn a_directory_that_a_process_works_in_is_no_leftover() {
    let world = installed();
    world.write("var/lib/dkms/sample/1.0/build/sample.o", "half");
    let script = "cd /var/lib/dkms/sample/1.0/build && modsmith check --dkmstree /var/lib/dkms";
    let script = script.replace("modsmith", &modsmith_tests::world::modsmith().display().to_string());
    world.shell(&script).run().expect(0);
}

#[test]
fn check_installs_a_newer_build() {
    let world = installed();
    let newer = fixture::module(&generic(), "sample", Some("2.0"));
    copy(&newer, &world.path(format!("usr/src/sample-1.0/prebuilt/{}.ko", generic())));
    dkms(&world, "build sample/1.0 -k KERNEL --force");
    repairs(&world, "installed-differs", "automatic");
}

#[test]
fn a_module_of_somebody_else_is_kept() {
    let world = installed();
    copy(&fixture::module(&generic(), "sample", Some("2.0")), &installed_file(&world));
    let before = fs::read(installed_file(&world)).expect("a file");
    tells(&world, "installed-differs");
    assert_eq!(fs::read(installed_file(&world)).expect("a file"), before);
}

#[test]
fn an_installed_module_that_is_gone_comes_back() {
    let world = installed();
    fs::remove_file(installed_file(&world)).expect("it was there");
    repairs(&world, "installed-missing", "automatic");
    assert!(installed_file(&world).is_file());
}

/// A kernel whose package was removed.
fn without_kernel(world: &World) {
    let directory = world.modules(&other());
    fs::remove_dir_all(directory.join("kernel")).expect("it was there");
    for file in ["build", "modules.order", "modules.builtin"] {
        fs::remove_file(directory.join(file)).expect("it was there");
    }
}

#[test]
fn modules_of_a_kernel_that_is_gone_go() {
    let world = installed();
    dkms(&world, "install sample/1.0 -k OTHER");
    without_kernel(&world);
    repairs(&world, "orphaned-kernel", "automatic");
    assert!(!world.modules(&other()).exists() && installed_file(&world).is_file());
    assert!(!world.tree().join("sample/1.0").join(other()).exists());
}

#[test]
fn the_directory_of_a_kernel_that_is_gone_stays_with_what_is_not_known() {
    let world = installed();
    dkms(&world, "install sample/1.0 -k OTHER");
    without_kernel(&world);
    world.write(&format!("lib/modules/{}/extra/vendor.bin", other()), "firmware");
    tells(&world, "orphaned-kernel");
}

#[test]
fn what_counts_as_installed_for_a_kernel_without_directory_goes() {
    let world = installed();
    dkms(&world, "install sample/1.0 -k OTHER");
    fs::remove_dir_all(world.modules(&other())).expect("it was there");
    repairs(&world, "orphaned-kernel", "automatic");
    assert!(!world.modules(&other()).exists());
}

/// A module of the kernel was put aside for one that is gone now.
fn with_lost_original() -> World {
    let world = bare();
    world.add_module(&generic(), &fixture::module(&generic(), "sample", Some("0.5")));
    depmod(&world);
    dkms(&world, "install sample/1.0 -k KERNEL");
    fs::remove_file(world.tree().join(fill("sample/kernel-KERNEL-ARCH"))).expect("it was there");
    fs::remove_file(installed_file(&world)).expect("it was there");
    depmod(&world);
    world
}

#[test]
fn a_module_of_the_kernel_that_was_put_aside_is_put_back() {
    let world = with_lost_original();
    repairs(&world, "original-not-restored", "automatic");
    assert!(world.modules(&generic()).join("kernel/drivers/misc/sample.ko").is_file());
    assert!(!world.tree().join("sample/original_module").exists());
}

#[test]
fn an_original_whose_place_is_taken_is_told() {
    let world = with_lost_original();
    world.add_module(&generic(), &fixture::module(&generic(), "sample", Some("2.0")));
    depmod(&world);
    tells(&world, "original-not-restored");
}

#[test]
fn a_second_file_of_the_same_build_goes() {
    let world = installed();
    copy(&installed_file(&world), &world.modules(&generic()).join("extra/sample.ko"));
    depmod(&world);
    repairs(&world, "duplicate-module", "automatic");
    assert!(!world.modules(&generic()).join("extra").exists() && installed_file(&world).is_file());
}

#[test]
fn a_second_file_of_somebody_else_is_told_where_it_is_loaded() {
    let world = installed();
    let foreign = world.modules(&generic()).join("updates/sample.ko");
    copy(&fixture::module(&generic(), "sample", Some("2.0")), &foreign);
    let index = world.modules(&generic()).join("modules.dep");
    fs::write(&index, "updates/sample.ko:\n").expect("writable");
    tells(&world, "duplicate-module");
    // And is nobody's business where it is not.
    fs::write(&index, "updates/dkms/sample.ko:\n").expect("writable");
    assert!(check(&world, "").is_empty());
}

#[test]
fn a_link_to_a_module_that_is_gone_goes() {
    let world = installed();
    let links = world.modules(&other()).join("weak-updates");
    fs::create_dir(&links).expect("writable");
    symlink(fill("/lib/modules/KERNEL/updates/dkms/gone.ko"), links.join("gone.ko")).expect("writable");
    symlink(fill("/lib/modules/KERNEL/updates/dkms/sample.ko"), links.join("sample.ko")).expect("writable");
    world.shell(&fill("depmod OTHER")).run().expect(0);
    repairs(&world, "weak-link-broken", "automatic");
    assert!(links.join("sample.ko").is_symlink() && !links.join("gone.ko").is_symlink());
}

#[test]
fn of_several_versions_the_newest_stays() {
    let world = installed();
    dkms(&world, "build sample/2.0 -k KERNEL");
    let newer = world.tree().join(fill("sample/2.0/KERNEL/ARCH/module/sample.ko"));
    copy(&newer, &world.modules(&generic()).join("extra/sample.ko"));
    depmod(&world);
    repairs(&world, "several-versions", "automatic");
    assert_eq!(fs::read(installed_file(&world)).expect("a file"), fs::read(newer).expect("a product"));
    assert!(!world.modules(&generic()).join("extra").exists() && product(&world).is_file());
}

/// A kernel counts when it can be started.
fn with_image(world: &World) {
    world.write(&format!("boot/vmlinuz-{}", generic()), "not a real image");
}

#[test]
fn a_package_that_is_for_each_kernel_is_installed_for_one_that_lacks_it() {
    let world = bare();
    with_image(&world);
    dkms(&world, "add sample/1.0");
    repairs(&world, "not-installed", "rebuild");
    assert!(installed_file(&world).is_file());
}

#[test]
fn headers_that_are_missing_are_named() {
    let world = bare();
    let bare = fill("BARE");
    tool::run(Command::new("cp").arg("-a").arg(world.modules(&generic())).arg(world.modules(&bare)));
    fs::remove_file(world.modules(&bare).join("build")).expect("it was there");
    world.write(&format!("boot/vmlinuz-{bare}"), "not a real image");
    dkms(&world, "add sample/1.0");
    let problem = tells(&world, "not-installed");
    let text = problem["remedy"]["text"].as_str().expect("a text");
    assert!(text.contains(&format!("linux-headers-{bare}")), "{problem:#}");
}

#[test]
fn a_module_of_another_key_is_signed_again() {
    let world = installed();
    tool::run(
        Command::new(tool::path("openssl"))
            .args(["req", "-new", "-x509", "-nodes", "-days", "100", "-subj", "/CN=another/", "-newkey", "rsa:2048"])
            .args(["-outform", "DER", "-keyout", "mok.key", "-out", "mok.pub"])
            .current_dir(world.tree()),
    );
    fs::set_permissions(world.tree().join("mok.key"), fs::Permissions::from_mode(0o600)).expect("writable");
    repairs(&world, "signature", "automatic");
    let signed = modsmith_tests::signature::Signed::read(&installed_file(&world)).expect("a signature");
    assert!(signed.verifies(&world.tree().join("mok.pub")));
}

#[test]
fn a_module_without_a_signature_is_signed() {
    let world = bare();
    world.write("etc/dkms/framework.conf", "try_sign_modules=false\n");
    dkms(&world, "install sample/1.0 -k KERNEL");
    assert!(check(&world, "").is_empty(), "no signatures are wanted");
    world.write("etc/dkms/framework.conf", "");
    repairs(&world, "signature", "automatic");
}

/// A boot image without files: the last member of an archive.
fn empty_boot_image() -> String {
    format!("070701{}{:08x}{:08x}TRAILER!!!\0\0\0\0", "0".repeat(8 * 11), 11, 0)
}

#[test]
fn a_boot_image_that_is_older_than_its_module_is_made_again() {
    let world = bare();
    world.add_package(&prebuilt("sample", "1.0").conf("REMAKE_INITRD=yes"));
    let image = world.path("boot").join(format!("initramfs-{}.img", generic()));
    fs::write(&image, empty_boot_image()).expect("writable");
    let stand_in = world.path("usr/src/tool");
    fs::write(&stand_in, "#!/bin/sh\nprintf '\\0\\0\\0\\0' >> \"$2\"\n").expect("writable");
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).expect("just written");
    let place = tool::path("dracut");
    let run = |line: &str| {
        let modsmith = modsmith_tests::world::modsmith();
        let script = format!("mount --bind /usr/src/tool {} && exec {} {line}", place.display(), modsmith.display());
        world.shell(&fill(&script)).run()
    };
    run("install sample/1.0 -k KERNEL --no-initrd").expect(0);
    let out = run("check --json").expect(35);
    assert_eq!(
        found(out.json()["problems"].as_array().unwrap()),
        [("boot-image-older".into(), "automatic".into())],
        "{out}"
    );
    run("check --repair").expect(0);
    assert_eq!(fs::read_to_string(&image).expect("an image"), empty_boot_image() + "\0\0\0\0");
    run("check").expect(0);
}

#[test]
fn an_index_that_does_not_name_the_module_is_made_again() {
    let world = installed();
    let index = world.modules(&generic()).join("modules.dep");
    let text = fs::read_to_string(&index).expect("an index");
    let without: String =
        text.lines().filter(|line| !line.contains("sample.ko")).map(|line| format!("{line}\n")).collect();
    assert_ne!(text, without);
    fs::write(&index, without).expect("writable");
    repairs(&world, "not-in-module-index", "automatic");
    assert_eq!(fs::read_to_string(&index).expect("an index"), text);
}

#[test]
fn a_boot_image_that_was_not_finished_is_told() {
    let world = installed();
    let image = format!("boot/initramfs-{}.img", generic());
    world.write(&image, empty_boot_image());
    world.write(&format!("{image}.new"), "half an image");
    let problem = tells(&world, "boot-image-unfinished");
    assert!(problem["evidence"].as_str().is_some_and(|text| text.contains("MiB are free")), "{problem:#}");
}

#[test]
fn check_removes_empty_directories() {
    let world = installed();
    fs::create_dir_all(world.tree().join("sample/9.9/build")).expect("writable");
    repairs(&world, "empty-directories", "automatic");
    fs::create_dir(world.path("usr/src/sample-9.8")).expect("writable");
    repairs(&world, "empty-directories", "automatic");
    assert!(!world.path("usr/src/sample-9.8").exists());
    fs::create_dir(world.path("usr/src/other-1.0")).expect("writable");
    assert!(check(&world, "").is_empty(), "of no module in the tree");
}

#[test]
fn the_log_of_a_failed_build_becomes_a_record() {
    let world = bare();
    dkms(&world, "add sample/1.0");
    let log = "DKMS make.log for sample-1.0 for kernel KERNEL (ARCH)\nx.c:3:1: error: unknown type name 'u33'\nmake: *** Error 2\n";
    world.write("var/lib/dkms/sample/1.0/build/make.log", fill(log));
    repairs(&world, "failed-build-unrecorded", "automatic");
    let out = world.modsmith(&fill("log sample/1.0 -k KERNEL")).expect(0);
    assert!(out.stdout.contains("unknown type name 'u33'"), "{out}");
}

#[test]
fn a_dkms_conf_of_another_version_is_told() {
    let world = installed();
    let conf = world.path("usr/src/sample-1.0/dkms.conf");
    let text =
        fs::read_to_string(&conf).expect("a dkms.conf").replace("PACKAGE_VERSION=\"1.0\"", "PACKAGE_VERSION=\"1.1\"");
    fs::write(&conf, text).expect("writable");
    tells(&world, "name-differs");
}

#[test]
fn a_link_to_a_build_that_is_gone_goes() {
    let world = installed();
    fs::remove_dir_all(world.tree().join("sample/1.0").join(generic())).expect("it was there");
    repairs(&world, "active-link-dangling", "automatic");
    assert!(!world.tree().join(fill("sample/kernel-KERNEL-ARCH")).is_symlink());
}

#[test]
fn a_link_leads_again_to_the_version_that_is_installed() {
    let world = installed();
    let link = world.tree().join(fill("sample/kernel-KERNEL-ARCH"));
    fs::remove_file(&link).expect("it was there");
    symlink(fill("0.9/KERNEL/ARCH"), &link).expect("writable");
    repairs(&world, "active-link-dangling", "automatic");
    assert_eq!(fs::read_link(&link).expect("a link").to_str(), Some(fill("1.0/KERNEL/ARCH").as_str()));
}

#[test]
fn a_module_that_others_can_write_is_copied_again() {
    let world = installed();
    fs::set_permissions(installed_file(&world), fs::Permissions::from_mode(0o666)).expect("writable");
    repairs(&world, "module-writable", "automatic");
    assert_eq!(fs::metadata(installed_file(&world)).expect("a file").permissions().mode() & 0o777, 0o644);
}

#[test]
fn a_source_that_others_can_write_is_told() {
    let world = installed();
    fs::set_permissions(world.path("usr/src/sample-1.0"), fs::Permissions::from_mode(0o777)).expect("writable");
    tells(&world, "source-writable");
}

#[test]
fn a_failure_for_one_kernel_stops_no_other() {
    let world = installed();
    dkms(&world, "install sample/1.0 -k OTHER");
    for kernel in [generic(), other()] {
        let product = world.tree().join("sample/1.0").join(&kernel).join(kernel::arch()).join("module/sample.ko");
        fs::write(product, "cut").expect("writable");
    }
    fs::remove_file(world.path(format!("usr/src/sample-1.0/prebuilt/{}.ko", other()))).expect("it was there");
    let problems = check(&world, "--repair");
    let outcome = |kernel: &str| {
        let of_kernel = problems.iter().find(|problem| problem["kernel"] == kernel).expect("a problem of each kernel");
        of_kernel["outcome"].as_str().expect("a word").to_owned()
    };
    assert_eq!(
        (outcome(&generic()).as_str(), outcome(&other()).as_str()),
        ("repaired", "not-repaired"),
        "{problems:#?}"
    );
}

#[test]
fn check_looks_only_at_the_packages_and_kernels_that_are_named() {
    let world = installed();
    fs::remove_file(installed_file(&world)).expect("it was there");
    for (line, count) in
        [("sample", 1), ("sample/1.0", 1), ("sample/2.0", 0), ("another", 0), ("-k KERNEL", 1), ("-k OTHER", 0)]
    {
        assert_eq!(check(&world, &fill(line)).len(), count, "{line}");
    }
    world.modsmith("check --dry-run").expect(1).expect_hint();
}
