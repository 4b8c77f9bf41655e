//! The file of a module: sections, symbols, versions, exports, and all rules.

#![no_main]

mod kernel;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| kernel::judge(file));
