//! `modsmith plugin record --root IMAGE` with an image that means harm: nothing outside of it is read,
//! and nothing outside of the case is written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::{Output, Snapshot, paths, tool};

use crate::desk::Desk;

/// A desk with an image that dracut serves, and a directory `outside` with a file of root's.
fn with_image() -> Desk {
    let desk = Desk::new();
    desk.write("image/etc/os-release", "ID=fedora\n");
    desk.write("image/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    desk.write("image/usr/lib/modules/6.12.9/modules.order", "");
    symlink("usr/lib", desk.path().join("image/lib")).expect("writable");
    let tool = desk.write("image/usr/bin/dracut", "#!/bin/sh\n");
    fs::set_permissions(tool, PermissionsExt::from_mode(0o755)).expect("writable");
    let precious = desk.write("outside/precious", "regenerate = \"the secret of the host\"\n");
    fs::set_permissions(precious, PermissionsExt::from_mode(0o600)).expect("writable");
    desk
}

fn plugin(name: &str) -> PathBuf {
    paths::programs().join("plugins").join(name)
}

/// Records; a test that waits for a pipe, or reads without end, ends as a failure.
fn record(desk: &Desk, plugin: &Path, call: &str) -> Output {
    let mut command = Command::new(tool::path("timeout"));
    command.arg("120").arg(paths::programs().join("modsmith")).args(["plugin", "record"]).arg(plugin);
    let words = ["--root", "image", "--kernel", "6.12.9", "--out", "cases", "--call", call];
    tool::output(command.args(words).current_dir(desk.path()))
}

/// The contents of all files of the cases.
fn all_text(desk: &Desk) -> String {
    let files = walkdir::WalkDir::new(desk.path().join("cases")).into_iter().flatten();
    let files = files.filter(|entry| entry.file_type().is_file());
    files.map(|entry| String::from_utf8_lossy(&fs::read(entry.path()).expect("readable")).into_owned()).collect()
}

#[test]
fn a_link_that_redaction_gives_the_name_of_a_file_is_not_written_through() {
    let desk = with_image();
    let before = Snapshot::of(&desk.path().join("outside"));
    desk.write("image/etc/hostname", "aaa\n");
    desk.write("image/etc/dracut.conf.d/host.conf", "force=\"yes\"\n");
    desk.write("image/etc/dracut.conf.d/real.conf", "force=\"no\"\n");
    symlink("real.conf", desk.path().join("image/etc/dracut.conf.d/aaa.conf")).expect("writable");
    let output = record(&desk, &plugin("dracut.wasm"), "inspect").expect(1);
    output.expect_error("aaa.conf").expect_error("host.conf").expect_hint();
    assert!(!desk.path().join("cases").exists(), "nothing is written");
    // The plugin has no right to the target, and the record has what it saw until then.
    let link = desk.path().join("image/etc/dracut.conf.d/aaa.conf");
    fs::remove_file(&link).expect("writable");
    symlink(desk.path().join("outside/precious"), &link).expect("writable");
    record(&desk, &plugin("dracut.wasm"), "inspect").expect_no_panic();
    before.assert_same(&Snapshot::of(&desk.path().join("outside")), "recording");
}

#[test]
fn settings_behind_a_link_of_the_image_are_those_of_the_image() {
    let desk = with_image();
    fs::create_dir_all(desk.path().join("image/etc/modsmith/settings")).expect("writable");
    let link = desk.path().join("image/etc/modsmith/settings/dracut.toml");
    symlink(desk.path().join("outside/precious"), &link).expect("writable");
    record(&desk, &plugin("dracut.wasm"), "images").expect_no_panic();
    assert!(!all_text(&desk).contains("the secret of the host"));
}

#[test]
fn names_of_the_image_are_read_from_regular_files_of_the_image() {
    let names = ["etc/hostname", "etc/machine-id", "var/lib/dbus/machine-id", "etc/passwd"];
    for (number, name) in names.into_iter().enumerate() {
        let desk = with_image();
        let file = desk.path().join("image").join(name);
        fs::create_dir_all(file.parent().expect("below")).expect("writable");
        let _ = fs::remove_file(&file);
        tool::run(Command::new(tool::path("mkfifo")).arg(&file));
        let output = record(&desk, &plugin("dracut.wasm"), "images");
        assert!(output.code != 0 && output.code != 124, "{output}");
        output.expect_error(name).expect_error("a named pipe").expect_no_panic();
        assert!(!desk.path().join("cases").exists(), "{number}: nothing is recorded");
        // Outside of the image there is no such file.
        fs::remove_file(&file).expect("writable");
        symlink("/dev/zero", &file).expect("writable");
        record(&desk, &plugin("dracut.wasm"), "images").expect(0);
    }
}
