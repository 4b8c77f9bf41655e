//! Modules are compressed as the kernel's own are.

use std::fs;

use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};

/// A kernel that has one module with the suffix; what the package's is called
/// after an install, and the first bytes of the file.
fn installed(suffix: &str) -> (World, Vec<u8>) {
    let kernel = kernel::newest(Flavour::Generic);
    let world = World::generic();
    world.add_package(&Package::new("packed", "1.0"));
    let own = world.modules(&kernel).join("kernel/fs");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join(format!("own.ko{suffix}")), "").unwrap();
    world.dkms(&format!("install packed/1.0 -k {kernel}")).expect(0);
    let file = world.modules(&kernel).join(format!("updates/dkms/packed.ko{suffix}"));
    let bytes = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    (world, bytes[..6].to_vec())
}

#[test]
fn modules_are_compressed_as_those_of_the_kernel_with_xz_zstd_gzip_or_not_at_all() {
    for (suffix, magic) in [
        (".xz", &[0xfd, b'7', b'z', b'X', b'Z', 0][..]),
        (".zst", &[0x28, 0xb5, 0x2f, 0xfd]),
        (".gz", &[0x1f, 0x8b]),
        ("", b"\x7fELF"),
    ] {
        let (world, bytes) = installed(suffix);
        assert!(bytes.starts_with(magic), "{suffix}: {bytes:x?}");
        let status = world.dkms("status").expect(0).stdout;
        assert!(status.trim_end().ends_with(": installed"), "no difference is seen: {status}");
        world.dkms("remove packed/1.0 --all").expect(0);
        let kernel = kernel::newest(Flavour::Generic);
        assert!(!world.modules(&kernel).join("updates").exists(), "nothing of it is left");
    }
}
