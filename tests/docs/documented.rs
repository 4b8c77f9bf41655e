//! What the tests accept is what the documentation says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use modsmith_tests::{paths, peer};

#[test]
fn every_accepted_difference_is_documented_and_the_other_way_round() {
    let path = paths::checkout().join("docs/reference/differences-from-dkms.md");
    let text = fs::read_to_string(&path).expect("the page is there");
    let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    for accepted in peer::ACCEPTED {
        assert!(headings.contains(&accepted.name), "{:?} has no heading in {}", accepted.name, path.display());
    }
    let (checked, _) = text.split_once("## Where modsmith does otherwise").expect("the page has two parts");
    for heading in checked.lines().filter_map(|line| line.strip_prefix("### ")) {
        let known = peer::ACCEPTED.iter().any(|a| a.name == heading);
        assert!(known, "{heading:?} is documented, but no test accepts it");
    }
}

#[test]
fn every_promise_of_security_names_tests_that_exist() {
    let path = paths::checkout().join("SECURITY.md");
    let text = fs::read_to_string(&path).expect("the page is there");
    let is_source = |path: &std::path::Path| path.extension().is_some_and(|extension| extension == "rs");
    let sources: String = walkdir::WalkDir::new(paths::checkout())
        .into_iter()
        .filter_entry(|entry| !matches!(entry.file_name().to_str(), Some("target" | ".git" | "cases")))
        .filter_map(|entry| entry.ok().filter(|entry| is_source(entry.path())))
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .collect();
    let promises = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise"));
    let (mut named, mut missing) = (0, Vec::new());
    for promise in promises {
        let (_, tests) = promise.trim_end_matches(" |").rsplit_once("| ").expect("a table of two columns");
        for test in tests.split(", ").map(|name| name.trim_matches('`')) {
            named += 1;
            if !sources.contains(&format!("fn {test}(")) {
                missing.push(test);
            }
        }
    }
    assert!(named > 0, "{} names no tests", path.display());
    assert_eq!(missing, Vec::<&str>::new(), "{} names tests that are not there", path.display());
}

/// Folders of a directory that are crates, plugins or tables, by name.
fn folders(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("it can be read").path());
    let is_one =
        |path: &PathBuf| ["Cargo.toml", "plugin.toml", "policy.toml"].iter().any(|file| path.join(file).is_file());
    let names = entries.filter(is_one).filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
    names.collect()
}

#[test]
fn the_page_about_plugins_has_a_row_for_each_plugin_and_each_shared_crate() {
    let plugins = paths::checkout().join("plugins");
    let page = fs::read_to_string(plugins.join("README.md")).expect("the page is there");
    let mut compared = 0;
    for section in page.split("\n## `").skip(1) {
        let (folder, rows) = section.split_once('`').expect("a heading is a folder's name");
        let rows = rows.lines().filter(|line| line.starts_with("| `")).filter_map(|row| row.split('|').nth(1));
        let listed: BTreeSet<String> =
            rows.flat_map(|names| names.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
        assert_eq!(listed, folders(&plugins.join(folder)), "left: plugins/README.md; right: plugins/{folder}");
        compared += 1;
    }
    let all = fs::read_dir(&plugins).expect("a directory").map(|entry| entry.expect("it can be read").path());
    let with_plugins = all.filter(|path| path.is_dir() && !folders(path).is_empty()).count();
    assert_eq!(compared, with_plugins, "plugins/README.md has a section for each folder");
}
