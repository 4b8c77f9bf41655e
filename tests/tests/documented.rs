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
