//! `modsmith plugin test` with hostile cases: the command writes nothing outside of the directory that
//! a case is laid out in, and waits for no pipe.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use modsmith_tests::{Output, Snapshot, paths, tool};

use crate::desk::Desk;

const KERNEL: &str = "[kernel]\nrelease = \"6.12.9\"\n";

/// A desk with a directory `outside`, which holds a file of which only the owner knows the contents.
fn with_precious() -> Desk {
    let desk = Desk::new();
    let file = desk.write("outside/precious", "precious");
    fs::set_permissions(file, PermissionsExt::from_mode(0o600)).expect("writable");
    desk
}

/// Asks the plugin `dracut` the only case; a test that waits for a pipe ends as a failure.
fn test(desk: &Desk, facts: &str, words: &str) -> Output {
    desk.write("cases/one/facts.toml", facts);
    let plugin = paths::programs().join("plugins/dracut.wasm");
    let mut command = Command::new(tool::path("timeout"));
    command.arg("120").arg(paths::programs().join("modsmith")).args(["plugin", "test"]).arg(plugin);
    tool::output(command.args(["--cases", "cases"]).args(words.split_whitespace()).current_dir(desk.path()))
}

/// A path from a case's root to `outside`, by way of the top of this machine.
fn climbing(desk: &Desk) -> String {
    format!("/{}{}", "../".repeat(12), desk.path().join("outside").strip_prefix("/").expect("absolute").display())
}

#[test]
fn entries_of_facts_that_climb_are_refused_by_name() {
    let desk = with_precious();
    let before = Snapshot::of(&desk.path().join("outside"));
    let up = climbing(&desk);
    let call = "call = \"refresh\"\noccasion = \"installed\"\n";
    for (entry, facts) in [
        (format!("{up}/precious"), format!("{call}files = [\"{up}/precious\"]\n{KERNEL}")),
        (format!("{up}/new/"), format!("{call}files = [\"{up}/new/\"]\n{KERNEL}")),
        (format!("{up}/program"), format!("{call}programs = [\"{up}/program\"]\n{KERNEL}")),
        (format!("..{up}/program"), format!("{call}programs = [\"..{up}/program\"]\n{KERNEL}")),
        (format!("{up}/headers"), format!("{call}{KERNEL}headers = \"{up}/headers\"\n")),
        ("../../outside".to_owned(), format!("{call}[kernel]\nrelease = \"../../outside\"\n")),
    ] {
        test(&desk, &facts, "").expect(1).expect_error(&format!("`{entry}`")).expect_error("facts.toml").expect_hint();
        before.assert_same(&Snapshot::of(&desk.path().join("outside")), &facts);
    }
}

#[test]
fn links_of_a_case_lead_nothing_out_of_its_root() {
    let call = "call = \"refresh\"\noccasion = \"installed\"\n";
    let settings = "[settings]\nbackup = false\n";
    let all = format!("{call}files = [\"/etc/precious\", \"/etc/new/\"]\nprograms = [\"/etc/program\", \"dracut\"]\n");
    for (link, facts) in [
        ("etc", format!("{call}{KERNEL}[os]\nPWN = \"x\"\n")),
        ("etc", format!("{call}{KERNEL}{settings}")),
        ("etc/modsmith/settings", format!("{call}{KERNEL}{settings}")),
        ("etc", format!("{all}{KERNEL}")),
        ("var", format!("{all}{KERNEL}")),
        ("usr", format!("{all}{KERNEL}")),
    ] {
        let desk = with_precious();
        let before = Snapshot::of(&desk.path().join("outside"));
        let link = desk.path().join("cases/one/root").join(link);
        fs::create_dir_all(link.parent().expect("below")).expect("writable");
        symlink(desk.path().join("outside"), &link).expect("writable");
        for words in ["", "--update", ""] {
            test(&desk, &facts, words).expect_no_panic();
            before.assert_same(&Snapshot::of(&desk.path().join("outside")), &facts);
        }
    }
}

#[test]
fn an_expectation_that_is_a_link_is_replaced_itself() {
    let desk = with_precious();
    let before = Snapshot::of(&desk.path().join("outside"));
    let facts = format!("call = \"refresh\"\noccasion = \"installed\"\n{KERNEL}");
    desk.write("cases/one/facts.toml", &facts);
    for name in ["expected.plan", "expected.refusal"] {
        symlink(desk.path().join("outside/precious"), desk.path().join("cases/one").join(name)).expect("writable");
    }
    test(&desk, &facts, "--update").expect_no_panic();
    before.assert_same(&Snapshot::of(&desk.path().join("outside")), "accepting an answer");
}

#[test]
fn what_is_no_file_of_a_case_is_refused_and_not_waited_for() {
    let facts = format!("call = \"refresh\"\noccasion = \"installed\"\n{KERNEL}");
    for place in ["root/x", "staging/a/x", "expected.plan"] {
        let desk = with_precious();
        let pipe = desk.path().join("cases/one").join(place);
        fs::create_dir_all(pipe.parent().expect("below")).expect("writable");
        tool::run(Command::new(tool::path("mkfifo")).arg(&pipe));
        let output = test(&desk, &facts, "");
        assert!(output.code != 0 && output.code != 124, "{output}");
        output.expect_error(place).expect_error("a named pipe").expect_no_panic();
    }
    let desk = with_precious();
    fs::create_dir_all(desk.path().join("cases/one")).expect("writable");
    symlink("/proc", desk.path().join("cases/one/root")).expect("writable");
    test(&desk, &facts, "").expect(1).expect_error("a symbolic link").expect_hint();
}

#[test]
fn links_inside_of_a_case_go_on_working() {
    let desk = Desk::new();
    let root = desk.path().join("cases/one/root");
    fs::create_dir_all(root.join("usr/bin")).expect("writable");
    for (target, name) in [("usr/bin", "bin"), ("bin", "usr/sbin"), ("/usr/there", "etc")] {
        symlink(target, root.join(name)).expect("writable");
    }
    let facts = "call = \"refresh\"\noccasion = \"installed\"\nprograms = [\"dracut\"]\nfiles = [\"/boot/initramfs-6.12.9.img\"]\n";
    let facts = format!("{facts}{KERNEL}[os]\nID = \"fedora\"\n");
    test(&desk, &facts, "--update");
    test(&desk, &facts, "").expect(0);
    let plan = desk.path().join("cases/one/expected.plan");
    let plan = fs::read_to_string(Path::new(&plan)).expect("it answered");
    assert!(plan.contains("run dracut"), "{plan}");
}
