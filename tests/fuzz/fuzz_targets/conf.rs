//! A dkms.conf, read without a shell.

#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use bash_assign::{Input, read_without_shell};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let scalars = BTreeMap::from([("kernelver".to_owned(), "7.2.0".to_owned())]);
    let names = ["PACKAGE_NAME", "BUILT_MODULE_NAME", "MAKE", "DEST_MODULE_LOCATION"];
    let input = Input { file: Path::new("dkms.conf"), names: &names, scalars: &scalars, state: &BTreeMap::new() };
    let _ = read_without_shell(text, &input, Path::new("/nonexistent"));
});
