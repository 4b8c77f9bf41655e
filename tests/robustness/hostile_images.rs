//! Images whose links, settings and texts were made to reach the machine that works on them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{Snapshot, World, tool};

use crate::hostile_trees::{ALL_WALLS, EVIL, SECRET, WATCHDOG, WAYS, Way, commands, look, machine, sleeps};

/// An image whose links and settings lead to the machine that looks at it.
fn image(world: &World) -> std::path::PathBuf {
    let image = world.path("boot/image");
    let kernel = kernel();
    for name in
        ["etc/dkms", "usr/src/trap-1.0", "usr/src/headers/include/config", "var/lib", "lib/modules", "boot", "tmp"]
    {
        fs::create_dir_all(image.join(name)).unwrap();
    }
    // What the links would lead to, were they followed out of the image.
    let outside = world.path("boot/outside");
    let version = outside.join("tree/leaked/1.0");
    fs::create_dir_all(version.join(&kernel).join(kernel::arch()).join("module")).unwrap();
    symlink("/boot/outside/src/leaked-1.0", version.join("source")).unwrap();
    Package::new("leaked", "1.0").conf(SECRET).write(&outside.join("src/leaked-1.0"));
    fs::write(outside.join("os-release"), format!("ID={SECRET}\n")).unwrap();
    fs::create_dir_all(outside.join("modules").join(&kernel).join("kernel")).unwrap();

    symlink("/boot/outside/os-release", image.join("etc/os-release")).unwrap();
    symlink("/boot/secret", image.join("etc/dkms/trap.conf")).unwrap();
    Package::new("trap", "1.0")
        .conf("PRE_BUILD=\"touch /boot/outside/ran\"\nPOST_ADD=\"touch /boot/outside/ran\"\nAUTOINSTALL=yes")
        .write(&image.join("usr/src/trap-1.0"));
    let modules = image.join("lib/modules").join(&kernel);
    fs::create_dir_all(modules.join("kernel")).unwrap();
    symlink("/usr/src/headers", modules.join("build")).unwrap();
    symlink("/boot/secret", image.join("usr/src/headers/include/config/auto.conf")).unwrap();
    symlink("/boot/secret", image.join("usr/src/headers/vmlinux")).unwrap();
    fs::write(
        image.join("usr/src/headers/.kernelvariables"),
        "CC := $(shell touch /boot/outside/ran; cat /boot/secret)\n",
    )
    .unwrap();
    image
}

/// Links in the place of all directories that are worked on.
fn leads_out(image: &Path) {
    symlink("/boot/outside/tree", image.join("var/lib/dkms")).unwrap();
    for (directory, outside) in [("usr/src", "/boot/outside/src"), ("lib/modules", "/boot/outside/modules")] {
        fs::remove_dir_all(image.join(directory)).unwrap();
        symlink(outside, image.join(directory)).unwrap();
    }
}

/// Ways to the machine outside: by links, where there are no settings, and by settings.
const SETTINGS: [&str; 4] = [
    "",
    "source_tree=/../../boot/outside/src\ndkms_tree=/../../boot/outside/tree\ninstall_tree=/../../boot/outside/modules\n",
    "dkms_tree=$(touch /boot/outside/ran)/boot/outside/tree\n",
    "tmp_location=/boot/outside\nmok_signing_key=/boot/secret\nmok_certificate=/boot/secret\npost_transaction='touch /boot/outside/ran'\nsign_tool=/boot/outside/tool\n",
];

#[test]
fn an_image_is_looked_at_without_leaving_it() {
    for text in SETTINGS {
        let world = machine();
        let image = image(&world);
        fs::write(image.join("etc/dkms/framework.conf"), text).unwrap();
        if text.is_empty() {
            leads_out(&image);
        } else {
            let tree = image.join("var/lib/dkms/trap/1.0");
            fs::create_dir_all(tree.join(kernel()).join(kernel::arch()).join("module")).unwrap();
            fs::create_dir_all(tree.join(kernel()).join(kernel::arch()).join("log")).unwrap();
            symlink("/boot/secret", tree.join(kernel()).join(kernel::arch()).join("log/make.log")).unwrap();
            symlink("/usr/src/trap-1.0", tree.join("source")).unwrap();
        }
        let mut all = commands("trap", "--root /boot/image");
        all.extend(commands("leaked", "--root /boot/image"));
        let shown = look(&world, &all);
        assert!(!shown.contains("leaked/1.0, ") && !world.path("boot/outside/ran").exists(), "{text}: {shown}");
    }
}

