//! A machine whose clock is wrong by years.

use std::fs;

use modsmith_tests::prelude::*;
use modsmith_tests::registry::{PASSWORD, Registry, USER};
use modsmith_tests::world;

use crate::scene::{PATH, Scene, kept};

#[test]
fn a_clock_that_is_wrong_by_years_is_named_and_the_modules_are_built() {
    use base64::Engine;
    let (scene, registry) = (Scene::new(), Registry::guarded());
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let address = format!("{}/modules", registry.host());
    for machine in [&scene.maker, &scene.user] {
        let host = registry.host();
        machine.settings("modsmith/ca.crt", fs::read(registry.authority()).unwrap());
        machine.settings("modsmith/auth.json", format!("{{\"auths\":{{\"{host}\":{{\"auth\":\"{auth}\"}}}}}}"));
        let text = format!("[registry.\"{host}\"]\ncertificates = [\"ca.crt\"]\nauth-file = \"auth.json\"\n");
        machine.settings("modsmith/registries.toml", text);
    }
    scene.push(&format!("oci://{address}"), "").expect(0);
    scene.names("store-oci", &address);
    for years in [-20, 20] {
        let run = |words: &str| {
            let run = scene.user.program(world::modsmith()).env("PATH", PATH);
            run.words(&format!("{words} shared/1.0 -k {}", kernel())).years_later(years).run()
        };
        let before = scene.user.snapshot();
        let out = run("pull").expect_no_panic().expect_hint();
        assert!(out.code != 0 && out.stderr.contains("clock"), "{years} years: {out}");
        before.assert_same(&scene.user.snapshot(), "a pull that failed");
        assert_eq!(kept(&scene.user), 0);
        let out = run("build").expect(0);
        assert!(out.stderr.contains("clock") && out.stderr.contains("The modules are built."), "{out}");
        scene.forgets();
    }
    assert!(scene.fetches(), "with the right time");
}
