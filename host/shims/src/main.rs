//! The program that builds find under the names of others.
//!
//! Without Rust's own start: that changes how the process treats signals and
//! files, and the real program would inherit the change.
#![no_main]

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

/// The start of a C program.
///
/// # Safety
/// `words` must lead to `count` strings, as the kernel's do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(count: c_int, words: *const *const c_char) -> c_int {
    let count = usize::try_from(count).unwrap_or_default();
    let word = |index: usize| -> OsString {
        // SAFETY: the caller promises so many strings; they live as long as the process.
        let word = unsafe { CStr::from_ptr(*words.add(index)) };
        OsStr::from_bytes(word.to_bytes()).to_owned()
    };
    modsmith_shims::run(&(0..count).map(word).collect::<Vec<_>>())
}
