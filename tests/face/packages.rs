//! Packages of each kind that an action meets.

use modsmith_tests::World;
use modsmith_tests::fixture::Package;

/// A machine without a signing key; one package that builds, one that does not, and one that is for another kernel.
pub fn world() -> World {
    let world = World::generic().without_key();
    world.add_package(&Package::new("good", "1.0").conf("CLEAN=\"make clean\""));
    // The words of a compiler are not the same in each of its versions.
    let error = "echo 'bad.c:12:8: error: too few arguments to function open_device' >&2; exit 2";
    world.add_package(&Package::new("bad", "1.0").conf(&format!("MAKE[0]=\"{error}\"")));
    world.add_package(&Package::new("odd", "1.0").conf("BUILD_EXCLUSIVE_KERNEL=\"^5[.]\""));
    for package in ["good", "bad", "odd"] {
        world.dkms(&format!("add {package}/1.0")).expect(0);
    }
    world
}
