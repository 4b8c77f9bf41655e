//! The fields of `.modinfo`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use modsmith_facts::kernel::ModInfo;

fuzz_target!(|section: &[u8]| {
    let info = ModInfo::of_section(section);
    for name in ["vermagic", "license", "import_ns"] {
        assert_eq!(info.first(name), info.all(name).next());
    }
});
