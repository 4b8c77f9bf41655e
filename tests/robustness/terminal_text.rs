//! What packages, trees and compilers say is shown on a terminal, and does nothing.

use std::fs;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{Output, World};

/// Clears the screen, goes back in the line, reverses it, and hides.
const EVIL: &str = "\u{1b}[2J\r\u{202e}\u{200b}\u{9b}1A";
const SHOWN: &str = "\\u{1b}[2J\\r\\u{202e}\\u{200b}\\u{9b}1A";

fn generic() -> String {
    kernel::newest(Flavour::Generic)
}

/// Fails where either output has a character that a terminal does not show as it is.
#[track_caller]
fn assert_harmless(out: &Output) {
    for text in [&out.stdout, &out.stderr] {
        assert_eq!(modsmith_facts::text::lines(text), *text, "{out}");
    }
}

#[track_caller]
fn assert_shows(out: &Output, text: &str) {
    assert_harmless(out);
    assert!(out.stdout.contains(text) || out.stderr.contains(text), "{text:?} is not shown: {out}");
}

/// An entry of the tree, with any names.
fn register(world: &World, module: &str, version: &str) {
    let version = world.tree().join(module).join(version);
    fs::create_dir_all(&version).unwrap();
    std::os::unix::fs::symlink("/usr/src", version.join("source")).unwrap();
}

#[test]
fn status_shows_any_name_and_each_entry_is_one_line() {
    let world = World::new(&[]);
    register(&world, "demo", "1.0");
    register(&world, &format!("evil{EVIL}"), "1");
    register(&world, "x", "1\ndemo, 1.0, 6.1, x86_64: installed");
    register(&world, "--all", "2");
    fs::create_dir_all(world.tree().join("demo/1.0").join(format!("6.1{EVIL}\nk/x86_64/module"))).unwrap();
    for out in [world.dkms("status"), world.modsmith("status")] {
        let out = out.expect(0);
        assert_harmless(&out);
        let lines: Vec<&str> = out.stdout.lines().collect();
        let expected = [
            "--all/2: added".to_owned(),
            format!("demo/1.0, 6.1{SHOWN}\\nk, x86_64: built"),
            format!("evil{SHOWN}/1: added"),
            "x/1\\ndemo, 1.0, 6.1, x86_64: installed: added".to_owned(),
        ];
        assert_eq!(lines, expected, "{out}");
    }
    let out = world.modsmith("status --json").expect(0);
    assert_harmless(&out);
    let modules = out.json()["packages"].as_array().unwrap().iter().map(|p| p["module"].clone()).collect::<Vec<_>>();
    assert!(modules.contains(&format!("evil{EVIL}").into()), "{out}");
}

#[test]
fn autoinstall_leaves_entries_out_that_no_package_could_be_called() {
    let world = World::generic();
    world.add_package(&Package::new("demo", "1.0"));
    world.dkms("add demo/1.0").expect(0);
    register(&world, "two words", &format!("1{EVIL}"));
    let out = world.dkms(&format!("autoinstall -k {}", generic())).expect(0);
    assert_shows(&out, &format!("two words/1{SHOWN} is skipped because of its name: it has the character ` `"));
    assert!(world.dkms("status demo").stdout.contains("installed"));
}

#[test]
fn names_that_are_none_are_refused_wherever_they_come_from() {
    let world = World::generic();
    for name in ["two words", "$(id)", "a;b", "-x", "..", &format!("a{EVIL}")] {
        let source = world.path("usr/src/given");
        let _ = fs::remove_dir_all(&source);
        let package = Package::new("given", "1.0").conf(&format!("PACKAGE_NAME='{name}'"));
        package.write(&source);
        let out = world.dkms("add /usr/src/given").expect(8);
        assert_shows(&out, "cannot be the name of a directory: it ");

        let out = world.program(world.path("bin/dkms")).arg("add").arg("-m").arg(name).arg("-v").arg("1.0").run();
        if name != "-x" {
            assert_shows(&out.expect(1), "cannot be the name of a module: it ");
        }
    }
    assert_eq!(fs::read_dir(world.tree()).unwrap().filter(|e| !e.as_ref().unwrap().path().is_file()).count(), 0);
}