#[test]
fn a_change_of_an_image_stays_in_it() {
    let world = machine();
    let image = image(&world);
    fs::remove_file(image.join("etc/dkms/trap.conf")).unwrap();
    symlink("/boot/outside/tree", image.join("var/lib/dkms")).unwrap();
    fs::write(image.join("etc/dkms/framework.conf"), "post_transaction='touch /boot/outside/ran'\n").unwrap();
    let before = Snapshot::of(&world.path("boot/outside"));
    let out = world.modsmith("add trap/1.0 --root /boot/image").expect_no_panic();
    before.assert_same(&Snapshot::of(&world.path("boot/outside")), &format!("a change of an image: {out}"));
    assert!(image.join("boot/outside/tree/trap/1.0/source").is_symlink(), "{out}");
    let out = world.modsmith("remove trap/1.0 --all --root /boot/image").expect_no_panic();
    before.assert_same(&Snapshot::of(&world.path("boot/outside")), &format!("a change of an image: {out}"));
    assert!(!image.join("boot/outside/tree/trap").exists(), "{out}");
}

#[test]
fn no_action_on_an_image_changes_what_its_links_and_settings_lead_to() {
    for text in SETTINGS {
        let world = machine();
        let image = image(&world);
        fs::remove_file(image.join("etc/dkms/trap.conf")).unwrap();
        fs::write(image.join("etc/dkms/framework.conf"), text).unwrap();
        if text.is_empty() {
            leads_out(&image);
        }
        let around = || world.snapshot().without(|path| path.starts_with("boot/image"));
        let before = around();
        for name in ["trap", "leaked"] {
            let on_kernel = format!("{name}/1.0 -k {}", kernel());
            for action in [
                format!("add {name}/1.0"),
                format!("build {on_kernel}"),
                format!("install {on_kernel} --force"),
                format!("autoinstall -k {}", kernel()),
                format!("kernel_postinst -k {}", kernel()),
                "generate_mok".to_owned(),
                format!("uninstall {on_kernel}"),
                format!("kernel_prerm -k {}", kernel()),
                format!("remove {name}/1.0 --all"),
            ] {
                let out = world.modsmith(&format!("{action} --root /boot/image")).expect_no_panic();
                assert!(!format!("{out}").contains(&format!("{SECRET}=1")), "{action}: {out}");
                before.assert_same(&around(), &format!("`{text}`, {action}: {out}"));
            }
        }
    }
}

#[test]
fn text_of_an_image_runs_inside_it_or_not_at_all() {
    for has_bash in [false, true] {
        let world = machine();
        let image = image(&world);
        fs::remove_file(image.join("etc/dkms/trap.conf")).unwrap();
        fs::create_dir_all(image.join("boot/outside")).unwrap();
        let leaves = |name: &str| format!("echo x >/boot/outside/{name}");
        fs::write(image.join("etc/dkms/framework.conf"), format!("post_transaction='{}'\n", leaves("after"))).unwrap();
        Package::new("trap", "1.0")
            .conf("POST_ADD=script")
            .script("script", &leaves("script"))
            .write(&image.join("usr/src/trap-1.0"));
        if has_bash {
            tool::copy_into(&image, &[Path::new("/usr/bin/bash"), Path::new("/usr/bin/sh")]);
            symlink("usr/bin", image.join("bin")).unwrap();
        }
        let before = Snapshot::of(&world.path("boot/outside"));
        let added = world.modsmith("add trap/1.0 --root /boot/image").expect_no_panic();
        // Installed for a kernel, so that taking it away is a change of one.
        let (built, installed) = ("var/lib/dkms/trap/1.0/6.1.0/x86_64/module", "lib/modules/6.1.0/updates/dkms");
        for directory in [built, installed] {
            fs::create_dir_all(image.join(directory)).unwrap();
            fs::write(image.join(directory).join("trap.ko"), "").unwrap();
        }
        symlink("1.0/6.1.0/x86_64", image.join("var/lib/dkms/trap/kernel-6.1.0-x86_64")).unwrap();
        let removed = world.modsmith("remove trap/1.0 --all --root /boot/image").expect(0);
        before.assert_same(&Snapshot::of(&world.path("boot/outside")), &format!("text of an image: {added}{removed}"));
        for name in ["script", "after"] {
            assert_eq!(image.join("boot/outside").join(name).exists(), has_bash, "{name}: {added}{removed}");
        }
        if !has_bash {
            removed.expect_error("The post-transaction command was not run").expect_error("has no bash to run it");
        }
    }
}

