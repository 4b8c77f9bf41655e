//! The guide "Builds without a network", typed: a stick carries a build from one machine to another.

use std::fs;

use modsmith_tests::guide::{blocks, text};
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, World, paths};

use crate::scene::{PATH, Scene, modsmith, origin};

const GUIDE: &str = "builds-without-a-network.md";

/// What the guide says, for this package and kernel, with the files of the scene.
fn adapted(scene: &Scene, world: &World, words: &str) -> String {
    let program = paths::programs().join("modsmith").display().to_string();
    [
        ("/root/", format!("{}/", scene.dir.path().display())),
        ("/media/stick/modules", scene.place().display().to_string()),
        ("/etc/modsmith", world.path("settings/modsmith").display().to_string()),
        ("bbswitch/0.8", "shared/1.0".to_owned()),
        ("6.1.0-9-amd64", kernel()),
    ]
    .iter()
    .fold(words.to_owned(), |words, (of_guide, ours)| words.replace(of_guide, ours))
    .lines()
    .map(|line| line.strip_prefix("modsmith ").map_or(line.to_owned(), |rest| format!("{program} {rest}")) + "\n")
    .collect()
}

#[track_caller]
fn types(scene: &Scene, world: &World, words: &str) -> Output {
    let script = format!("set -e; cd {}\n{}", scene.dir.path().display(), adapted(scene, world, words));
    world.shell(&script).env("PATH", PATH).run().expect(0)
}

/// A command in a sentence of the guide.
fn said(command: &str) -> &str {
    assert!(text(GUIDE).contains(&format!("`{command}`")), "the guide does not say `{command}`");
    command
}

#[test]
fn a_stick_carries_a_build() {
    let scene = Scene::new();
    let steps = blocks(GUIDE, "sh");
    let [keys, other_machine, build] = steps.as_slice() else { panic!("the guide has other blocks: {steps:#?}") };
    types(&scene, &scene.maker, keys);
    types(&scene, &scene.user, other_machine);
    types(&scene, &scene.maker, build);
    types(&scene, &scene.user, said("modsmith install bbswitch/0.8 -k 6.1.0-9-amd64"));
    assert!(origin(&scene.user).is_some(), "it was built");

    // Only fetched; then the stick is taken away.
    modsmith(&scene.user, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
    types(&scene, &scene.user, said("modsmith pull bbswitch/0.8 -k 6.1.0-9-amd64"));
    fs::rename(scene.place(), scene.dir.path().join("away")).unwrap();
    types(&scene, &scene.user, "modsmith install bbswitch/0.8 -k 6.1.0-9-amd64");
    assert!(origin(&scene.user).is_some(), "it was built");

    // Neither the stick nor the store has it.
    modsmith(&scene.user, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
    let out = types(&scene, &scene.user, "modsmith install bbswitch/0.8 -k 6.1.0-9-amd64");
    assert!(out.stderr.contains("The modules are built."), "{out}");
    assert!(origin(&scene.user).is_none());
}