#[test]
fn what_a_compiler_prints_stays_text_in_errors_status_and_logs() {
    let world = World::generic();
    let evil = EVIL.replace('\u{1b}', "\\033").replace('\r', "\\r");
    let make = format!("MAKE=\"printf '{evil}bad.c:1:1: error: {evil}no\\n'; false\"");
    world.add_package(&Package::new("bad", "1.0").conf(&make));
    let kernel = generic();
    for out in [
        world.dkms(&format!("build bad/1.0 -k {kernel}")).expect(10),
        world.modsmith(&format!("build bad/1.0 -k {kernel} --verbose")).expect(10),
        world.modsmith("status").expect(0),
        world.modsmith("log bad").expect(0),
        world.modsmith("log bad --json").expect(0),
    ] {
        assert_harmless(&out);
    }
    assert_shows(&world.modsmith("log bad"), &format!("{SHOWN}bad.c:1:1: error: {SHOWN}no\n"));
    let kept = fs::read(world.tree().join("bad/1.0/build/make.log")).unwrap();
    assert!(kept.windows(4).any(|bytes| bytes == b"\x1b[2J"), "the log itself has what was printed");
}

#[test]
fn directives_stay_text_in_conf_and_plans() {
    let world = World::generic();
    let forged = format!("true{EVIL}\n   9. remove         /etc/passwd");
    world.add_package(&Package::new("demo", "1.0").conf(&format!("POST_ADD=\"{forged}\"\nMAKE=\"{forged}\"")));
    let kernel = generic();
    let conf = world.modsmith(&format!("conf demo/1.0 -k {kernel}")).expect(0);
    assert_shows(&conf, &format!("true{SHOWN}"));
    for out in [
        world.modsmith("add demo/1.0 --dry-run").expect(0),
        world.modsmith(&format!("build demo/1.0 -k {kernel} --dry-run")).expect(0),
    ] {
        assert_harmless(&out);
        assert!(!out.stdout.lines().any(|line| line.starts_with("   9. remove         /etc/passwd")), "{out}");
    }
    let json = world.modsmith(&format!("conf demo/1.0 -k {kernel} --json")).expect(0);
    assert_harmless(&json);
    let values = json.json()["directives"].as_array().unwrap().clone();
    let make = values.iter().find(|entry| entry["name"] == "MAKE").unwrap();
    assert!(make["value"].as_str().unwrap().contains(&EVIL[..5]), "{json}");
}

#[test]
fn words_of_the_command_line_are_escaped_too() {
    let world = World::new(&[]);
    for (words, code) in [
        (&["status", "--x@"][..], 2),
        (&["frob@"], 1),
        (&["add", "no@/1"], 1),
        (&["add", "demo/1", "more@"], 2),
        (&["add", "./no@"], 2),
        (&["build", "demo/1", "-k", "6.1@"], 1),
        (&["log", "no@"], 1),
        (&["plugin", "inspect", "no@"], 1),
    ] {
        let program = world.program(modsmith_tests::world::modsmith());
        let out = words.iter().fold(program, |program, word| program.arg(word.replace('@', EVIL))).run().expect(code);
        // The parser of options leaves escape sequences out by itself.
        assert_shows(&out, "\\u{202e}\\u{200b}");
    }
}

/// What may write to standard output and error: the door, the reporter behind it, and
/// programs whose output is read by others. The last one is a module of tests.
const DOORS: [&str; 7] = [
    // Speaks to cargo.
    "cli/build.rs",
    "cli/src/output.rs",
    "cli/src/screen.rs",
    "cli/src/renderers/terminal.rs",
    "plugins/src/compile.rs",
    "plugins/src/imports/hostile/",
    "shims/",
];

#[test]
fn text_reaches_the_terminal_by_one_door() {
    let source = modsmith_tests::paths::checkout().join("host");
    let files = walkdir::WalkDir::new(&source).into_iter().map(|entry| entry.expect("host can be read").into_path());
    for file in files.filter(|file| file.extension().is_some_and(|suffix| suffix == "rs")) {
        let name = file.strip_prefix(&source).unwrap().display().to_string();
        let program = modsmith_tests::shipped::shipped(&fs::read_to_string(&file).unwrap());
        for printing in ["println!(", "print!(", "stdout()", "stderr()"] {
            let allowed = DOORS.iter().any(|door| name.starts_with(door));
            assert!(allowed || !program.contains(printing), "{name} has `{printing}`: use `cli::output`");
        }
    }
}
