//! What is not believed is not used: the module is built.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use modsmith_tests::prelude::*;
use serde_json::{Value, json};

use crate::scene::{Scene, kept, modsmith, origin};

/// The user's machine builds, and says why.
#[track_caller]
fn builds_because(scene: &Scene, why: &str) {
    let (out, fetched) = scene.built();
    assert!(!fetched, "{out}");
    assert!(out.stderr.contains(why), "{why} is not in {out}");
    assert!(out.stderr.contains("The modules are built."), "{out}");
}

/// The user's machine forgets what it has built.
fn forget(scene: &Scene) {
    modsmith(&scene.user, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
}

#[test]
fn a_build_of_another_signer_or_without_signature_is_not_used() {
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
fn a_store_whose_key_is_writable_missing_or_not_named_is_not_used() {
    let scene = Scene::shared();
    let file = scene.user.path("settings/modsmith/keys/team.pub");
    let pem = fs::read(&file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    builds_because(&scene, "writable by others");
    fs::remove_file(&file).unwrap();
    modsmith(&scene.user, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
    builds_because(&scene, "The key `team` of a store cannot be used");
    scene.user.settings("modsmith/keys/team.pub", pem);
    let text = format!("address = \"{}\"\n", scene.place().display());
    scene.user.settings("modsmith/settings/store-directory.toml", text);
    modsmith(&scene.user, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
    builds_because(&scene, "without a key");
}

/// Manifest, configuration and layer are changed, cut and lengthened, one at a time.
#[test]
fn changed_content_is_not_installed() {
    let scene = Scene::shared();
    let blob = |digest: &Value| {
        scene.place().join("blobs/sha256").join(digest.as_str().unwrap().trim_start_matches("sha256:"))
    };
    let index: Value = serde_json::from_slice(&fs::read(scene.place().join("index.json")).unwrap()).unwrap();
    let listed = index["manifests"].as_array().unwrap().iter().find(|listed| tag(listed).starts_with("id-"));
    let manifest = blob(&listed.expect("a build")["digest"]);
    let parts: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    let files = [manifest, blob(&parts["config"]["digest"]), blob(&parts["layers"][0]["digest"])];
    for file in &files {
        let good = fs::read(file).unwrap();
        let mut changed = good.clone();
        changed[good.len() / 2] ^= 1;
        for bad in [changed, good[..good.len() - 1].to_vec(), [&good[..], b" "].concat()] {
            fs::write(file, bad).unwrap();
            builds_because(&scene, "used");
            forget(&scene);
        }
        fs::write(file, good).unwrap();
    }
    assert!(scene.fetches());
}

/// A signed build below the tag of another identity.
#[test]
fn a_signed_build_of_something_else_is_not_taken_for_the_one_that_is_due() {
    let scene = Scene::shared();
    let identity = |world: &modsmith_tests::World| {
        let json = modsmith(world, &format!("identity shared/1.0 -k {} --json", kernel())).expect(0).json();
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
    let out = modsmith(&scene.user, &format!("build shared/1.0 -k {}", kernel())).expect(0);
    assert!(out.stderr.contains("it was made from other inputs than its name says"), "{out}");
    assert!(origin(&scene.user).is_none());
}

#[test]
fn what_is_revoked_is_not_fetched() {
    let scene = Scene::shared();
    assert!(scene.fetches());
    let origin = origin(&scene.user).unwrap();
    for digest in [&origin["artefact"], &identity_of(&scene)] {
        modsmith(&scene.user, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
        fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
        let digest = digest.as_str().unwrap();
        scene.user.settings("modsmith/revoked", format!("# a bad compiler\n{digest}\n"));
        builds_because(&scene, &format!("{digest} is revoked"));
    }
    modsmith(&scene.user, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
    scene.user.settings("modsmith/revoked", "nonsense\n");
    builds_because(&scene, "line 1");
    assert_eq!(kept(&scene.user), 1);
}

fn identity_of(scene: &Scene) -> Value {
    let json = modsmith(&scene.user, "status shared/1.0 --json").expect(0).json();
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
