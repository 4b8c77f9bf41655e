//! What authors look at: what a plugin would do on a system, its page, and tests that run
//! again after each change.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use modsmith_tests::{Snapshot, paths};

use crate::desk::Desk;

/// A desk with a new table for boot images, and the plugin `table` beside it.
fn with_table() -> (Desk, String) {
    let desk = Desk::new();
    let name = desk.start("initrd", "table");
    desk.plugin(&format!("build {name} --out dist")).expect(0);
    desk.write("dist/table.wasm", fs::read(paths::programs().join("plugins/table.wasm")).expect("it was built"));
    (desk, name)
}

#[test]
fn a_plugin_is_asked_about_a_system_without_a_grant_and_without_a_change() {
    let (desk, name) = with_table();
    desk.write("system/etc/os-release", "ID=own\n");
    desk.write("system/boot/image-6.12.9", "old");
    let tool = desk.write("system/usr/sbin/mkimage", "#!/bin/sh\necho run >/boot/marker\n");
    fs::set_permissions(tool, PermissionsExt::from_mode(0o755)).expect("writable");
    let before = Snapshot::of(&desk.path().join("system"));
    let ask = |words: &str| desk.plugin(&format!("plan dist/{name}.toml --kernel 6.12.9 {words}"));
    let all = ask("--root system").expect(0).stdout;
    assert!(all.contains("images:\n    answer: boot/image-6.12.9\n"), "{all}");
    let steps = "refresh:\n    back-up boot/image-6.12.9 .old-dkms\n    run mkimage -f boot/image-6.12.9 6.12.9\n";
    assert!(all.contains(steps), "{all}");
    let one = ask("--call regeneration --root system").expect(0).stdout;
    assert_eq!(one, "regeneration:\n    answer: when-asked\n");
    // Of another kernel there is no image.
    let other = desk.plugin(&format!("--root system plan dist/{name}.toml --kernel 6.1 --call refresh")).expect(0);
    assert!(other.stdout.starts_with("refresh:\n    unsupported: "), "{other}");
    before.assert_same(&Snapshot::of(&desk.path().join("system")), "asking a plugin");
    ask("--root system --call sign").expect(1).expect_error("`sign`").expect_hint();
    fs::create_dir(desk.path().join("empty")).expect("writable");
    let unfit = ask("--root empty").expect(0).stdout;
    assert_eq!(unfit, "The plugin does not serve this system: `mkimage` is not installed.\n");
    ask("--root nowhere").expect(30).expect_error("nowhere");
}

#[test]
fn a_page_describes_a_plugin_and_a_table_with_its_base() {
    let (desk, name) = with_table();
    let page = desk.plugin("docs dist/table.wasm").expect(0).stdout;
    assert!(page.starts_with("# table\n") && page.contains("## What it may do"), "{page}");
    desk.plugin(&format!("docs {name}")).expect(1).expect_error("`table`").expect_hint();
    let page = desk.plugin(&format!("docs {name} --base dist/table.wasm")).expect(0).stdout;
    for line in ["# new-initrd", "| base | `table` |", "| needs | `mkimage` |", "* runs `mkimage -f boot/image-* *`"] {
        assert!(page.lines().any(|known| known == line), "{line}: {page}");
    }
    desk.plugin("docs nothing.wasm").expect(30).expect_error("nothing.wasm");
}

/// Stops the program when the test ends, however it ends.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.kill().expect("it runs until it is stopped");
        self.0.wait().expect("it was started here");
    }
}

#[test]
fn watched_tests_run_again_after_a_change() {
    let (desk, name) = with_table();
    let mut command = Command::new(paths::programs().join("modsmith"));
    command.args(["plugin", "test", &name, "--watch"]).current_dir(desk.path());
    let mut program = Stopped(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts"));
    let mut lines = BufReader::new(program.0.stdout.take().expect("a pipe")).lines();
    let mut turn = || -> Vec<String> {
        let lines = lines.by_ref().map(|line| line.expect("UTF-8"));
        lines.take_while(|line| !line.starts_with("Waiting for a change")).collect()
    };
    let first = turn();
    assert!(first.iter().any(|line| line.ends_with("all passed")), "{first:?}");
    desk.write(&format!("{name}/cases/image/expected.plan"), "run mkimage another\n");
    let second = turn();
    assert!(second.iter().any(|line| line.contains("The answer is not the expected one")), "{second:?}");
    desk.write(&format!("{name}/policy.toml"), "id = broken\n");
    assert!(turn().is_empty(), "a plugin that does not build is reported on standard error");
    desk.plugin(&format!("test {name} --watch --json")).expect(2);
}
