//! Actions in each form of their output: real runs, kept as texts.

use std::collections::BTreeSet;
use std::fs;

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::schema::{validate, validate_lines};
use modsmith_tests::world::modsmith;
use modsmith_tests::{World, paths};
use regex::Regex;

use crate::kept::assert_kept;
use crate::packages::world;

const FOLDER: &str = "tests/face/runs";

/// What differs from one machine to the next, and from one run to the next.
pub fn usual(text: &str) -> String {
    let replace =
        |text: String, pattern: &str, by: &str| Regex::new(pattern).unwrap().replace_all(&text, by).into_owned();
    let text = text.replace(&kernel(), "KERNEL").replace(std::env::consts::ARCH, "ARCH");
    let text = replace(text, r"\d+ min \d\d s|\d+(\.\d)? s\b", "TIME").replace('\u{1b}', "ESC");
    let text = replace(text, r"ESC\[0m\n    ESC\[2m([^A-Z\x{60}])", " $1");
    let text = replace(text, r"/usr/(lib|src)/linux-[^ /]+", "KBUILD");
    // Where lines are wrapped depends on the length of the kernel's name.
    replace(text, r"(    [^\n]+)\n    ([^A-ZE\x{60} ])", "$1 $2")
}

/// A state in which `good` is to be installed.
fn again(world: &World) {
    world.dkms(&format!("unbuild good/1.0 -k {}", kernel())).expect(0);
}

/// A run: name and width of the kept text, command line, exit code, one more variable.
struct Run(&'static str, usize, &'static str, i32, (&'static str, &'static str));

const UTF8: (&str, &str) = ("LC_ALL", "C.UTF-8");

const RUNS: [Run; 11] = [
    Run("pipe", 80, "autoinstall --view people", 11, UTF8),
    Run("pipe", 120, "autoinstall --view people", 11, UTF8),
    Run("colour", 80, "autoinstall --view people --color always", 11, UTF8),
    Run("colour", 120, "autoinstall --view people --color always", 11, UTF8),
    Run("ascii", 80, "autoinstall --view people", 11, ("LC_ALL", "C")),
    Run("verbose", 80, "install good/1.0 --view people --verbose", 0, UTF8),
    Run("quiet", 80, "autoinstall --view people --quiet", 11, UTF8),
    Run("dkms", 80, "autoinstall", 11, UTF8),
    Run("failing", 80, "install bad/1.0 --view people", 10, UTF8),
    Run("excluded", 80, "install odd/1.0 --view people", 77, UTF8),
    Run("built", 80, "build good/1.0 --view people", 0, UTF8),
];

#[test]
fn each_form_is_as_it_is_kept() {
    let world = world();
    let kernel = kernel();
    // The key is made once: later runs do not speak of it.
    let first = world.program(modsmith()).words(&format!("autoinstall -j1 -k {kernel} --view people")).run().expect(11);
    assert_kept(format!("{FOLDER}/first.80"), &usual(&(first.stdout + &first.stderr)));
    let mut names = BTreeSet::from(["first.80".to_owned()]);
    for Run(name, width, line, code, (variable, value)) in RUNS {
        again(&world);
        let program = world.program(modsmith()).words(line).words(&format!("-j1 -k {kernel}"));
        let program = program.env("COLUMNS", width.to_string()).env(variable, value);
        let (name, out) = (format!("{name}.{width}"), program.run().expect(code));
        let shown = format!("{}--- standard error\n{}", out.stdout, out.stderr);
        if line.contains("--view people") && !line.contains("--color") && !line.contains("--verbose") {
            assert!(!out.stdout.contains(['\u{1b}', '\r']), "{name}: {out}");
            let too_wide = out.stdout.lines().find(|line| line.chars().count() > width && !line.contains("Log: "));
            assert_eq!(too_wide, None, "{name}");
        }
        assert_kept(format!("{FOLDER}/{name}"), &usual(&shown));
        names.insert(name);
    }
    for (name, columns, kind) in [("terminal.80", 80, "xterm"), ("terminal.120", 120, "xterm"), ("dumb.80", 80, "dumb")]
    {
        again(&world);
        let program = world.program(modsmith()).words(&format!("autoinstall -j1 -k {kernel}")).env("TERM", kind);
        let terminal = program.on_terminal(40, columns);
        let (code, lines) = terminal.end(|_| {});
        assert_eq!(code, 11, "{lines:#?}");
        assert_kept(format!("{FOLDER}/{name}"), &usual(&(lines.join("\n") + "\n")));
        names.insert(name.to_owned());
    }
    let folder = paths::checkout().join(FOLDER);
    let kept: BTreeSet<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(kept, names, "a text is kept of a run that there is none of");
}

