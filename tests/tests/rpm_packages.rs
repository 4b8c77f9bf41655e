//! Rpm packages, made and loaded, with Debian's rpm.

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{World, tool};

fn kernel() -> String {
    kernel::newest(Flavour::Generic)
}

#[test]
fn try_it() {
    let world = World::generic();
    world.add_package(&Package::new("box", "1.0").file(".hidden", "also source\n").script("tool", "true"));
    world.dkms(&format!("build box/1.0 -k {}", kernel())).expect(0);
    for line in ["mkrpm", "mkrpm --source-only", "mkrpm --binaries-only", "mkkmod", "mkkmp"] {
        let out = world.dkms(&format!("{line} box/1.0 -k {}", kernel()));
        println!("{line}: {out}");
    }
    println!("{}", tool::run(std::process::Command::new("find").arg(world.tree().join("box"))));
    panic!();
}
