//! `modsmith status` for people, and the lines of dkms for scripts.

use std::fs;
use std::os::unix::fs::symlink;

use modsmith_tests::world::modsmith;
use modsmith_tests::{Output, World};

use crate::terminal::on_a_terminal;

const NEW: &str = "6.1.0-9-amd64";
const OLD: &str = "6.1.0-8-amd64";

/// A machine with two kernels, of which the old one has no headers.
fn world() -> World {
    let world = World::new(&[]);
    for kernel in [NEW, OLD] {
        world.write(&format!("lib/modules/{kernel}/modules.order"), "");
    }
    fs::create_dir_all(world.path(format!("lib/modules/{NEW}/build/include"))).unwrap();
    world
}

/// A package in the tree.
fn add(world: &World, name: &str, conf: &str) {
    let source = format!("usr/src/{name}-1.0");
    let text = format!(
        "PACKAGE_NAME=\"{name}\"\nPACKAGE_VERSION=\"1.0\"\nBUILT_MODULE_NAME=\"{name}\"\nDEST_MODULE_LOCATION=\"/extra\"\n{conf}"
    );
    world.write(&format!("{source}/dkms.conf"), text);
    let version = world.tree().join(name).join("1.0");
    fs::create_dir_all(&version).unwrap();
    symlink(format!("/{source}"), version.join("source")).unwrap();
}

/// A module in the tree, as a build leaves it.
fn build(world: &World, name: &str, kernel: &str) {
    let arch = std::env::consts::ARCH;
    world.write(&format!("var/lib/dkms/{name}/1.0/{kernel}/{arch}/module/{name}.ko"), "");
}

/// One package of each kind.
fn several() -> World {
    let world = world();
    add(&world, "wanted", "AUTOINSTALL=yes\n");
    add(&world, "elsewhere", "AUTOINSTALL=yes\nBUILD_EXCLUSIVE_KERNEL=\"^5\\.\"\n");
    add(&world, "built", "");
    build(&world, "built", NEW);
    add(&world, "alone", "");
    add(&world, "gone", "");
    fs::remove_dir_all(world.path("usr/src/gone-1.0")).unwrap();
    add(&world, "failing", "MAKE=\"make\"\n");
    let arch = std::env::consts::ARCH;
    let record = serde_json::json!({
        "schema_version": 1, "module": "failing", "version": "1.0", "kernel": NEW, "arch": arch,
        "time": "2099-11-27T20:00:00Z", "exit_code": 10, "message": "make failed", "class": "unknown",
        "remedy": "Read the log."
    });
    world.write(&format!("var/lib/dkms/.modsmith/failed/failing/1.0/{NEW}/{arch}/record.json"), record.to_string());
    world
}

fn people(world: &World, line: &str) -> Output {
    let program = world.program(modsmith()).words(&format!("status --view people {line}"));
    program.env("LC_ALL", "C").run().expect(0)
}

#[track_caller]
fn assert_line(out: &Output, words: &[&str]) {
    let has = |line: &str| words.iter().all(|word| line.contains(word));
    assert!(out.stdout.lines().any(has), "no line has {words:?}: {out}");
}

