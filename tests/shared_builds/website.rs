//! A directory that a web server offers.

use std::fs;

use modsmith_tests::emulated::{Emulated, Reply};
use modsmith_tests::prelude::*;

use crate::scene::{Scene, modsmith};

/// A web server with the files of the scene's directory.
fn serve(scene: &Scene) -> Emulated {
    let place = scene.place();
    Emulated::start(move |asked| match fs::read(place.join(asked.path.trim_start_matches("/modules/"))) {
        Ok(contents) => Reply::of(200, contents),
        Err(_) => Reply::of(404, "no such file"),
    })
}

#[test]
fn a_build_is_fetched_from_static_files() {
    let scene = Scene::new();
    scene.push(&scene.place().display().to_string(), "").expect(0);
    let server = serve(&scene);
    scene.names("store-https", &format!("http://{}/modules", server.host()));
    assert!(scene.fetches());
    assert!(server.asked().iter().all(|asked| asked.method == "GET"));
}

#[test]
fn nothing_is_pushed_to_a_web_server() {
    let scene = Scene::new();
    let server = serve(&scene);
    let out = scene.push(&format!("http://{}/modules", server.host()), "").expect_no_panic().expect_hint();
    assert!(out.stderr.contains("is only read"), "{out}");
}

#[test]
fn a_server_that_has_nothing_or_does_not_answer_stops_no_build() {
    let scene = Scene::new();
    let server = serve(&scene);
    scene.names("store-https", &format!("http://{}/modules", server.host()));
    let (out, fetched) = scene.built();
    assert!(!fetched && out.stderr.is_empty(), "a store without the build is nothing to speak of: {out}");
    modsmith(&scene.user, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    fs::remove_dir_all(scene.user.path("var/cache/modsmith/store")).unwrap();
    drop(server);
    let broken = Emulated::start(|_| Reply::of(500, "no"));
    scene.names("store-https", &format!("http://{}/modules", broken.host()));
    let (out, fetched) = scene.built();
    assert!(!fetched && out.stderr.contains("The modules are built."), "{out}");
}
