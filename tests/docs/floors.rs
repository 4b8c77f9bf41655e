//! The floors of `docs/architecture.md`: crates depend on each other as the picture
//! says, and modules of a crate depend on each other in one direction.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::shipped::shipped;
use modsmith_tests::uses::{Graph, Module, crate_modules, folders};
use modsmith_tests::{paths, tool};
use regex::Regex;

/// The crates with their folders, as the picture names them.
const CRATES: [(&str, &str); 15] = [
    ("modsmith-sandbox", "host/sandbox"),
    ("modsmith-facts", "host/facts"),
    ("modsmith-plan", "host/plan"),
    ("bash-assign", "host/shell"),
    ("build-diagnosis", "host/diagnosis"),
    ("modsmith-verdict", "host/verdict"),
    ("modsmith-verify", "host/verify"),
    ("modsmith-store", "host/store"),
    ("modsmith-matrix", "host/matrix"),
    ("modsmith-registry", "host/registry"),
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

/// The names of all crates that a crate is linked with.
fn linked(name: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "tree",
        "--locked",
        "--offline",
        "--prefix",
        "none",
        "--edges",
        "normal,no-proc-macro",
        "--package",
        name,
    ]);
    let tree = tool::run(cargo.current_dir(paths::checkout()));
    tree.lines().filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect()
}

#[test]
fn the_installed_program_has_no_compiler_driver_and_no_test_kit() {
    let found = linked("modsmith");
    assert!(found.contains("wasmtime") && found.contains("clap"), "{found:?}");
    // wasmtime itself contains wasm-encoder.
    for unwanted in ["wit-component", "wit-parser", "modsmith-kit"] {
        assert!(!found.contains(unwanted), "the program `modsmith` contains {unwanted}");
    }
    let found = linked("modsmith-core");
    for unwanted in ["clap", "modsmith"] {
        assert!(!found.contains(unwanted), "modsmith-core contains {unwanted}");
    }
    let ours: Vec<_> = linked("modsmith-plan").into_iter().filter(|name| name.starts_with("modsmith")).collect();
    assert_eq!(ours, ["modsmith-facts", "modsmith-plan", "modsmith-sandbox"]);
}

#[test]
fn modules_of_a_folder_have_no_circles() {
    let (mut circles, mut looked_at) = (Vec::new(), 0);
    for (name, directory) in CRATES {
        let modules = crate_modules(&paths::checkout().join(directory).join("src"));
        for folder in folders(&modules) {
            looked_at += 1;
            let found = Graph::of(&modules, &folder).circles().into_iter();
            circles.extend(found.map(|circle| format!("{name}, {}: {}", folder.join("::"), circle.join(", "))));
        }
    }
    assert!(looked_at > 50, "only {looked_at} folders of modules were found");
    assert_eq!(circles, Vec::<String>::new(), "modules that depend on each other in a circle");
}

#[test]
fn no_source_file_is_longer_than_a_reader_can_hold() {
    const LONGEST: usize = 450;
    let folders = ["host", "sdk", "plugins", "wit"];
    let long: Vec<String> = folders
        .iter()
        .flat_map(|folder| walkdir::WalkDir::new(paths::checkout().join(folder)))
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .filter(|entry| {
            !entry.path().components().any(|part| matches!(part.as_os_str().to_str(), Some("target" | "tests")))
        })
        .map(|entry| entry.into_path())
        .filter_map(|path| over(&path, LONGEST))
        .collect();
    assert_eq!(long, Vec::<String>::new(), "files with more than {LONGEST} lines");
}

/// Methods of each type in all its `impl` blocks, but for those of traits.
#[test]
fn no_type_has_more_methods_than_a_reader_can_hold() {
    const MOST: usize = 30;
    let block = Regex::new(r"(?ms)^impl(?:<[^{]*?>)?\s+(?:\w+::)*(\w+)(?:<[^{]*?>)?\s*\{\n(.*?)^\}").unwrap();
    let method = Regex::new(r"(?m)^    (?:pub(?:\([^)]*\))? )?(?:const )?(?:unsafe )?fn ").unwrap();
    let definition = Regex::new(r"(?m)^(?:pub(?:\([^)]*\))? )?(?:struct|enum|union) (\w+)").unwrap();
    let mut methods: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (name, folder) in CRATES.into_iter().chain([("modsmith-plugin", "sdk/guest")]) {
        let modules = crate_modules(&paths::checkout().join(folder).join("src"));
        let defined = |module: &Module| {
            let types: Vec<_> = definition.captures_iter(&module.source).map(|found| found[1].to_owned()).collect();
            types.into_iter().map(|name| (name, module.path.clone())).collect::<Vec<_>>()
        };
        let types: Vec<(String, Vec<String>)> = modules.iter().flat_map(defined).collect();
        for module in &modules {
            for found in block.captures_iter(&module.source) {
                let path = [home(&types, &found[1], &module.path), &[found[1].to_owned()][..]].concat();
                *methods.entry((name.into(), path.join("::"))).or_default() += method.find_iter(&found[2]).count();
            }
        }
    }
    assert!(methods.len() > 100, "only {} types were found", methods.len());
    let large: Vec<_> = methods.into_iter().filter(|(_, methods)| *methods > MOST).collect();
    assert_eq!(large, [], "types with more than {MOST} methods");
}

/// The module of the type that an `impl` in the module `from` is for: of several types with the name, the nearest one.
fn home<'m>(types: &'m [(String, Vec<String>)], name: &str, from: &[String]) -> &'m [String] {
    let shared = |module: &[String]| module.iter().zip(from).take_while(|(one, other)| one == other).count();
    let modules = types.iter().filter(|(defined, _)| defined == name).map(|(_, module)| module.as_slice());
    modules.max_by_key(|module| (shared(module), Reverse(module.len()))).unwrap_or_default()
}

fn over(path: &Path, longest: usize) -> Option<String> {
    let text = fs::read_to_string(path).expect("a source file");
    let lines = shipped(&text).lines().count();
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
