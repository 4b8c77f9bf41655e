//! What the tests accept is what the documentation says.

use std::fs;

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
