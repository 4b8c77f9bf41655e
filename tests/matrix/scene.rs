//! A world with a module that builds, one that does not, and one that is for other kernels.

use std::fs;

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::schema::validate;
use modsmith_tests::{Output, World, paths};
use serde_json::Value;

/// The specification of most tests.
pub const SPEC: &str = "modules = [\"good/1.0\", \"bad/1.0\", \"rare/1.0\"]\nkernels = [\"*\"]\n";

/// The sources of the specification, in a world with two kernels and no signing key; nothing is in the tree.
pub fn world() -> World {
    let world = World::new(&[kernel(), kernel::newest(Flavour::Cloud)]).without_key();
    add_packages(&world);
    world.write("spec.toml", SPEC);
    world
}

pub fn add_packages(world: &World) {
    world.add_package(&Package::new("good", "1.0"));
    world.add_package(&bad());
    world.add_package(&Package::new("rare", "1.0").conf("BUILD_EXCLUSIVE_KERNEL=\"^9\\.\""));
}

/// A package that no compiler takes.
pub fn bad() -> Package {
    let source = "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nint bad = not_declared;\n";
    Package::new("bad", "1.0").file("bad.c", source)
}

/// A script in the world's own directory; `modsmith` is the program.
pub fn shell(world: &World, script: &str) -> Output {
    let program = world.path("bin/modsmith");
    if !program.exists() {
        // Where PATH, which is an input of builds, leads anyway.
        std::os::unix::fs::symlink(paths::programs().join("modsmith"), program).expect("scratch directory is writable");
    }
    world.shell(&format!("cd {}; {script}", world.dir().display())).run()
}

/// A document below the world, valid by its schema.
#[track_caller]
pub fn document(world: &World, path: &str, schema: &str) -> Value {
    let text = fs::read(world.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let json: Value = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    validate(schema, &json).unwrap();
    json
}

/// The builds that the world's store has.
pub fn stored(world: &World) -> usize {
    fs::read_dir(world.path("var/cache/modsmith/store/entries")).map_or(0, Iterator::count)
}

/// The number of cells of an outcome.
pub fn total(index: &Value, outcome: &str) -> u64 {
    index["totals"][outcome].as_u64().unwrap_or_else(|| panic!("no total of {outcome}: {index:#}"))
}
