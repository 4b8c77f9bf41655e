//! What is not believed is not used: the module is built.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use modsmith_tests::prelude::*;
use serde_json::{Value, json};

use crate::scene::{Scene, kept, origin};

/// The user's machine builds, and says why.
#[track_caller]
fn builds_because(scene: &Scene, why: &str) {
    let (out, fetched) = scene.built();
    assert!(!fetched, "{out}");
    assert!(out.stderr.contains(why), "{why} is not in {out}");
    assert!(out.stderr.contains("The modules are built."), "{out}");
}

#[test]
fn another_signer_and_no_signature() {
    let scene = Scene::shared();
    scene.believes("other");
    let text = format!("address = \"{}\"\nkeys = [\"other\"]\n", scene.place().display());
    scene.user.settings("modsmith/settings/store-directory.toml", text);
    builds_because(&scene, "is signed, but not with the key that counts");

    let scene = Scene::shared();
    edit_index(&scene.place(), |manifests| {
        manifests.retain(|listed| !tag(listed).starts_with("sha256-"));
    });
    builds_because(&scene, "has no signature");
}

/// Either form of the signature is enough.
#[test]
fn one_of_the_two_forms_of_a_signature_is_enough() {
    for suffix in [true, false] {
        let scene = Scene::shared();
        edit_index(&scene.place(), |manifests| {
            manifests.retain(|listed| !tag(listed).starts_with("sha256-") || tag(listed).ends_with(".sig") == suffix);
        });
        assert!(scene.fetches(), "with .sig: {suffix}");
    }
}

#[test]
fn a_key_or_a_store_that_is_not_in_order() {
    let scene = Scene::shared();
    let file = scene.user.path("settings/modsmith/keys/team.pub");
    let pem = fs::read(&file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    builds_because(&scene, "writable by others");
    fs::remove_file(&file).unwrap();
    scene.user.modsmith(&format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
    builds_because(&scene, "The key `team` of a store cannot be used");
    scene.user.settings("modsmith/keys/team.pub", pem);
    let text = format!("address = \"{}\"\n", scene.place().display());
    scene.user.settings("modsmith/settings/store-directory.toml", text);
    scene.user.modsmith(&format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
    builds_because(&scene, "without a key");
}

/// Every blob that is fetched is changed, cut, and replaced by one of another build, one at a time.
#[test]
fn changed_content_is_not_installed() {
    let scene = Scene::shared();
    let blobs = scene.place().join("blobs/sha256");
    let files: Vec<PathBuf> = fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut refused = 0;
    for file in &files {
        let good = fs::read(file).unwrap();
        let mut changed = good.clone();
        changed[good.len() / 2] ^= 1;
        for bad in [changed, good[..good.len() - 1].to_vec(), [&good[..], b" "].concat()] {
            fs::write(file, bad).unwrap();
            let (out, fetched) = scene.built();
            // One of the two signatures, or what is only said of the build, is missed by nobody.
            assert!(fetched || out.stderr.contains("The modules are built."), "{}: {out}", file.display());
            refused += usize::from(!fetched);
            scene.user.modsmith(&format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
            let _ = fs::remove_dir_all(scene.user.path("var/cache/modsmith/store"));
        }
        fs::write(file, good).unwrap();
    }
    assert!(refused >= 9, "manifest, configuration and layer are checked: {refused}");
    assert!(scene.fetches());
}

/// A signed build below the tag of another identity.
#[test]
fn a_signed_build_of_something_else_is_not_taken_for_the_one_that_is_due() {
    let scene = Scene::shared();
    let identity = |world: &modsmith_tests::World| {
        let json = world.modsmith(&format!("identity shared/1.0 -k {} --json", kernel())).expect(0).json();
        json["builds"][0]["identity"].as_str().unwrap().trim_start_matches("sha256:")[..32].to_owned()
    };
    let old = identity(&scene.user);
    let file = scene.user.path("usr/src/shared-1.0/shared.c");
    fs::write(&file, fs::read_to_string(&file).unwrap() + "int more;\n").unwrap();
    let new = identity(&scene.user);
    edit_index(&scene.place(), |manifests| {
        for listed in manifests {
            if tag(listed) == format!("id-{old}") {
                listed["annotations"]["org.opencontainers.image.ref.name"] = json!(format!("id-{new}"));
            }
        }
    });
    let out = scene.user.modsmith(&format!("build shared/1.0 -k {}", kernel())).expect(0);
    assert!(out.stderr.contains("it was made from other inputs than its name says"), "{out}");
    assert!(origin(&scene.user).is_none());
}

#[test]
fn what_is_revoked_is_not_fetched() {
    let scene = Scene::shared();
    assert!(scene.fetches());
    let origin = origin(&scene.user).unwrap();
    for digest in [&origin["artefact"], &identity_of(&scene)] {
        scene.user.modsmith(&format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
        fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
        let digest = digest.as_str().unwrap();
        scene.user.settings("modsmith/revoked", format!("# a bad compiler\n{digest}\n"));
        builds_because(&scene, &format!("{digest} is revoked"));
    }
    scene.user.modsmith(&format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
    scene.user.settings("modsmith/revoked", "nonsense\n");
    builds_because(&scene, "line 1");
    assert_eq!(kept(&scene.user), 1);
}

fn identity_of(scene: &Scene) -> Value {
    let json = scene.user.modsmith("status shared/1.0 --json").expect(0).json();
    json["packages"][0]["store"]["identity"].clone()
}

fn tag(listed: &Value) -> String {
    listed["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap_or_default().to_owned()
}

fn edit_index(place: &Path, edit: impl FnOnce(&mut Vec<Value>)) {
    let file = place.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    edit(index["manifests"].as_array_mut().unwrap());
    fs::write(&file, serde_json::to_vec(&index).unwrap()).unwrap();
}
