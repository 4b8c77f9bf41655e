//! The role `store`: a plugin names what the administrator has named, and nothing else.

use modsmith_tests::prelude::*;

use crate::scene::{Scene, modsmith};

#[test]
fn a_setting_that_is_no_address_of_the_kind_is_an_error_that_names_the_plugin() {
    let scene = Scene::new();
    scene.names("store-directory", "modules");
    let (out, fetched) = scene.built();
    assert!(!fetched && out.stderr.contains("store-directory"), "{out}");
    assert!(out.stderr.contains("no address of the kind"), "{out}");
}

#[test]
fn push_and_pull_without_a_store_say_where_one_is_named() {
    let scene = Scene::new();
    let push = format!("push shared/1.0 -k {} --key {}", kernel(), scene.private("team"));
    for out in [modsmith(&scene.maker, &push), modsmith(&scene.user, &format!("pull shared/1.0 -k {}", kernel()))] {
        let out = out.expect_no_panic().expect_hint();
        assert!(out.stderr.contains("No store is named"), "{out}");
    }
}

#[test]
fn push_and_pull_go_to_the_store_of_the_settings() {
    let scene = Scene::new();
    let place = scene.place().display().to_string();
    scene.names("store-directory", &place);
    scene.maker.settings("modsmith/settings/store-directory.toml", format!("address = \"{place}\"\n"));
    let push = format!("push shared/1.0 -k {} --key {}", kernel(), scene.private("team"));
    modsmith(&scene.maker, &push).expect(0);
    let out = modsmith(&scene.user, &format!("pull shared/1.0 -k {}", kernel())).expect(0);
    assert!(out.stdout.contains("is in the store"), "{out}");
}
