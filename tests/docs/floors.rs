//! The floors of `docs/architecture.md`: crates depend on each other as the picture
//! says, and modules of a crate depend on each other in one direction.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use modsmith_tests::paths;
use modsmith_tests::uses::{Graph, crate_modules};

/// The crates with their folders, as the picture names them.
const CRATES: [(&str, &str); 10] = [
    ("modsmith-sandbox", "host/sandbox"),
    ("modsmith-facts", "host/facts"),
    ("modsmith-plan", "host/plan"),
    ("bash-assign", "host/shell"),
    ("build-diagnosis", "host/diagnosis"),
    ("modsmith-plugins", "host/plugins"),
    ("modsmith-core", "host/core"),
    ("modsmith", "host/cli"),
    ("modsmith-shims", "host/shims"),
    ("modsmith-kit", "sdk/kit"),
];

fn architecture() -> String {
    fs::read_to_string(paths::checkout().join("docs/architecture.md")).expect("the page is there")
}

/// `A --> B` of the picture.
fn picture() -> BTreeMap<String, BTreeSet<String>> {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in architecture().lines().filter_map(|line| line.trim().split_once(" --> ")) {
        edges.entry(from.into()).or_default().insert(to.into());
    }
    assert!(!edges.is_empty(), "the page has a picture");
    edges
}

/// The crates of this repository that a crate's manifest names as dependencies.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let path = paths::checkout().join(folder).join("Cargo.toml");
    let manifest: toml::Table = fs::read_to_string(path).expect("a manifest").parse().expect("valid TOML");
    let named = |section: &str| manifest.get(section).and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let all = named("dependencies").into_iter().chain(named("build-dependencies"));
    let is_ours = |name: &str| name == "modsmith-wit" || CRATES.iter().any(|(own, _)| *own == name);
    all.map(|(name, _)| name).filter(|name| is_ours(name)).collect()
}

#[test]
fn crates_depend_on_each_other_as_the_picture_says() {
    let picture = picture();
    for (name, folder) in CRATES {
        let drawn = picture.get(name).cloned().unwrap_or_default();
        assert_eq!(dependencies(folder), drawn, "dependencies of {name} (left: its manifest; right: the picture)");
    }
    let known: BTreeSet<&str> = CRATES.iter().map(|(name, _)| *name).collect();
    for name in picture.keys() {
        assert!(known.contains(name.as_str()), "the picture has a box `{name}` that no folder is named for");
    }
}

#[test]
fn the_installed_program_has_no_compiler_driver_and_no_test_kit() {
    let lock = fs::read_to_string(paths::checkout().join("Cargo.lock")).expect("Cargo.lock is there");
    let lock: toml::Table = lock.parse().expect("valid TOML");
    let packages = lock["package"].as_array().expect("packages");
    // The lock file has the dependencies of tests, too: for crates of ours their manifests count.
    let of_lock = |name: &str| -> BTreeSet<String> {
        let found = packages.iter().filter(|package| package["name"].as_str() == Some(name));
        let lists = found.filter_map(|package| package.get("dependencies")?.as_array());
        lists.flatten().filter_map(|word| Some(word.as_str()?.split(' ').next()?.to_owned())).collect()
    };
    let direct = |folder: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(paths::checkout().join(folder).join("Cargo.toml")).expect("a manifest");
        let manifest: toml::Table = text.parse().expect("valid TOML");
        manifest["dependencies"].as_table().expect("a table").keys().cloned().collect()
    };
    let (mut found, mut left) = (BTreeSet::new(), vec!["modsmith".to_owned()]);
    while let Some(name) = left.pop() {
        if found.insert(name.clone()) {
            let own = CRATES.iter().find(|(own, _)| *own == name);
            left.extend(own.map_or_else(|| of_lock(&name), |(_, folder)| direct(folder)));
        }
    }
    assert!(found.contains("wasmtime") && found.contains("clap"), "{found:?}");
    for unwanted in ["wit-component", "wit-parser", "modsmith-kit"] {
        assert!(!found.contains(unwanted), "the program `modsmith` contains {unwanted}");
    }
}

#[test]
fn modules_of_a_crate_have_no_circles() {
    let mut circles = Vec::new();
    for (name, folder) in CRATES {
        let modules = crate_modules(&paths::checkout().join(folder).join("src"));
        circles
            .extend(Graph::of(&modules).circles().into_iter().map(|circle| format!("{name}: {}", circle.join(", "))));
    }
    assert_eq!(circles, Vec::<String>::new(), "modules that depend on each other in a circle");
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    const LONGEST: usize = 450;
    let folders = ["host", "sdk", "plugins", "tests", "wit"];
    let long: Vec<String> = folders
        .iter()
        .flat_map(|folder| walkdir::WalkDir::new(paths::checkout().join(folder)))
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .filter(|entry| !entry.path().components().any(|part| part.as_os_str() == "target"))
        .map(|entry| entry.into_path())
        .filter_map(|path| over(&path, LONGEST))
        .collect();
    assert_eq!(long, Vec::<String>::new(), "files with more than {LONGEST} lines");
}

fn over(path: &Path, longest: usize) -> Option<String> {
    let lines = fs::read_to_string(path).expect("a source file").lines().count();
    (lines > longest).then(|| format!("{} ({lines})", path.display()))
}

#[test]
fn every_file_that_pages_for_contributors_name_is_there() {
    let mut missing = Vec::new();
    for page in ["docs/architecture.md", "docs/glossary.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(paths::checkout().join(page)).expect("the page is there");
        let words = text.split('`').skip(1).step_by(2);
        let starts = ["host/", "sdk/", "wit/", "plugins/", "tests/", "docs/"];
        let named = words.filter(|word| starts.iter().any(|start| word.starts_with(start)) && !word.contains(' '));
        let lost: Vec<PathBuf> = named.map(|word| paths::checkout().join(word)).filter(|path| !path.exists()).collect();
        missing.extend(lost.into_iter().map(|path| format!("{page}: {}", path.display())));
    }
    assert_eq!(missing, Vec::<String>::new(), "pages name files that are not there");
}
