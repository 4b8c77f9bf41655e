//! Files that others may have written are opened in one place, which asks what they are.

use std::fs;
use std::path::Path;

use modsmith_tests::paths;
use modsmith_tests::shipped::shipped;

/// Parts of the program that look at images, kernels, modules, packages, cases and credentials.
const LOOKING: [&str; 10] = [
    "host/facts/src",
    "host/verify/src",
    "host/core/src/flow/check",
    "host/core/src/flow/install",
    "host/core/src/flow/signing",
    "host/core/src/flow/status",
    "host/core/src/conf/source.rs",
    "host/registry/src/credentials.rs",
    "host/registry/src/transport.rs",
    "sdk/kit/src",
];

/// Ways to open a file that wait for a pipe, have no bound, and follow links out of an image.
const UNCHECKED: [&str; 4] = ["fs::read(", "fs::read_to_string(", "File::open(", "fs::copy("];

/// A log that nobody but root can have put there, and of which one line is read. A key that the caller
/// names: a program may hand it over in a pipe, and no more of it is read than a key has.
const ALLOWED: [&str; 2] = ["host/core/src/flow/check/builds.rs", "sdk/kit/src/publish.rs"];

#[test]
fn what_looks_at_files_of_others_opens_them_by_the_one_door() {
    let checkout = paths::checkout();
    let is_source = |path: &Path| {
        let is_test = path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
        path.extension().is_some_and(|extension| extension == "rs") && !is_test
    };
    let mut found = Vec::new();
    for place in LOOKING {
        let mut read = 0;
        for entry in walkdir::WalkDir::new(checkout.join(place)).sort_by_file_name().into_iter().flatten() {
            let file = entry.path().strip_prefix(checkout).expect("it is below the checkout");
            if !is_source(file) || ALLOWED.iter().any(|allowed| Path::new(allowed) == file) {
                continue;
            }
            read += 1;
            let text = fs::read_to_string(entry.path()).expect("a source is text");
            let text = shipped(&text);
            let unchecked = text.lines().filter(|line| UNCHECKED.iter().any(|way| line.contains(way)));
            found.extend(unchecked.map(|line| format!("{}: {}", file.display(), line.trim())));
        }
        assert!(read > 0, "{place} has no sources");
    }
    assert_eq!(found, Vec::<String>::new(), "use modsmith_facts::inside, or say in {} why not", file!());
}
