//! Debian's `docker-registry`.

use std::fs;

use modsmith_tests::registry::{PASSWORD, Registry, USER};

use crate::scene::{Scene, origin};

#[test]
fn a_build_is_pushed_to_a_registry_and_fetched_from_there() {
    let (scene, registry) = (Scene::new(), Registry::open());
    let address = format!("{}/team/modules", registry.host());
    for profile in ["typed", "image"] {
        let out = scene.push(&format!("oci://{address}"), &format!("--force --profile {profile}")).expect(0);
        assert!(out.stdout.contains(&format!("{address}/shared:id-")), "{out}");
    }
    assert!(scene.push(&format!("oci://{address}"), "").expect(0).stdout.contains("is there already"));
    scene.names("store-oci", &address);
    assert!(scene.fetches());
    assert_eq!(origin(&scene.user).unwrap()["address"], format!("oci://{address}"));
}

#[test]
fn a_guarded_registry_is_spoken_to_as_registries_toml_says() {
    use base64::Engine;
    let (scene, registry) = (Scene::new(), Registry::guarded());
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let text = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{auth}\"}}}}}}", registry.host());
    let settings =
        format!("[registry.\"{}\"]\ncertificates = [\"ca.crt\"]\nauth-file = \"auth.json\"\n", registry.host());
    for world in [&scene.maker, &scene.user] {
        world.settings("modsmith/ca.crt", fs::read(registry.authority()).unwrap());
        world.settings("modsmith/registries.toml", &settings);
    }
    let address = format!("{}/modules", registry.host());
    let denied = scene.push(&format!("oci://{address}"), "").expect_no_panic().expect_hint();
    assert!(denied.stderr.contains("wants credentials"), "{denied}");
    for world in [&scene.maker, &scene.user] {
        world.settings("modsmith/auth.json", &text);
    }
    scene.push(&format!("oci://{address}"), "").expect(0);
    scene.names("store-oci", &address);
    assert!(scene.fetches());
}

#[test]
fn a_registry_that_is_away_stops_no_build() {
    let (scene, registry) = (Scene::new(), Registry::open());
    let address = format!("{}/modules", registry.host());
    scene.names("store-oci", &address);
    drop(registry);
    let (out, fetched) = scene.built();
    assert!(!fetched && out.stderr.contains("The modules are built."), "{out}");
    assert_eq!(out.stderr.matches("cannot be used").count(), 1, "one warning: {out}");
    let out = scene.push(&format!("oci://{address}"), "").expect_no_panic().expect_hint();
    assert!(out.stderr.contains("cannot be reached"), "{out}");
}
