//! Libraries that the dynamic linker loads into the program, as it is shipped.

use std::path::PathBuf;
use std::process::Command;

use crate::{paths, tool};

/// The library of a name, compiled from C.
///
/// # Panics
/// Without a compiler.
pub fn library(name: &str, source: &str) -> PathBuf {
    let cache = paths::cache("preload");
    let directory = tempfile::tempdir_in(&cache).expect("a directory");
    let (file, made) = (directory.path().join("source.c"), directory.path().join("made.so"));
    std::fs::write(&file, source).expect("just made");
    tool::run(Command::new(tool::path("gcc")).args(["-shared", "-fPIC", "-O1", "-o"]).arg(&made).arg(&file));
    // Tests run in many processes: each makes it, and all come to the same.
    let library = cache.join(format!("{name}.so"));
    std::fs::rename(made, &library).expect("the same directory");
    library
}
