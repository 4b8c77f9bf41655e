//! Texts that are kept beside the tests.

use std::fs;
use std::path::Path;

use modsmith_tests::paths;

/// Compares a text with the file that keeps it. With `MODSMITH_KEEP_TEXTS=1` it is written:
/// look at the difference before it is committed.
#[track_caller]
pub fn assert_kept(file: impl AsRef<Path>, text: &str) {
    let file = paths::checkout().join(file);
    if std::env::var_os("MODSMITH_KEEP_TEXTS").is_some() {
        fs::create_dir_all(file.parent().expect("below the checkout")).expect("the folder can be made");
        fs::write(&file, text).expect("the folder can be written to");
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, kept, "{}: MODSMITH_KEEP_TEXTS=1 writes it anew", file.display());
}
