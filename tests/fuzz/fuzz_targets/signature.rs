//! The signature behind a module: a CMS message, framed as the kernel wants one.

#![no_main]

mod kernel;

use libfuzzer_sys::fuzz_target;

/// What is signed: the seeds are signatures of it.
const CONTENT: &[u8] = b"content\n";

fuzz_target!(|message: &[u8]| {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    let description = [&[0, 0, 2, 0, 0, 0, 0, 0][..], &length].concat();
    kernel::judge(&[CONTENT, message, &description, b"~Module signature appended~\n"].concat());
});
