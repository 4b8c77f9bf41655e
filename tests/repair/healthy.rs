//! Trees that are well: nothing is found, whichever program made them.

use modsmith_tests::peer::Program;
use modsmith_tests::state::{self, State};

use crate::scene::{bare, bootable, check, dkms, fill};

/// States that are as their packages and administrators want them.
const WELL: [&State; 15] = [
    &state::ABSENT,
    &state::ADDED,
    &state::BUILT,
    &state::INSTALLED,
    &state::WITH_ORIGINAL,
    &state::BEFORE_ORIGINAL,
    &state::OLDER_ACTIVE,
    &state::NEWER_ACTIVE,
    &state::TWO_KERNELS,
    &state::BOTH_INSTALLED,
    &state::RIVALS,
    &state::OVERRIDDEN_INSTALLED,
    &state::FRAMEWORK_INSTALLED,
    &state::TWO_MODULES,
    &state::LINKED_SOURCE,
];

fn nothing_is_found(program: Program) {
    for state in WELL {
        let world = state.reach(program);
        let before = world.snapshot();
        let problems = check(&world, "");
        assert!(problems.is_empty(), "{}: {problems:#?}", state.name);
        assert!(check(&world, "--repair").is_empty());
        before.assert_same(&world.snapshot(), state.name);
    }
}

#[test]
fn nothing_is_found_in_trees_of_modsmith() {
    nothing_is_found(Program::Ours);
}

#[test]
fn nothing_is_found_in_trees_of_dkms() {
    nothing_is_found(Program::Peer);
}

#[test]
fn nothing_is_found_where_the_kernel_can_be_asked() {
    let world = bootable();
    world.add_package(&state::prebuilt("sample", "1.0"));
    dkms(&world, "install sample/1.0 -k KERNEL");
    assert!(check(&world, "").is_empty());
}

#[test]
fn a_failed_build_that_is_recorded_is_no_state_of_the_tree() {
    let world = bare();
    std::fs::remove_dir_all(world.path("usr/src/sample-1.0/prebuilt")).expect("it was there");
    let out = world.dkms(&fill("build sample/1.0 -k KERNEL"));
    assert_ne!(out.code, 0, "{out}");
    assert!(check(&world, "").is_empty());
}
