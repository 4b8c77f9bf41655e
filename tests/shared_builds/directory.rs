//! A directory that machines share.

use std::fs;

use modsmith_tests::prelude::*;
use modsmith_tests::tool;
use serde_json::Value;

use crate::scene::{Scene, act, kept, modsmith, origin, target_dir};

#[test]
fn what_one_machine_has_built_another_installs() {
    let scene = Scene::shared();
    let out = modsmith(&scene.user, &format!("install shared/1.0 -k {}", kernel())).expect(0);
    let origin = origin(&scene.user).unwrap_or_else(|| panic!("it was built: {out}"));
    assert_eq!(origin["address"], scene.place().display().to_string());
    let log = fs::read_to_string(target_dir(&scene.user).join("log/make.log")).unwrap();
    let named = format!("fetched from {} as {}", scene.place().display(), origin["artefact"].as_str().unwrap());
    assert!(log.contains(&named) && log.contains("shared.o"), "{log}");
    assert!(modsmith(&scene.user, "status").expect(0).stdout.contains("installed"));
    // From then on it is one of this machine's own.
    fs::remove_dir_all(scene.place()).unwrap();
    act(&scene.user, "uninstall");
    act(&scene.user, "unbuild");
    assert!(scene.fetches(), "from the store of this machine, which remembers where it came from");
    modsmith(&scene.user, "store verify").expect(0);
}

#[test]
fn two_machines_have_the_same_identity_for_the_same_inputs() {
    let scene = Scene::new();
    let identity = format!("identity shared/1.0 -k {}", kernel());
    let file = scene.dir.path().join("identity.json");
    fs::write(&file, modsmith(&scene.maker, &format!("{identity} --json")).expect(0).stdout).unwrap();
    let out = modsmith(&scene.user, &format!("{identity} --json --against {}", file.display())).expect(0);
    assert_eq!(out.json()["differences"].as_array().map(Vec::len), Some(0), "{:#}", out.json()["differences"]);
}

#[test]
fn autoinstall_looks_there_too_and_force_does_not() {
    let scene = Scene::shared();
    modsmith(&scene.user, &format!("autoinstall -k {}", kernel())).expect(0);
    assert!(origin(&scene.user).is_some());
    modsmith(&scene.user, &format!("build shared/1.0 -k {} --force", kernel())).expect(0);
    assert!(origin(&scene.user).is_none());
}

#[test]
fn nothing_is_fetched_before_the_administrator_names_a_store() {
    let scene = Scene::new();
    scene.push(&scene.place().display().to_string(), "").expect(0);
    let (out, fetched) = scene.built();
    assert!(!fetched && out.stderr.is_empty(), "{out}");
}

#[test]
fn a_build_of_other_inputs_is_not_taken() {
    let scene = Scene::shared();
    let file = scene.user.path("usr/src/shared-1.0/shared.c");
    fs::write(&file, fs::read_to_string(&file).unwrap() + "int more;\n").unwrap();
    modsmith(&scene.user, &format!("build shared/1.0 -k {}", kernel())).expect(0);
    assert!(origin(&scene.user).is_none());
}

#[test]
fn pull_fetches_one_build_and_says_where_it_comes_from() {
    let scene = Scene::new();
    let place = scene.place().display().to_string();
    let pull = |keys: &str| modsmith(&scene.user, &format!("pull shared/1.0 -k {} --from {place} {keys}", kernel()));
    let (team, other) = (scene.public("team"), scene.public("other"));
    let out = pull("").expect(1).expect_hint();
    assert!(out.stderr.contains("No key is known"), "{out}");
    pull(&format!("--key {team}")).expect_no_panic().expect_hint();
    assert_eq!(kept(&scene.user), 0);
    scene.push(&place, "").expect(0);
    let out = pull(&format!("--key {other}")).expect_no_panic().expect_hint();
    assert!(out.stderr.contains("not with the key that counts"), "{out}");
    assert_eq!(kept(&scene.user), 0);
    let out = pull(&format!("--key {other} --key {team}")).expect(0);
    assert!(out.stdout.contains(&format!("from {place}, sha256:")), "{out}");
    assert_eq!(kept(&scene.user), 1);
    assert!(scene.fetches());
}

