//! What a boot loader starts, and the kernel in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use modsmith_facts::kernel::{Vmlinux, image_release, unpack_image};

fuzz_target!(|image: &[u8]| {
    let _ = image_release(image);
    if let Ok(kernel) = unpack_image(image) {
        let _ = Vmlinux::parse(&kernel);
    }
});
