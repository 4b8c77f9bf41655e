//! The first-party plugins pass their own tests, and so does the plugin of the
//! guide: run as their authors run them.

mod format_guide;
mod guide;
pub(crate) mod project;

use std::path::Path;
use std::process::Command;

use modsmith_tests::{Output, paths, tool};

/// How many cases the first-party plugins have at least.
const CASES: usize = 450;

/// `modsmith plugin test` with these words.
fn plugin_test(directory: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(paths::programs().join("modsmith"));
    tool::output(command.args(["plugin", "test"]).args(words).current_dir(directory))
}

#[test]
fn the_first_party_plugins_pass() {
    let report = plugin_test(paths::checkout(), &["plugins", "--json"]).expect(0).json();
    let plugins = report["plugins"].as_array().expect("a list of plugins");
    let count =
        |member: &str| plugins.iter().map(|plugin| plugin[member].as_array().map_or(0, Vec::len)).sum::<usize>();
    assert!(count("cases") >= CASES, "{} cases", count("cases"));
    // Each is held to determinism, its grant, the limits and robustness.
    assert!(count("laws") >= 4 * plugins.len(), "{} laws", count("laws"));
    let cases = paths::plugin_folders().filter(|folder| folder.join("cases").is_dir()).count();
    assert_eq!(plugins.len(), cases, "a folder with cases is no plugin");
}

#[test]
fn a_table_is_tested_with_the_base_beside_it() {
    let output = plugin_test(&paths::checkout().join("plugins/distros/void"), &["--case", "headers"]).expect(0);
    assert_eq!(output.stdout, "void: 1 case, 4 laws\n1 case, 4 laws: all passed\n");
}

#[test]
fn plugins_that_are_built_already_are_taken_as_they_are() {
    let built = paths::programs().join("plugins").display().to_string();
    let words = ["plugins/distros/void", "--built", &built];
    plugin_test(paths::checkout(), &words).expect(0);
    let nowhere = ["plugins/distros/void", "--built", "/nowhere"];
    plugin_test(paths::checkout(), &nowhere).expect(1).expect_error("/nowhere/void.toml").expect_hint();
}

#[test]
fn a_path_without_plugins_says_what_a_plugin_is() {
    plugin_test(paths::checkout(), &["docs"]).expect(1).expect_error("no plugin in docs").expect_hint();
}

/// The table makes a copy of an image that it may not write.
#[test]
fn update_does_not_make_a_denial_the_expectation() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let table = "id = \"mine\"\nversion = \"1.0.0\"\nbase = \"table\"\n[roles]\nprovides = [\"initrd\"]\n\
        [[run]]\nprogram = \"mkimage\"\narguments = [\"*\"]\n\
        [policy.initrd]\nimages = [\"image-{release}\"]\ncommand = [\"mkimage\", \"{release}\"]\n";
    let facts = "call = \"refresh\"\noccasion = \"installed\"\nprograms = [\"mkimage\"]\nfiles = [\"/boot/image-6.1\"]\n\
        [kernel]\nrelease = \"6.1\"\n";
    let case = dir.path().join("cases/copied");
    std::fs::create_dir_all(&case).expect("writable");
    std::fs::write(dir.path().join("policy.toml"), table).expect("writable");
    std::fs::write(case.join("facts.toml"), facts).expect("writable");
    // The base is looked for beside the table.
    let built = dir.path().join("built");
    std::fs::create_dir(&built).expect("writable");
    std::fs::copy(paths::programs().join("plugins/table.wasm"), built.join("table.wasm"))
        .expect("a first-party plugin");
    std::fs::write(built.join("mine.toml"), table).expect("writable");
    let words = ["--update", "--built", "built"];
    let output = plugin_test(dir.path(), &words).expect(1);
    assert!(output.stdout.contains("was refused for kernel 6.1"), "{output}");
    assert!(output.stdout.contains("write error.txt by hand"), "{output}");
    assert!(!case.join("error.txt").exists() && !case.join("expected.plan").exists(), "{output}");
}
