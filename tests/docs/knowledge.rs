//! The line between program and plugins: what the crates of `host` name of the world
//! is what `docs/host-knowledge.md` lists. No other distribution's or tool's name
//! occurs in them outside of tests, not even in a comment.

use std::collections::BTreeSet;
use std::fs;

use modsmith_tests::paths;
use modsmith_tests::shipped::shipped;
use regex::Regex;
use walkdir::WalkDir;

/// As whole words, in any case; `_` parts words.
const NAMES: &[&str] = &[
    "almalinux",
    "alpine",
    "altlinux",
    "amazonlinux",
    "amzn",
    "apk",
    "apt",
    "archarm",
    "archlinux",
    "booster",
    "cachyos",
    "centos",
    "deb822",
    "debhelper",
    "debian",
    "devuan",
    "dnf",
    "dpkg",
    "dracut",
    "ebuild",
    "emerge",
    "endeavouros",
    "fedora",
    "geninitrd",
    "genkernel",
    "gentoo",
    "grub",
    "initramfs",
    "installkernel",
    "kali",
    "kaos",
    "kernelvariables",
    "kfreebsd",
    "kmodsign",
    "kmp",
    "libalpm",
    "linuxmint",
    "lmde",
    "mageia",
    "mandriva",
    "manjaro",
    "mkinitcpio",
    "mkinitfs",
    "mkinitrd",
    "mok",
    "mokutil",
    "openmandriva",
    "openssl",
    "opensuse",
    "oraclelinux",
    "ovm",
    "pacman",
    "pld",
    "popos",
    "portage",
    "postmarketos",
    "raspbian",
    "redhat",
    "rhel",
    "rocky",
    "rosa",
    "rpm",
    "rpmbuild",
    "slackbuild",
    "slackware",
    "sled",
    "sles",
    "steamos",
    "suse",
    "swupd",
    "sysconfig",
    "systemctl",
    "systemd",
    "ubuntu",
    "uek",
    "ugrd",
    "unitedlinux",
    "urpmi",
    "xbps",
    "yum",
    "zypper",
];

/// Parts of names that are not one word.
const PARTS: &[&str] = &[
    "\"extra\"",
    "\"updates\"",
    "weak-updates",
    "pkcs",
    "dh_dkms",
    "lsb_release",
    "x-initrd",
    "initramfs-tools",
    "update-initramfs",
    "weak-modules",
    "modprobe.d",
    "modules.conf",
    "arch linux",
    "alt linux",
    "amazon linux",
    "clear linux",
    "clear-linux",
    "make-initrd",
    "mk_initrd",
    "postmarketos",
    "pop!_os",
    "oracle linux",
    "red hat",
    "void linux",
];

/// The listed names in a line.
fn named(line: &str) -> impl Iterator<Item = &'static str> {
    let line = line.to_lowercase();
    let words: BTreeSet<String> = line.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
    let names = NAMES.iter().filter(move |name| words.contains(**name));
    names.chain(PARTS.iter().filter(move |part| line.contains(**part))).copied()
}

/// The sources of the host, without tests: path below the checkout, text.
fn sources() -> Vec<(String, String)> {
    let files = WalkDir::new(paths::checkout().join("host")).into_iter().filter_map(Result::ok);
    let is_source = |path: &std::path::Path| {
        let inside = |name: &str| path.components().any(|part| part.as_os_str() == name);
        path.is_file() && !path.ends_with("tests.rs") && !inside("tests") && !inside("hostile")
    };
    let mut sources = Vec::new();
    for file in files.filter(|file| is_source(file.path())) {
        // Beside Rust, texts that are part of the program: templates, schemas, manifests of crates.
        let Ok(text) = fs::read_to_string(file.path()) else { continue };
        let path = file.path().strip_prefix(paths::checkout()).expect("below the checkout");
        sources.push((path.display().to_string(), shipped(&text)));
    }
    assert!(sources.len() > 200, "only {} sources were found", sources.len());
    sources
}

/// A text without its comments.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// Rows of a table of the page, below a heading: the code words of each column.
fn rows(heading: &str) -> Vec<Vec<Vec<String>>> {
    let page = fs::read_to_string(paths::checkout().join("docs/host-knowledge.md")).expect("the page");
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let code = |column: &str| column.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let rows: Vec<_> = rows.map(|row| row.trim_matches('|').split('|').map(code).collect()).collect();
    assert!(!rows.is_empty(), "no table below {heading}");
    rows
}

/// Compares what was found, as (name, file), with a table of names and files.
#[track_caller]
fn compare(heading: &str, found: &BTreeSet<(String, String)>) {
    let mut listed = BTreeSet::new();
    for row in rows(heading) {
        for name in &row[0] {
            listed.extend(row[1].iter().map(|file| (name.clone(), file.clone())));
        }
    }
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(missing.is_empty(), "plugins should know this, or docs/host-knowledge.md says why not: {missing:?}");
    let gone: Vec<_> = listed.difference(found).collect();
    assert!(gone.is_empty(), "docs/host-knowledge.md lists what is no longer there: {gone:?}");
}