#[test]
fn each_state_is_shown_with_its_kernel_and_what_to_do() {
    let world = several();
    let out = people(&world, "");
    assert!(out.stdout.starts_with("1 failed, 1 broken, 2 missing, 1 built, 2 excluded, 1 added\n"), "{out}");
    assert_line(&out, &["x failing/1.0", "failed     make failed"]);
    assert_line(&out, &["! wanted/1.0", "missing", "AUTOINSTALL"]);
    assert_line(&out, &["! wanted/1.0", "missing", "headers are missing"]);
    assert_line(&out, &["- elsewhere/1.0", "excluded", "BUILD_EXCLUSIVE_KERNEL"]);
    assert_line(&out, &["* built/1.0", "built"]);
    assert_line(&out, &[". alone/1.0", "added"]);
    assert_line(&out, &["! gone/1.0", "broken", "source is gone"]);
    for command in ["log failing/1.0 -k 6.1.0-9-amd64", "autoinstall -k 6.1.0-9-amd64", "add gone/1.0"] {
        assert!(out.stdout.contains(&format!("  modsmith {command}\n")), "{command}: {out}");
    }
    let at = |text: &str| out.stdout.find(text).unwrap_or_else(|| panic!("{text}: {out}"));
    assert!(at(&format!("Kernel {NEW}")) < at(&format!("Kernel {OLD}")), "the newest kernel first: {out}");
    assert!(at("failing/1.0") < at("built/1.0"), "what needs attention first: {out}");
    assert!(out.stdout.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn packages_kernels_failures_and_times_are_chosen() {
    let world = several();
    let out = people(&world, "--by package");
    assert_line(&out, &["elsewhere/1.0"]);
    assert_line(&out, &[&format!("- {OLD}"), "excluded"]);
    let out = people(&world, &format!("--kernel {OLD}"));
    assert!(out.stdout.contains(OLD) && !out.stdout.contains(NEW), "{out}");
    // Options that only this view has choose it.
    let out = world.modsmith("status --failed").expect(0);
    assert!(out.stdout.starts_with("1 failed\n"), "{out}");
    let out = world.modsmith("status --since 2099-01-01").expect(0);
    assert!(out.stdout.starts_with("1 failed\n"), "the build is older: {out}");
    let out = world.modsmith("status --since 1d").expect(0);
    assert!(out.stdout.starts_with("1 failed, 1 built\n"), "{out}");
    assert!(people(&world, "none").stdout.starts_with("Nothing to show"));
    world.modsmith("status --since soon").expect(1).expect_error("`soon` is not a time").expect_hint();
    world.modsmith("status --view dkms --failed").expect(1).expect_hint();
    let json = world.modsmith("status --json --failed").expect(0).json();
    let entries = json["packages"].as_array().unwrap();
    assert!(!entries.is_empty() && entries.iter().all(|entry| entry["failed"].is_object()), "{json}");
    // Of one package more is said.
    assert_line(&people(&world, "built"), &["built/1.0", "not signed"]);
}

/// A menu of GRUB whose first entry starts a kernel.
fn starts(world: &World, kernel: &str) {
    world.write(&format!("boot/vmlinuz-{kernel}"), "");
    let menu = format!(
        "set default=\"0\"\nmenuentry 'Linux' --id 'linux' {{\n\tlinux\t/boot/vmlinuz-{kernel} root=/dev/vda ro\n\tinitrd\t/boot/initrd.img-{kernel}\n}}\n"
    );
    world.write("boot/grub/grub.cfg", menu);
}

#[test]
fn the_kernel_that_starts_next_is_named() {
    let world = several();
    let root = format!("--root {}", world.dir().display());
    assert!(!people(&world, &root).stdout.contains("starts next"), "no boot loader is known");
    starts(&world, OLD);
    assert!(people(&world, &root).stdout.contains(&format!("\nKernel {OLD} (starts next)\n")));
    starts(&world, "6.1.0-7-amd64");
    fs::create_dir_all(world.path("lib/modules/6.1.0-7-amd64")).unwrap();
    assert_line(&people(&world, &root), &["Kernel 6.1.0-7-amd64 starts next, and no package is built for it"]);
    // What is not shown cannot be missed.
    assert!(!people(&world, &format!("{root} --kernel {NEW}")).stdout.contains("starts next"));
}

#[test]
fn scripts_read_the_lines_of_dkms_by_either_name() {
    let world = several();
    let lines = world.dkms("status").expect(0);
    assert!(lines.stdout.contains(&format!("built/1.0, {NEW}, {}: built\n", std::env::consts::ARCH)), "{lines}");
    for line in ["status", "status --view dkms"] {
        let own = world.modsmith(line).expect(0);
        // Below dkms's lines stand the failed builds, as ever.
        assert!(own.stdout.starts_with(&lines.stdout) && own.stdout.contains("\nFailed builds:\n"), "{own}");
    }
    let program = modsmith().display().to_string();
    let shown = on_a_terminal(&world, &format!("{program} status"), 100);
    assert!(shown.stdout.contains(&format!("Kernel {NEW}")) && shown.stdout.contains("\u{1b}[1m"), "{shown}");
    let own = on_a_terminal(&world, &format!("{program} status --view dkms"), 100);
    assert!(own.stdout.starts_with(&lines.stdout) && !own.stdout.contains('\u{1b}'), "{own}");
    let dkms = on_a_terminal(&world, &format!("{} status", world.path("bin/dkms").display()), 100);
    assert!(dkms.stdout.contains(&lines.stdout) && !dkms.stdout.contains("Kernel"), "{dkms}");
}

#[test]
fn a_terminal_that_has_no_colours_gets_the_same_words_and_signs() {
    let world = several();
    let program = modsmith().display().to_string();
    let dumb = on_a_terminal(&world, &format!("TERM=dumb {program} status"), 80);
    assert!(!dumb.stdout.contains('\u{1b}') && dumb.stdout.contains("x failing/1.0"), "{dumb}");
    let none = on_a_terminal(&world, &format!("NO_COLOR=1 {program} status"), 80);
    assert_eq!(none.stdout, dumb.stdout);
    let coloured = on_a_terminal(&world, &format!("{program} status"), 80);
    let bare = regex::Regex::new("\u{1b}\\[[0-9]*m").unwrap().replace_all(&coloured.stdout, "").into_owned();
    assert_eq!(bare, dumb.stdout, "colours carry nothing");
    let utf8 = on_a_terminal(&world, &format!("TERM=dumb LC_ALL=C.UTF-8 {program} status"), 80);
    assert!(utf8.stdout.contains("✗ failing/1.0") && utf8.stdout.contains("– elsewhere/1.0"), "{utf8}");
}

#[test]
fn a_thousand_packages_stay_readable() {
    let world = world();
    for number in 0..1000 {
        let name = format!("package{number}");
        add(&world, &name, "");
        build(&world, &name, NEW);
    }
    add(&world, "wanted", "AUTOINSTALL=yes\n");
    for width in [80, 160] {
        let out = world.program(modsmith()).words("status --view people").env("COLUMNS", width.to_string()).run();
        let out = out.expect(0);
        let lines: Vec<&str> = out.stdout.lines().collect();
        assert!(lines[0].contains("1000 built") && lines[0].contains("2 missing"), "{}", lines[0]);
        assert!(lines.iter().all(|line| line.chars().count() <= width));
        assert!(lines.len() < 1000 * 20 / width * 2, "{} lines with {width} columns", lines.len());
        let first_good = lines.iter().position(|line| line.contains("package0/1.0")).unwrap();
        assert!(lines.iter().position(|line| line.contains("missing  ")).unwrap() < first_good);
        for number in [0, 499, 999] {
            assert!(out.stdout.split_whitespace().any(|word| word == format!("package{number}/1.0")));
        }
    }
}

#[test]
fn names_of_others_do_nothing_to_the_terminal() {
    let world = several();
    let name = "evil\u{1b}[2J\r\u{202e}";
    let version = world.tree().join(name).join("1");
    fs::create_dir_all(&version).unwrap();
    symlink("/usr/src", version.join("source")).unwrap();
    let out = people(&world, "--color always");
    let bare = regex::Regex::new("\u{1b}\\[[0-9]*m").unwrap().replace_all(&out.stdout, "").into_owned();
    assert_eq!(modsmith_facts::text::lines(&bare), bare);
    assert!(bare.contains("evil\\u{1b}[2J\\r\\u{202e}/1"), "{bare}");
}
