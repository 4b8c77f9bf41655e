//! Each command has a page of help, and mistakes lead to it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use modsmith_tests::{World, paths};

use crate::kept::assert_kept;

/// The commands that the list names, but for those that plugins bring.
fn commands(world: &World) -> Vec<String> {
    let list = world.modsmith("help").expect(0).stdout;
    let mut commands = Vec::new();
    let mut heading = String::new();
    for line in list.lines() {
        match line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')) {
            None if line.ends_with(':') => heading = line.to_owned(),
            Some(rest) if !["Usage:", "Packages:", "Common options:", "More:"].contains(&heading.as_str()) => {
                commands.extend(rest.split(' ').next().map(str::to_owned));
            }
            _ => {}
        }
    }
    commands
}

/// The subcommands that have a page.
const PARTS: [(&str, &[&str]); 3] = [
    ("matrix", &["plan", "collect"]),
    ("plugin", &["install", "update", "search", "dev", "remove", "list", "inspect", "hook-files", "grant", "revoke"]),
    ("store", &["list", "gc", "verify"]),
];

fn folder() -> PathBuf {
    paths::checkout().join("tests/face/help")
}

#[test]
fn every_page_of_help_is_as_it_is_kept_and_no_wider_than_the_terminal() {
    let world = World::new(&[]);
    let commands = commands(&world);
    assert!(commands.len() >= 20, "{commands:?}");
    let mut pages: Vec<(String, String)> =
        commands.iter().map(|command| (command.clone(), format!("help {command}"))).collect();
    for topic in ["trees", "kernels", "signing", "plugins", "undo", "dkms", "exit codes"] {
        pages.push((format!("topic-{}", topic.replace(' ', "-")), format!("help {topic}")));
    }
    for (command, parts) in PARTS {
        pages.extend(parts.iter().map(|part| (format!("{command}-{part}"), format!("help {command} {part}"))));
    }
    let mut names = BTreeSet::new();
    for (name, line) in pages {
        for width in [80, 120] {
            let out = world.program(modsmith_tests::world::modsmith()).words(&line);
            let out = out.env("COLUMNS", width.to_string()).run().expect(0);
            let too_wide = out.stdout.lines().find(|line| line.chars().count() > width);
            assert_eq!(too_wide, None, "{line} with {width} columns");
            assert_kept(folder().join(format!("{name}.{width}")), &out.stdout);
            names.insert(format!("{name}.{width}"));
        }
    }
    let kept: BTreeSet<String> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(kept, names, "a text is kept of something that is not there");
}

#[test]
fn help_is_the_same_however_it_is_asked_for() {
    let world = World::new(&[]);
    for (command, lines) in [
        ("install", &["install --help", "--help install", "install -h", "-m x -v 1 install --help"][..]),
        ("verify", &["verify --help", "verify -h", "--root / verify --help"]),
        ("plugin", &["plugin --help"]),
        ("log", &["log --help", "log -h"]),
    ] {
        let page = world.modsmith(&format!("help {command}")).expect(0).stdout;
        for line in lines {
            assert_eq!(world.modsmith(line).expect(0).stdout, page, "{line}");
        }
    }
    let list = world.modsmith("help").expect(0).stdout;
    assert_eq!(world.modsmith("--help").expect(0).stdout, list);
    assert_eq!(world.modsmith("-h").expect(0).stdout, list);
    // A command of its own that needs another word shows its page, and fails as before.
    let page = world.modsmith("help plugin").expect(0).stdout;
    assert_eq!(world.modsmith("plugin").expect(1).stdout, page);
    let list = world.modsmith("help plugin list").expect(0).stdout;
    for line in ["plugin list --help", "plugin --root / list -h", "--root / plugin list --help"] {
        assert_eq!(world.modsmith(line).expect(0).stdout, list, "{line}");
    }
    assert_eq!(world.modsmith("store").expect(1).stdout, world.modsmith("help store").expect(0).stdout);
    // The author's program describes its own.
    assert!(world.modsmith("help plugin build").expect(0).stdout.contains("--out"));
}

