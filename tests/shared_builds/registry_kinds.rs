//! Registries that leave something out, or do it in another way: builds travel all the same.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use modsmith_tests::emulated::{Emulated, Reply};
use modsmith_tests::prelude::*;
use modsmith_tests::stub_registry::{Blobs, Switches};
use modsmith_tests::world;

use crate::scene::{PATH, Scene};

/// A way that is not that of the specification, and by which builds come through.
#[track_caller]
fn comes_through(switches: Switches) {
    let shown = format!("{switches:?}");
    let (scene, stub) = Scene::with_stub(switches);
    let first = scene.pushes().expect(0);
    assert!(first.stdout.contains("is pushed"), "{shown}: {first}");
    let second = scene.pushes().expect(0);
    assert!(second.stdout.contains("is there already"), "{shown}: {second}");
    scene.pulls().expect(0);
    scene.loses_store();
    assert!(scene.fetches(), "{shown}");
    drop(stub);
}

#[test]
fn builds_travel_by_a_registry_that_has_all_of_the_specification() {
    comes_through(Switches::default());
}

#[test]
fn builds_travel_by_a_registry_without_an_api_for_referrers() {
    comes_through(Switches { lacks_referrers: true, ..Switches::default() });
}

#[test]
fn builds_travel_by_a_registry_that_says_nothing_of_subjects() {
    comes_through(Switches { hides_subject: true, ..Switches::default() });
}

#[test]
fn builds_travel_with_lists_of_referrers_that_are_not_filtered_and_have_wrong_types() {
    comes_through(Switches { mixes_referrers: true, ..Switches::default() });
}

#[test]
fn builds_travel_with_tokens_that_are_taken_only_once() {
    comes_through(Switches { tokens: Some(1), ..Switches::default() });
}

#[test]
fn connections_that_break_in_the_middle_are_taken_up_there() {
    let (scene, stub) = Scene::with_stub(Switches::default());
    scene.pushes().expect(0);
    stub.set(Switches { blobs: Blobs::Halved, ..Switches::default() });
    assert!(scene.fetches());
    assert!(stub.asked().iter().any(|asked| asked.header("range").is_some()), "a range is asked for");
}

#[test]
fn blobs_on_another_host_are_fetched_without_the_credentials() {
    const AUTHORIZATION: &str = "Basic dGVhbTpzM2NyZXQ=";
    let password = Some(AUTHORIZATION);
    let (scene, stub) = Scene::with_stub(Switches { password, ..Switches::default() });
    let text = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"dGVhbTpzM2NyZXQ=\"}}}}}}", stub.host());
    for machine in [&scene.maker, &scene.user] {
        machine.settings("modsmith/auth.json", &text);
        let settings = format!("[registry.\"{}\"]\nauth-file = \"auth.json\"\n", stub.host());
        machine.settings("modsmith/registries.toml", settings);
    }
    scene.pushes().expect(0);
    let stub = std::sync::Arc::new(stub);
    let behind = stub.clone();
    let elsewhere = Emulated::start(move |asked| {
        let digest = asked.path.rsplit('/').next().unwrap_or_default();
        behind.blob(digest).map_or_else(|| Reply::of(404, ""), |bytes| Reply::of(200, bytes))
    });
    stub.set(Switches { password, blobs: Blobs::At(elsewhere.host()), ..Switches::default() });
    assert!(scene.fetches());
    let heard = elsewhere.asked();
    assert!(heard.len() >= 2, "configuration and layer come from there: {heard:?}");
    assert!(heard.iter().all(|asked| asked.header("authorization").is_none()), "{heard:?}");
    assert!(stub.asked().iter().any(|asked| asked.header("authorization") == Some(AUTHORIZATION)));
}

/// Those of images, and of signatures that are images.
const IMAGES: [&str; 3] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.dev.cosign.simplesigning.v1+json",
];

#[test]
fn a_registry_that_takes_images_alone_gets_one_and_the_user_is_told() {
    let (scene, stub) = Scene::with_stub(Switches { takes_only: Some(IMAGES.to_vec()), ..Switches::default() });
    let out = scene.pushes().expect(0);
    assert_eq!(out.stderr.matches("The build is pushed as a plain image.").count(), 1, "{out}");
    assert!(out.stderr.contains("unknown media type"), "{out}");
    assert!(out.stderr.contains("signed without a bundle"), "{out}");
    let again = scene.pushes().expect(0);
    assert!(again.stdout.contains("is there already") && again.stderr.is_empty(), "{again}");
    assert!(scene.fetches());
    // Who asks for one form alone is refused.
    let address = format!("oci://{}/modules", stub.host());
    let out = scene.push(&address, "--force --profile typed").expect(30).expect_hint();
    assert!(out.stderr.contains("unknown media type"), "{out}");
}

#[test]
fn a_credential_helper_that_does_not_answer_is_ended_after_its_time() {
    let (scene, stub) = Scene::with_stub(Switches { password: Some("Basic eDp5"), ..Switches::default() });
    let text = format!("{{\"credHelpers\":{{\"{}\":\"sleeps\"}}}}", stub.host());
    scene.user.settings("modsmith/auth.json", text);
    let settings = format!("[registry.\"{}\"]\nauth-file = \"auth.json\"\nhelper-timeout = 1\n", stub.host());
    scene.user.settings("modsmith/registries.toml", settings);
    let helper = scene.user.path("helpers/docker-credential-sleeps");
    scene.user.write("helpers/docker-credential-sleeps", "#!/bin/sh\nsleep 1000\n");
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let run = |action: &str| {
        let run = scene.user.program(world::modsmith()).env("PATH", PATH).with_programs("helpers");
        // The path is that of a build: the helper is where programs of this machine are found first.
        run.env("PATH", format!("/usr/local/sbin:{PATH}")).words(&format!("{action} shared/1.0 -k {}", kernel())).run()
    };
    let begun = Instant::now();
    let out = run("pull").expect_no_panic().expect_hint();
    assert!(out.code != 0 && out.stderr.contains("docker-credential-sleeps has not answered"), "{out}");
    assert!(out.stderr.contains("within 1 s") && out.stderr.contains("helper-timeout"), "{out}");
    let out = run("build").expect(0);
    assert!(out.stderr.contains("The modules are built."), "{out}");
    assert!(begun.elapsed() < Duration::from_secs(200), "{:?}", begun.elapsed());
}