#[test]
fn the_program_knows_no_distribution() {
    let mut found = BTreeSet::new();
    for (file, text) in sources() {
        for name in text.lines().flat_map(named) {
            found.insert((name.to_owned(), file.clone()));
        }
    }
    compare("Words", &found);
}

#[test]
fn the_program_starts_no_other_programs() {
    let starts = Regex::new(concat!(
        r#"installed\(\s*"([^"]+)"|find_program\([^()]*?,\s*"([^"]+)"\)|"#,
        // The parser of arguments has a type of this name, too.
        r#"(?:clap::)?Command::new\(\s*"?((?:[^()"]|\(\))*)"?\s*\)"#
    ))
    .unwrap();
    let alias = Regex::new(r"\bCommand as (\w+)").unwrap();
    let mut found = BTreeSet::new();
    for (file, text) in sources() {
        // A file may give the type another name.
        let code = alias
            .captures_iter(&text)
            .fold(code(&text), |code, alias| code.replace(&format!("{}::new(", &alias[1]), "Command::new("));
        for start in starts.captures_iter(&code).filter(|start| !start[0].starts_with("clap::")) {
            let name = start.get(1).or(start.get(2)).or(start.get(3)).expect("one of them").as_str();
            found.insert((name.to_owned(), file.clone()));
        }
    }
    // A command without a program is completed before it is started.
    found.retain(|(name, _)| !name.is_empty());
    compare("Programs", &found);
}

/// Names that end in a kernel's release, names of kernel images, and ends of names.
#[test]
fn the_program_names_no_other_files_of_boot() {
    let names = Regex::new(concat!(
        r#"(?:Root::Boot,\s*|\bboot\s*\.join\(\s*)&?format!\(\s*"([^"]*)"|"#,
        r#""((?:vmlinuz|(?:bz|u|z)?Image|System\.map|initrd\.img)-?)"|\.push\("(\.[a-z]+)"\)"#
    ))
    .unwrap();
    let mut found = BTreeSet::new();
    for (file, text) in sources() {
        for name in names.captures_iter(&code(&text)) {
            let name = name.get(1).or(name.get(2)).or(name.get(3)).expect("one of them").as_str();
            found.insert((name.to_owned(), file.clone()));
        }
    }
    compare("Files in /boot", &found);
}

#[test]
fn the_program_names_no_other_paths() {
    let path =
        Regex::new(r#""(/[A-Za-z][^"\\\s]*|(?:etc|usr|lib|var|boot|run|sbin|bin|share|opt|sysconfig)/[^"\\\s]*)""#)
            .unwrap();
    let listed: Vec<String> = rows("Paths").into_iter().flat_map(|row| row[0].clone()).collect();
    let covers = |pattern: &str, path: &str| match pattern.strip_suffix("/*") {
        Some(above) => path == above || path.starts_with(&format!("{above}/")),
        None => path == pattern,
    };
    let (mut used, mut unlisted) = (BTreeSet::new(), Vec::new());
    for (file, text) in sources() {
        // Texts of manual pages are about the whole system.
        if file == "host/cli/src/manual.rs" {
            continue;
        }
        let is_code = |line: &&str| !line.trim_start().starts_with("//") && !line.contains("env!(\"OUT_DIR\")");
        for line in text.lines().filter(is_code) {
            for literal in path.captures_iter(line) {
                // One that is no path, but for its first character.
                let named: Vec<String> =
                    literal[1].split(':').map(|part| format!("/{}", part.trim_start_matches('/'))).collect();
                for named in named {
                    match listed.iter().find(|pattern| covers(pattern, &named)) {
                        Some(pattern) => drop(used.insert(pattern.clone())),
                        None => unlisted.push(format!("{file}: {named}")),
                    }
                }
            }
        }
    }
    assert!(
        unlisted.is_empty(),
        "plugins should know this, or docs/host-knowledge.md says why not:\n{}",
        unlisted.join("\n")
    );
    let gone: Vec<_> = listed.iter().filter(|pattern| !used.contains(*pattern)).collect();
    assert!(gone.is_empty(), "docs/host-knowledge.md lists what is no longer there: {gone:?}");
}

#[test]
fn names_are_found_in_code_and_comments_but_not_in_tests_or_longer_words() {
    let first = |line: &str| named(line).next();
    assert_eq!(first("// as Debian does"), Some("debian"));
    assert_eq!(first("let x = \"/usr/bin/update-initramfs\";"), Some("initramfs"));
    assert_eq!(first("run(\"weak-modules\")"), Some("weak-modules"));
    assert_eq!(first("fn rpm_safe_upgrade() {}"), Some("rpm"));
    assert_eq!(first("let decree = surpassed;"), None);
    let text = "a\n#[cfg(test)]\nmod tests {\n    // debian\n}\n";
    assert_eq!(shipped(text), "a\n");
}