#[test]
fn a_page_has_the_options_of_its_command_only() {
    let world = World::new(&[]);
    let page = |name: &str| world.modsmith(&format!("help {name}")).expect(0).stdout;
    for (name, has, lacks) in [
        ("status", &["--view", "--since", "-k, --kernelver"][..], &["--force", "--no-depmod", "--templatekernel"][..]),
        ("remove", &["--all", "--rpm_safe_upgrade", "--view"], &["--since", "--kernelsourcedir", "--symlink_modules"]),
        ("match", &["--templatekernel", "--events"], &["--all ", "--since"]),
        ("generate_mok", &["--dry-run"], &["-k, --kernelver", "--module"]),
    ] {
        let page = page(name);
        for option in has {
            assert!(page.contains(option), "{name} lacks {option}: {page}");
        }
        for option in lacks {
            assert!(!page.contains(option), "{name} has {option}: {page}");
        }
    }
    // Those of a format are on the format's page.
    assert!(page("mktarball").contains("--source-only"));
    assert!(!page("build").contains("--source-only") && !page("").contains("--source-only"));
    assert!(page("ldtarball").contains("modsmith ldtarball FILE"));
}

#[test]
fn mistakes_lead_to_the_nearest_word_and_to_the_list() {
    let world = World::new(&[]);
    for (line, code, says) in [
        ("instal x/1", 1, &["Did you mean `install`?", "`modsmith help` lists the commands."][..]),
        ("explan x", 1, &["Did you mean `explain`?"]),
        ("build x/1 --dry-rnu", 2, &["Did you mean `--dry-run`?", "`modsmith help build` lists the options."]),
        ("verify --al", 2, &["Did you mean `--all`?", "`modsmith help verify` lists the options."]),
        ("help instal", 1, &["Did you mean `install`?"]),
        ("help kernel", 1, &["Did you mean `kernels`?"]),
        ("help plugin instal", 1, &["Did you mean `plugin install`?", "`modsmith help plugin` describes the command."]),
        ("status --color blue", 1, &["Write --color auto"]),
        ("log", 1, &["`modsmith help log` lists the options."]),
    ] {
        let out = world.modsmith(line).expect(code);
        for text in says {
            assert!(out.stderr.contains(text), "{line}: {text}: {out}");
        }
        assert!(out.stderr.lines().count() <= 5, "a mistake is answered in a few lines: {out}");
    }
}

#[test]
fn old_forms_of_command_lines_go_on_working_under_both_names() {
    let world = World::new(&[]);
    for line in ["-m x -v 1 status", "status -m x", "-k 6.1 -m x status -a x86_64", "--quiet status x/1", "x/1 status"]
    {
        let (own, other) = (world.modsmith(line).expect(0), world.dkms(line).expect(0));
        assert_eq!((own.stdout, own.stderr), (other.stdout, other.stderr), "{line}");
    }
    for line in ["-m x -v 1 -k 6.1 build", "build -k 6.1 -v 1 -m x", "x/1 -k 6.1 build"] {
        assert_eq!(world.modsmith(line).code, world.dkms(line).code, "{line}");
    }
    // As `dkms`, none of the options and commands for people is known.
    for option in ["--color never", "--view people", "--by package", "--failed", "--since 2d", "--kernel 6.1"] {
        world.dkms(&format!("status {option}")).expect(2);
    }
    let help = world.dkms("--help").expect(0).stdout;
    assert!(help.contains("Actions: add") && !help.contains("--view") && !help.contains("--color"), "{help}");
}

#[test]
fn colours_are_shown_where_they_were_asked_for_only() {
    let world = World::new(&[]);
    let run = |line: &str, variables: &[(&str, &str)]| {
        let program = world.program(modsmith_tests::world::modsmith()).words(line);
        variables.iter().fold(program, |program, (name, value)| program.env(name, *value)).run().expect(0).stdout
    };
    let plain = run("help build", &[]);
    assert!(!plain.contains('\u{1b}'));
    let style = regex::Regex::new("\u{1b}\\[[0-9]*m").unwrap();
    for (line, variables, coloured) in [
        ("help build --color always", &[][..], true),
        ("--color=always help build", &[("NO_COLOR", "1")], true),
        ("help build", &[("CLICOLOR_FORCE", "1")], true),
        ("help build", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        ("help build", &[("CLICOLOR_FORCE", "0")], false),
        ("help build --color never", &[("CLICOLOR_FORCE", "1")], false),
    ] {
        let text = run(line, variables);
        assert_eq!(text.contains('\u{1b}'), coloured, "{line} {variables:?}");
        let bare = style.replace_all(&text, "").into_owned();
        assert_eq!(bare, plain, "colours change nothing else: {line} {variables:?}");
    }
}