#[test]
fn events_are_valid_and_each_piece_of_work_ends_once() {
    let world = world();
    let kernel = kernel();
    let mut seen = BTreeSet::new();
    for (line, code) in [
        ("autoinstall", 11),
        ("autoinstall", 11),
        ("install good/1.0", 0),
        ("build good/1.0 --force", 0),
        ("uninstall good/1.0", 0),
        ("uninstall good/1.0", 0),
        ("remove good/1.0", 0),
        ("install odd/1.0", 77),
        ("build nosuch/1.0", 2),
        ("kernel_prerm", 0),
    ] {
        let out = world.modsmith(&format!("{line} --events -k {kernel}")).expect(code);
        let events =
            validate_lines("events-schema.json", &out.stdout).unwrap_or_else(|why| panic!("{line}: {why}: {out}"));
        let last = events.last().unwrap_or_else(|| panic!("{line}: {out}"));
        match code {
            0 => assert_eq!((last["event"].as_str(), last["exit_code"].as_i64()), (Some("finished"), Some(0)), "{out}"),
            _ => {
                validate("error-schema.json", last).unwrap();
                assert_eq!(last["error"]["exit_code"], code, "{out}");
            }
        }
        let of = |kinds: &[&str]| -> Vec<i64> {
            let is_one = |event: &&serde_json::Value| kinds.iter().any(|kind| event["event"] == *kind);
            let mut works: Vec<i64> = events.iter().filter(is_one).filter_map(|event| event["work"].as_i64()).collect();
            works.sort_unstable();
            works
        };
        let ends = of(&["finished", "failed", "skipped"]);
        let mut once = ends.clone();
        once.dedup();
        assert_eq!(ends, once, "{line}: work that ends twice");
        assert!(of(&["started"]).iter().all(|work| ends.contains(work)), "{line}: work without an end");
        seen.extend(events.iter().filter_map(|event| event["event"].as_str().map(str::to_owned)));
    }
    let all = ["failed", "finished", "note", "progress", "skipped", "started"];
    assert_eq!(seen, all.map(str::to_owned).into(), "each kind of event has been seen");
}

#[test]
fn what_a_script_says_is_below_the_line_of_its_package_and_in_the_events() {
    let world = world();
    let package = Package::new("talking", "1.0").conf("POST_INSTALL=\"say.sh\"");
    world.add_package(&package.script("say.sh", "printf 'Restart  the \\033[2Jservice.\\n'; exit 3"));
    let line = format!("install talking/1.0 -k {}", kernel());
    let out = world.modsmith(&format!("{line} --view people")).expect(0);
    let shown = out.stdout.lines().collect::<Vec<_>>();
    let at = shown.iter().position(|line| line.contains("talking/1.0") && line.contains("installed"));
    // As it is written, but for what a terminal would do.
    let below = at.and_then(|at| shown.get(at + 1));
    assert_eq!(below, Some(&"    Restart  the \\u{1b}[2Jservice."), "{out}");
    let out = world.modsmith(&format!("{line} --force --events")).expect(0);
    let events = validate_lines("events-schema.json", &out.stdout).unwrap();
    let said: Vec<_> = events.iter().filter(|event| event["state"] == "output").collect();
    assert_eq!(said.len(), 1, "{out}");
    assert_eq!(
        (said[0]["text"].as_str(), said[0]["module"].as_str()),
        (Some("Restart  the \u{1b}[2Jservice."), Some("talking"))
    );
    world.modsmith(&format!("{line} --force --quiet")).expect(0);
}

#[test]
fn the_schema_refuses_what_is_not_documented() {
    for line in [
        r#"{"schema_version":1,"time":"2026-01-01T00:00:00Z","event":"exploded"}"#,
        r#"{"schema_version":1,"time":"2026-01-01T00:00:00Z","event":"note","level":"line","text":"x","odd":1}"#,
        r#"{"schema_version":1,"time":"2026-01-01T00:00:00Z","event":"finished","outcome":"installed","seconds":1}"#,
    ] {
        assert!(validate_lines("events-schema.json", line).is_err(), "{line}");
    }
}

#[test]
fn how_long_a_build_takes_is_known_from_the_last_one() {
    let world = world();
    let kernel = kernel();
    let started = |line: &str| {
        let out = world.modsmith(line).expect(0);
        let events = validate_lines("events-schema.json", &out.stdout).unwrap();
        events.into_iter().find(|event| event["event"] == "started").expect("work begins")
    };
    assert_eq!(started(&format!("build good/1.0 -k {kernel} --events")).get("expected_seconds"), None);
    // The log of a build for another kernel, an hour and a minute long.
    let other = format!("var/lib/dkms/good/1.0/6.0.0-1-other/{}", std::env::consts::ARCH);
    world.write(&format!("{other}/module/good.ko"), "");
    world.write(&format!("{other}/log/make.log"), "# exit code: 0\n# elapsed time: 01:01:00\n----\n");
    world.dkms(&format!("unbuild good/1.0 -k {kernel}")).expect(0);
    assert_eq!(started(&format!("build good/1.0 -k {kernel} --events"))["expected_seconds"], 3660);
}

#[test]
fn forms_that_exclude_each_other_are_refused() {
    let world = World::new(&[]);
    for option in ["--dry-run", "--json", "--view people"] {
        let out = world.modsmith(&format!("autoinstall -k 1.0 --events {option}")).expect(8).expect_hint();
        assert!(out.stderr.contains("--events"), "{out}");
    }
    world.modsmith("status --events").expect(1).expect_hint();
    world.dkms("autoinstall -k 1.0 --events").expect(2);
}
