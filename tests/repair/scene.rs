//! Worlds to break, and what `modsmith check` says about them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::schema::validate;
use modsmith_tests::state::{generic, other, prebuilt};
use modsmith_tests::{World, kernel, tool};
use serde_json::Value;

/// Two kernels, their index, a signing key, and the sources of `sample` 1.0 and 2.0,
/// whose builds are copies.
pub fn bare() -> World {
    let world = World::new(&[generic(), other()]);
    for version in ["1.0", "2.0"] {
        world.add_package(&prebuilt("sample", version));
    }
    for kernel in [generic(), other()] {
        world.shell(&format!("depmod {kernel}")).run().expect(0);
    }
    world
}

/// The same with `sample` 1.0 installed for the generic kernel.
pub fn installed() -> World {
    let world = bare();
    dkms(&world, "install sample/1.0 -k KERNEL");
    world
}

/// A generic kernel with its image, its configuration and its own modules; modules are
/// not signed.
pub fn bootable() -> World {
    let world = World::generic();
    kernel::complete(&world, &generic());
    world.write("etc/dkms/framework.conf", "try_sign_modules=false\n");
    world
}

#[track_caller]
pub fn dkms(world: &World, line: &str) {
    world.dkms(&fill(line)).expect(0);
}

pub fn fill(line: &str) -> String {
    modsmith_tests::state::fill(line)
}

/// `T/sample/1.0/K/A`.
pub fn target_dir(world: &World) -> PathBuf {
    world.tree().join("sample/1.0").join(generic()).join(kernel::arch())
}

pub fn product(world: &World) -> PathBuf {
    target_dir(world).join("module/sample.ko")
}

pub fn installed_file(world: &World) -> PathBuf {
    world.modules(&generic()).join("updates/dkms/sample.ko")
}

/// The problems of `modsmith check`, which is valid JSON by its schema.
#[track_caller]
pub fn check(world: &World, options: &str) -> Vec<Value> {
    let out = world.modsmith(&format!("check --json {options}")).expect_no_panic();
    let json = out.json();
    validate("check-schema.json", &json).unwrap_or_else(|why| panic!("{why}\n{out}"));
    let problems = json["problems"].as_array().expect("a list").clone();
    let left =
        problems.iter().filter(|problem| problem["sight"] == "found" && problem["outcome"] != "repaired").count();
    assert_eq!(out.code, if left == 0 { 0 } else { 35 }, "{out}");
    problems
}

/// The checks that found something, each with the kind of its remedy.
pub fn found(problems: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = problems.iter().filter(|problem| problem["sight"] == "found");
    found.map(|problem| (text(&problem["check"]), text(&problem["remedy"]["kind"]))).collect()
}

/// The state is found, with this remedy and alone; it is repaired; then it is not found.
#[track_caller]
pub fn repairs(world: &World, check_id: &str, kind: &str) {
    let before = world.snapshot();
    let problems = check(world, "");
    assert_eq!(found(&problems), [(check_id.to_owned(), kind.to_owned())], "{problems:#?}");
    let dry = world.modsmith("check --repair --dry-run --json").expect(35).json();
    validate("check-schema.json", &dry).unwrap();
    assert!(!dry["plans"].as_array().expect("plans").is_empty(), "{dry:#}");
    assert_eq!(dry["problems"][0]["outcome"], "planned", "{dry:#}");
    before.assert_same(&world.snapshot(), "a look and a dry run");

    let repaired = check(world, "--repair");
    assert!(
        repaired.iter().any(|problem| problem["check"] == check_id && problem["outcome"] == "repaired"),
        "{repaired:#?}"
    );
    assert!(repaired.iter().all(|problem| problem["outcome"] == "repaired"), "{repaired:#?}");
    let after = world.snapshot();
    let again = check(world, "");
    assert!(again.is_empty(), "after the repair: {again:#?}");
    assert!(check(world, "--repair").is_empty());
    after.assert_same(&world.snapshot(), "a second repair");
}

/// The state is found alone, and told; a repair changes nothing. Returns the problem.
#[track_caller]
pub fn tells(world: &World, check_id: &str) -> Value {
    let problems = check(world, "");
    assert_eq!(found(&problems), [(check_id.to_owned(), "told".to_owned())], "{problems:#?}");
    let before = world.snapshot();
    let after = check(world, "--repair");
    assert_eq!(after[0]["outcome"], "left", "{after:#?}");
    before.assert_same(&world.snapshot(), "a state that is only told");
    problems[0].clone()
}

pub fn depmod(world: &World) {
    world.shell(&fill("depmod KERNEL")).run().expect(0);
}

/// Replaces bytes of a file by others of the same length, at every place.
pub fn patch(file: &Path, from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(file).expect("a file");
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, w)| *w == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "{} has no {from:?}", file.display());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    fs::write(file, bytes).expect("writable");
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a directory")).expect("writable");
    tool::run(Command::new("cp").arg("-a").arg(from).arg(to));
}