#[test]
fn the_same_is_pushed_once_and_something_else_only_with_force() {
    let scene = Scene::new();
    let place = scene.place().display().to_string();
    let first = scene.push(&place, "").expect(0);
    assert!(first.stdout.contains("is pushed"), "{first}");
    let second = scene.push(&place, "").expect(0);
    assert!(second.stdout.contains("is there already"), "{second}");
    // Built again: another time, the same modules.
    modsmith(&scene.maker, &format!("build shared/1.0 -k {} --force", kernel())).expect(0);
    assert!(scene.push(&place, "").expect(0).stdout.contains("is there already"));
    let line = format!("push shared/1.0 -k {} --to {place} --key {}", kernel(), scene.private("other"));
    let out = modsmith(&scene.maker, &line).expect(30).expect_hint();
    assert!(out.stderr.contains("another key has signed it"), "{out}");
    modsmith(&scene.maker, &format!("{line} --force")).expect(0);
    scene.names("store-directory", &place);
    assert!(!scene.fetches(), "the other key is not believed");
}

#[test]
fn what_is_not_in_the_store_is_not_pushed() {
    let scene = Scene::new();
    let place = scene.place().display().to_string();
    let line = format!("push shared/1.0 -k {} --to {place} --key {}", kernel(), scene.private("team"));
    let out = modsmith(&scene.user, &line).expect(30).expect_hint();
    assert!(out.stderr.contains("is not in the store"), "{out}");
    assert!(!scene.place().exists());
    fs::create_dir(scene.place()).unwrap();
    fs::write(scene.place().join("letter"), "").unwrap();
    let out = scene.push(&place, "").expect_no_panic().expect_hint();
    assert!(out.stderr.contains("it has other files"), "{out}");
}

/// Both forms have the same layer, and both are taken.
#[test]
fn the_form_of_a_plain_image_is_taken_as_well() {
    let scene = Scene::new();
    let place = scene.place().display().to_string();
    scene.push(&place, "--profile image").expect(0);
    scene.names("store-directory", &place);
    assert!(scene.fetches());
}

/// The directory is a layout of OCI: a tool that knows nothing of modules copies builds unchanged.
#[test]
fn skopeo_copies_a_build_unchanged() {
    let scene = Scene::new();
    let place = scene.place().display().to_string();
    scene.push(&place, "").expect(0);
    let index: Value = serde_json::from_slice(&fs::read(scene.place().join("index.json")).unwrap()).unwrap();
    let tags: Vec<&str> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|listed| listed["annotations"]["org.opencontainers.image.ref.name"].as_str())
        .collect();
    let tag = tags.iter().find(|tag| tag.starts_with("id-")).expect("a tag for programs");
    assert!(tags.contains(&format!("shared-1.0-{}-{}", kernel(), kernel::arch()).as_str()), "{tags:?}");
    let copy = scene.dir.path().join("copy");
    let mut skopeo = std::process::Command::new(tool::path("skopeo"));
    tool::run(
        skopeo
            .args(["--insecure-policy", "copy", "-q"])
            .arg(format!("oci:{place}:{tag}"))
            .arg(format!("oci:{}:{tag}", copy.display())),
    );
    let digest = |index: &Value| {
        let listed = index["manifests"].as_array().unwrap();
        let own = listed.iter().find(|listed| listed["annotations"]["org.opencontainers.image.ref.name"] == *tag);
        own.expect("the tag")["digest"].clone()
    };
    let copied: Value = serde_json::from_slice(&fs::read(copy.join("index.json")).unwrap()).unwrap();
    assert_eq!(digest(&copied), digest(&index));
}
