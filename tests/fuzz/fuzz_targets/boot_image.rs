//! An initramfs: archives, packed or not, behind each other.

#![no_main]

use libfuzzer_sys::fuzz_target;
use modsmith_facts::boot_image;

fuzz_target!(|image: &[u8]| {
    let _ = boot_image::read(image);
});
