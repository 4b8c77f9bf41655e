//! A world with one package, and ways to look at its builds.

use std::fs;
use std::path::PathBuf;

use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
pub use modsmith_tests::signature::unsigned;
use serde_json::Value;

/// The package of most tests.
pub fn package() -> Package {
    Package::new("kept", "1.0").file("part.h", "#define PART 1\n").file(
        "kept.c",
        "#include <linux/module.h>\n#include \"part.h\"\nMODULE_LICENSE(\"GPL\");\nMODULE_VERSION(\"1.0\");\nint kept = PART;\n",
    )
}

/// A world with the package registered, and a store of its own.
pub fn world() -> World {
    let world = World::generic();
    world.add_package(&package());
    world.dkms("add kept/1.0").expect(0);
    world
}

/// `build` or another action, for the kernel.
pub fn act(world: &World, action: &str) {
    world.dkms(&format!("{action} kept/1.0 -k {}", kernel())).expect(0);
}

/// The entry of the package in `status --json`.
pub fn status(world: &World) -> Value {
    let json = world.modsmith("status kept/1.0 --json").expect(0).json();
    modsmith_tests::schema::validate("status-schema.json", &json).unwrap();
    json["packages"][0].clone()
}

/// Whether the products came from the store, as the record says; the log says the same.
#[track_caller]
pub fn reused(world: &World) -> bool {
    let status = status(world);
    let reused = status["store"]["reused"].as_bool().unwrap_or_else(|| panic!("the build is not kept: {status:#}"));
    let log = fs::read_to_string(target_dir(world).join("log/make.log")).expect("a log");
    let identity = status["store"]["identity"].as_str().expect("an identity");
    assert_eq!(log.contains(&format!("# from the store: identity {identity}")), reused, "{log}");
    assert!(log.contains(identity), "{log}");
    reused
}

pub fn target_dir(world: &World) -> PathBuf {
    world.tree().join("kept/1.0").join(kernel()).join(kernel::arch())
}

/// The module as it is in the tree.
pub fn product(world: &World) -> Vec<u8> {
    fs::read(target_dir(world).join("module/kept.ko")).expect("a built module")
}

/// The directory of the entries.
pub fn entries(world: &World) -> PathBuf {
    world.path("var/cache/modsmith/store/entries")
}

/// The directories of all entries.
pub fn stored(world: &World) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(entries(world)) else { return Vec::new() };
    found.map(|entry| entry.expect("readable").path()).collect()
}
