//! `modsmith plugin record`: what a plugin saw on a system becomes a case, without secrets.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use modsmith_tests::{Snapshot, paths};

use crate::desk::Desk;

const MACHINE: &str = "00112233445566778899aabbccddeeff";

/// A desk with a system below `system`: its host is `web1`, and `ann` lives on it.
fn with_system(os: &str) -> Desk {
    let desk = Desk::new();
    desk.write("system/etc/os-release", format!("ID={os}\nVERSION_ID=42\nNAME=unasked\n"));
    desk.write("system/etc/hostname", "web1.example\n");
    desk.write("system/etc/machine-id", format!("{MACHINE}\n"));
    desk.write("system/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
    desk.write("system/usr/lib/modules/6.12.9/modules.order", "");
    symlink("usr/lib", desk.path().join("system/lib")).expect("writable");
    desk
}

/// The headers of the kernel, with what Debian's say about its compiler.
fn with_headers(desk: &Desk, variables: &str) {
    let headers = "usr/src/linux-headers-6.12.9";
    desk.write(&format!("system/{headers}/.kernelvariables"), variables);
    fs::create_dir(desk.path().join(format!("system/{headers}/include"))).expect("writable");
    symlink(format!("/{headers}"), desk.path().join("system/usr/lib/modules/6.12.9/build")).expect("writable");
}

fn record(desk: &Desk, plugin: &str, words: &str) -> String {
    let file = paths::programs().join("plugins").join(format!("{plugin}.wasm"));
    let line = format!("record {} --root system --kernel 6.12.9 --out cases {words}", file.display());
    desk.plugin(line.trim_end()).expect(0).stdout
}

fn test(desk: &Desk, plugin: &str) -> String {
    let file = paths::programs().join("plugins").join(format!("{plugin}.wasm"));
    desk.plugin(&format!("test {} --cases cases", file.display())).expect(0).stdout
}

/// Everything that the cases say: names and contents.
fn all_text(folder: &Path) -> String {
    let mut text = String::new();
    for entry in walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("readable")) {
        text += &format!("{}\n", entry.path().display());
        if entry.file_type().is_file() {
            text += &String::from_utf8_lossy(&fs::read(entry.path()).expect("readable"));
        }
    }
    text
}

#[test]
fn a_boot_image_plugin_is_recorded_and_its_cases_pass() {
    let desk = with_system("fedora");
    let tool = desk.write("system/usr/bin/dracut", "#!/bin/sh\necho not of the case\n");
    fs::set_permissions(tool, PermissionsExt::from_mode(0o755)).expect("writable");
    desk.write("system/boot/initramfs-6.12.9.img", "image of web1");
    desk.write("system/usr/lib/modules/6.12.9/pkgbase", "linux\n");
    let before = Snapshot::of(&desk.path().join("system"));
    let said = record(&desk, "dracut", "");
    before.assert_same(&Snapshot::of(&desk.path().join("system")), "recording a plugin");
    assert!(said.starts_with("cases/recorded-images\n"), "{said}");
    let plan = fs::read_to_string(desk.path().join("cases/recorded-refresh/expected.plan")).expect("a case");
    assert!(plan.contains("run dracut -f boot/initramfs-6.12.9.img 6.12.9\n"), "{plan}");
    let pkgbase = desk.path().join("cases/recorded-refresh/root/usr/lib/modules/6.12.9/pkgbase");
    assert_eq!(fs::read_to_string(pkgbase).expect("it was read"), "linux\n");
    let text = all_text(&desk.path().join("cases"));
    for other in ["web1", "unasked", "not of the case", "ann"] {
        assert!(!text.contains(other), "{other}: {text}");
    }
    assert!(test(&desk, "dracut").contains("all passed"));

    let file = paths::programs().join("plugins/dracut.wasm");
    let again = |root: &str| format!("record {} --root {root} --kernel 6.12.9 --out cases", file.display());
    desk.plugin(&again("system")).expect(1).expect_error("recorded-").expect_hint();
    fs::create_dir(desk.path().join("empty")).expect("writable");
    desk.plugin(&again("empty")).expect(1).expect_error("`dracut` is not installed").expect_hint();
}

#[test]
fn a_distributions_plugin_is_recorded_without_secrets_and_names() {
    let desk = with_system("debian");
    let variables = format!(
        "override CC = gcc-14\n# built by /home/ann/make on web1 ({MACHINE})\nUPLOAD_PASSWORD = hunter22\n\
         # hunter22\n-----BEGIN PRIVATE KEY-----\nMHcCAQEEIB\n-----END PRIVATE KEY-----\n"
    );
    with_headers(&desk, &variables);
    let said = record(&desk, "debian", "--call compiler --name mine");
    for line in [
        "note: a home directory was replaced in usr/src/linux-headers-6.12.9/.kernelvariables",
        "note: a secret was replaced in usr/src/linux-headers-6.12.9/.kernelvariables",
        "note: the host name was replaced in usr/src/linux-headers-6.12.9/.kernelvariables",
        "note: the machine id was replaced in usr/src/linux-headers-6.12.9/.kernelvariables",
    ] {
        assert!(said.lines().any(|said| said == line), "{line}: {said}");
    }
    let text = all_text(&desk.path().join("cases"));
    assert!(text.contains("override CC = gcc-14\n") && text.contains("answer: gcc-14\n"), "{text}");
    for secret in ["hunter22", "MHcCAQ", "web1", "/home/ann", MACHINE] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(test(&desk, "debian").contains("all passed"));
}

#[test]
fn what_the_policy_denies_is_not_recorded() {
    let desk = with_system("debian");
    with_headers(&desk, "CC = gcc-14\n");
    desk.write("system/etc/modsmith/policy.d/10.toml", "[deny]\nroots = [\"headers/.kernelvariables\"]\n");
    record(&desk, "debian", "--call compiler");
    let text = all_text(&desk.path().join("cases"));
    assert!(!text.contains("gcc-14") && text.contains("answer: none\n"), "{text}");
    fs::remove_dir_all(desk.path().join("system/etc/modsmith")).expect("writable");
    record(&desk, "debian", "--call compiler --name granted");
    assert!(all_text(&desk.path().join("cases")).contains("answer: gcc-14\n"));
}
