//! The line between program and plugins: no distribution's and no distribution
//! tool's name occurs in the crates of `host` outside of tests, not even in a comment.

use std::fs;
use std::path::PathBuf;

use modsmith_tests::paths;
use walkdir::WalkDir;

/// As whole words, in any case.
const NAMES: &[&str] = &[
    "almalinux",
    "alpine",
    "altlinux",
    "amazonlinux",
    "amzn",
    "apk",
    "archarm",
    "archlinux",
    "booster",
    "cachyos",
    "centos",
    "deb822",
    "debhelper",
    "debian",
    "devuan",
    "dh_dkms",
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
    "initramfs",
    "installkernel",
    "kali",
    "kaos",
    "kfreebsd",
    "kmodsign",
    "kmp",
    "libalpm",
    "linuxmint",
    "lmde",
    "lsb_release",
    "mageia",
    "mandriva",
    "manjaro",
    "mkinitcpio",
    "mkinitfs",
    "mkinitrd",
    "mokutil",
    "openmandriva",
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

/// Names that are a format's or the plugin interface's words here, and where:
/// directories of dkms's tree, and a role that plugins may have.
const VOCABULARY: &[(&str, &str)] =
    &[("host/core/src/tree/scan.rs", "rpm"), ("host/plugins/src/manifest.rs", "weak-modules")];

/// The lines of a file that are not tests: everything before the test module,
/// which is last in its file.
fn shipped(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let starts = ["#[cfg(test)]\nmod ", "#[cfg(test)]\npub(crate) mod "];
    let end = starts.iter().filter_map(|start| text.find(start)).min().unwrap_or(text.len());
    text[..end].lines().enumerate().map(|(n, line)| (n + 1, line))
}

/// The first forbidden name in a line.
fn forbidden(line: &str) -> Option<&'static str> {
    let line = line.to_lowercase();
    let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let word = NAMES.iter().find(|name| words.contains(*name));
    word.or_else(|| PARTS.iter().find(|part| line.contains(**part))).copied()
}

#[test]
fn the_program_knows_no_distribution() {
    let mut found = Vec::new();
    let mut files = 0;
    for file in WalkDir::new(paths::checkout().join("host")).into_iter().filter_map(Result::ok) {
        let path: PathBuf = file.into_path();
        if path.extension().is_none_or(|e| e != "rs")
            || path.ends_with("tests.rs")
            || path.components().any(|part| part.as_os_str() == "tests")
        {
            continue;
        }
        files += 1;
        let text = fs::read_to_string(&path).expect("sources are text");
        for (number, line) in shipped(&text) {
            let path = path.strip_prefix(paths::checkout()).expect("below the checkout");
            if let Some(name) =
                forbidden(line).filter(|name| !VOCABULARY.iter().any(|(p, n)| path.ends_with(p) && n == name))
            {
                found.push(format!("{}:{number}: {name}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(files > 200, "only {files} sources were found");
    assert!(found.is_empty(), "these names belong into plugins:\n{}", found.join("\n"));
}

#[test]
fn names_are_found_in_code_and_comments_but_not_in_tests_or_longer_words() {
    assert_eq!(forbidden("// as Debian does"), Some("debian"));
    assert_eq!(forbidden("let x = \"/usr/bin/update-initramfs\";"), Some("initramfs"));
    assert_eq!(forbidden("run(\"weak-modules\")"), Some("weak-modules"));
    assert_eq!(forbidden("fn rpm_safe_upgrade() {}"), None);
    assert_eq!(forbidden("let decree = surpassed;"), None);
    let text = "a\n#[cfg(test)]\nmod tests { /* debian */ }\n";
    assert_eq!(shipped(text).count(), 1);
}