#[test]
fn an_identity_tells_of_the_machine_no_more_than_every_user_may_read() {
    let world = machine();
    let image = image(&world);
    fs::remove_file(image.join("etc/dkms/trap.conf")).unwrap();
    let headers = image.join("usr/src/headers");
    for link in ["include/config/auto.conf", "vmlinux"] {
        fs::remove_file(headers.join(link)).unwrap();
    }
    fs::create_dir(headers.join("include/generated")).unwrap();
    let version = image.join("var/lib/dkms/trap/1.0");
    fs::create_dir_all(&version).unwrap();
    symlink("/usr/src/trap-1.0", version.join("source")).unwrap();
    let identity = |target: &str| {
        symlink(target, headers.join("zz")).unwrap();
        let line = format!("identity trap/1.0 -k {} --root /boot/image", kernel());
        let out = world.modsmith(&line).expect_no_panic();
        fs::remove_file(headers.join("zz")).unwrap();
        out
    };
    for target in ["/boot/secret", "/proc"] {
        let out = identity(target).expect_hint();
        assert!(out.code != 0 && !out.stdout.contains("sha256:"), "{target}: {out}");
        out.expect_error(&format!("its headers lead out of the image to {target}, of which only"));
    }
    fs::File::create(world.path("boot/outside/sparse")).unwrap().set_len(200 << 30).unwrap();
    identity("/boot/outside/sparse").expect_error("it has more than the headers of any kernel");
    // The machine's, as builds of this image see it; every user may read it.
    let out = identity("/boot/outside/victim");
    assert!(!out.stderr.contains("lead out of the image"), "{out}");
}

#[test]
fn hostile_confs_of_an_image_are_read_behind_all_walls_in_every_way_or_not_read() {
    // No other test's processes sleep that long.
    let nap = (80_000_000 + std::process::id()).to_string();
    for evil in EVIL.map(|evil| evil.replace("NAP", &nap)) {
        let world = machine();
        let image = image(&world);
        fs::remove_file(image.join("etc/dkms/trap.conf")).unwrap();
        Package::new("trap", "1.0").conf(&evil).write(&image.join("usr/src/trap-1.0"));
        let before = world.snapshot();
        for Way { name, wrapper: [outer, inner], confines } in WAYS {
            let program = format!("timeout {WATCHDOG} {outer} {inner} /boot/modsmith");
            let out =
                world.shell(&format!("{program} conf trap/1.0 --root /boot/image --json")).run().expect_no_panic();
            assert!(!format!("{out}").contains(SECRET), "{name}, {evil}: {out}");
            let json = out.json();
            if confines {
                assert!([0, 8].contains(&out.code), "{name}, {evil}: {out}");
                assert_eq!(json["readings"][0]["confinement"].as_str(), Some(ALL_WALLS), "{name}, {evil}: {out}");
            } else {
                assert!(out.code != 0 && json["error"]["id"] == "system", "{name}, {evil}: {out}");
            }
            before.assert_same(&world.snapshot(), &format!("{name}, {evil}"));
        }
        assert!(!sleeps(&nap), "{evil}: a process was left");
    }
}
