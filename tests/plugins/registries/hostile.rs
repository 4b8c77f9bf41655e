//! Registries and lock files that mean harm: nothing of theirs is installed.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use modsmith_plugins::distribution::artefact::{self, Artefact};
use modsmith_plugins::form;
use modsmith_registry::manifest::{MANIFEST, Manifest};
use modsmith_tests::World;
use modsmith_tests::emulated::{Asked, Emulated, Reply};

use super::{installed, key_pair, machine, plugin};

/// What a registry has, by the end of the path that asks for it.
#[derive(Clone, Default)]
struct Shop(Arc<Mutex<BTreeMap<String, Reply>>>);

impl Shop {
    fn put(&self, path: &str, reply: Reply) {
        self.0.lock().expect("no panic holds it").insert(path.to_owned(), reply);
    }

    /// Offers a plugin with the tag of its version, and the manifest that is made of its
    /// own one.
    fn offer(&self, bytes: &[u8], change: impl FnOnce(&mut Manifest)) -> Artefact {
        let manifest = form::manifest(bytes).expect("a plugin");
        let mut made = artefact::of_component(bytes, &manifest).expect("a component");
        change(&mut made.manifest);
        let raw = made.manifest.to_raw();
        let reply = Reply::of(200, raw.bytes).header("Content-Type", MANIFEST);
        self.put(&format!("manifests/{}", manifest.version), reply.clone());
        self.put(&format!("manifests/{}", raw.digest), reply);
        self.put(&format!("blobs/{}", made.layer_descriptor.digest), Reply::of(200, bytes));
        made
    }

    fn serve(&self) -> Emulated {
        let shop = self.clone();
        Emulated::start(move |asked: &Asked| {
            let shop = shop.0.lock().expect("no panic holds it");
            let found = shop.iter().find(|(path, _)| asked.path.ends_with(path.as_str()));
            found.map_or_else(|| Reply::of(404, "{}"), |(_, reply)| reply.clone())
        })
    }
}

/// Installs version 1.0.0 from a server, which has to fail.
#[track_caller]
fn refused(world: &World, server: &Emulated, code: i32, why: &str) {
    let out = world.modsmith(&format!("plugin install {}/x:1.0.0", server.host())).expect(code).expect_error(why);
    assert_eq!(installed(world), Vec::<String>::new(), "{out}");
}

fn shop() -> (Shop, Vec<u8>, Artefact) {
    let (shop, bytes) = (Shop::default(), plugin("1.0.0", ""));
    let made = shop.offer(&bytes, |_| ());
    (shop, bytes, made)
}

#[test]
fn a_registry_that_is_honest_is_believed() {
    let ((shop, bytes, _), world) = (shop(), machine());
    let server = shop.serve();
    world.modsmith(&format!("plugin install {}/x:1.0.0", server.host())).expect(0);
    assert!(fs::read(world.path("etc/modsmith/plugins/offered.wasm")).expect("installed") == bytes);
}

#[test]
fn other_bytes_cut_off_bytes_and_bytes_without_end_are_refused() {
    let ((shop, bytes, made), world) = (shop(), machine());
    let blob = format!("blobs/{}", made.layer_descriptor.digest);
    let server = shop.serve();
    let mut other = bytes.clone();
    *other.last_mut().expect("it has bytes") ^= 1;
    shop.put(&blob, Reply::of(200, other));
    refused(&world, &server, 30, "gave other bytes");
    shop.put(&blob, Reply { endless: true, ..Reply::of(200, bytes.clone()) });
    refused(&world, &server, 30, "is longer than");
    shop.put(&blob, Reply { claimed: Some(bytes.len()), ..Reply::of(200, &bytes[..100]) });
    refused(&world, &server, 30, "after 100 of");
    shop.put(&blob, Reply::of(302, "").header("Location", "http://192.0.2.1/elsewhere"));
    refused(&world, &server, 1, "is not encrypted");
    shop.put(&blob, Reply::of(429, "").header("Retry-After", "0"));
    refused(&world, &server, 30, "is too busy");
}

#[test]
fn a_layer_that_is_said_to_be_huge_is_not_even_asked_for() {
    let (shop, world, bytes) = (Shop::default(), machine(), plugin("1.0.0", ""));
    shop.offer(&bytes, |manifest| manifest.layers[0].size = 1 << 40);
    let server = shop.serve();
    refused(&world, &server, 30, "is longer than");
    assert!(server.asked().iter().all(|asked| !asked.path.contains("/blobs/")), "{:?}", server.asked());
}

#[test]
fn an_artefact_with_two_layers_or_of_another_kind_is_refused() {
    let (shop, world, bytes) = (Shop::default(), machine(), plugin("1.0.0", ""));
    let server = shop.serve();
    shop.offer(&bytes, |manifest| manifest.layers.push(manifest.layers[0].clone()));
    refused(&world, &server, 31, "it has 2 layers instead of one");
    shop.offer(&bytes, |manifest| manifest.config.media_type = "application/vnd.oci.image.config.v1+json".into());
    refused(&world, &server, 31, "its configuration has the type");
    let text = "\u{1b}[2Jx";
    shop.offer(&bytes, |manifest| manifest.layers[0].media_type = text.into());
    refused(&world, &server, 31, "\\u{1b}[2Jx");
}

#[test]
fn a_plugin_below_the_tag_of_another_version_is_refused() {
    let (shop, world) = (Shop::default(), machine());
    let made = shop.offer(&plugin("0.9.0", ""), |_| ());
    shop.put("manifests/1.0.0", Reply::of(200, made.manifest.to_raw().bytes).header("Content-Type", MANIFEST));
    refused(&world, &shop.serve(), 31, "the plugin in it has the version 0.9.0");
}

#[test]
fn without_a_signature_of_a_key_that_counts_nothing_is_unpacked() {
    let ((shop, ..), world) = (shop(), machine());
    let server = shop.serve();
    let (_, public) = key_pair(world.dir(), "author");
    world.write("etc/modsmith/author.pub", fs::read(public).expect("a key"));
    let keys = format!("[source.\"{}\"]\nkeys = [\"author.pub\"]\n", server.host());
    world.write("etc/modsmith/registries.toml", keys);
    refused(&world, &server, 31, "has no signature");
    assert!(server.asked().iter().all(|asked| !asked.path.contains("/blobs/")), "{:?}", server.asked());
}

#[test]
fn a_version_with_other_content_does_not_replace_what_was_installed() {
    let ((shop, bytes, _), world) = (shop(), machine());
    let server = shop.serve();
    let install = || world.modsmith(&format!("plugin install {}/x:1.0.0", server.host()));
    install().expect(0);
    shop.offer(&plugin("1.0.0", "[read]\nroots = [\"etc/x\"]\n"), |_| ());
    install().expect(31).expect_error("has other content for version 1.0.0").expect_hint();
    assert!(fs::read(world.path("etc/modsmith/plugins/offered.wasm")).expect("installed") == bytes);
}

#[test]
fn a_file_that_is_not_what_the_lock_file_says_is_neither_replaced_nor_hidden() {
    let ((shop, ..), world) = (shop(), machine());
    let server = shop.serve();
    let source = format!("{}/x:1.0.0", server.host());
    world.modsmith(&format!("plugin install {source}")).expect(0);
    world.write("etc/modsmith/plugins/offered.wasm", plugin("1.0.0", "[read]\nroots = [\"etc/x\"]\n"));
    world
        .modsmith(&format!("plugin install {source}"))
        .expect(31)
        .expect_error("somebody has changed it")
        .expect_hint();
    let out = world.modsmith("plugin list").expect(0);
    let words = out.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&format!("not what was installed from oci://{source}")), "{out}");
    // The way out that the hint names.
    world.modsmith("plugin remove offered").expect(0);
    world.modsmith(&format!("plugin install {source}")).expect(0);

    world.write("etc/modsmith/plugins/plugins.lock", "format = 7\n");
    world.modsmith("plugin update").expect(31).expect_error("format 7").expect_hint();
    world.write("etc/modsmith/plugins/plugins.lock", "format = 1\n");
    world.write("etc/modsmith/plugins/offered.wasm", plugin("0.5.0", ""));
    world.modsmith(&format!("plugin install {source}")).expect(1).expect_error("was put there by hand").expect_hint();
}

#[test]
fn what_a_killed_program_left_is_understood_and_cleaned_away() {
    let ((shop, bytes, _), world) = (shop(), machine());
    let server = shop.serve();
    let source = format!("{}/x:1.0.0", server.host());
    world.modsmith(&format!("plugin install {source}")).expect(0);
    let lock = fs::read_to_string(world.path("etc/modsmith/plugins/plugins.lock")).expect("a lock file");
    // Killed after the lock file was written, before the plugin had its place.
    let old = plugin("0.9.0", "");
    world.write("etc/modsmith/plugins/offered.wasm", &old);
    let replaces = format!("replaces = \"{}\"\n", modsmith_registry::Digest::of(&old));
    world.write("etc/modsmith/plugins/plugins.lock", format!("{lock}{replaces}"));
    world.write("etc/modsmith/plugins/.modsmith-abc.tmp", "half a plugin");
    assert!(!world.modsmith("plugin list").expect(0).stdout.contains("not what was installed"));
    world.modsmith(&format!("plugin install {source}")).expect(0);
    assert!(fs::read(world.path("etc/modsmith/plugins/offered.wasm")).expect("installed") == bytes);
    assert_eq!(installed(&world), ["offered.wasm", "plugins.lock"]);
    assert_eq!(fs::read_to_string(world.path("etc/modsmith/plugins/plugins.lock")).expect("a lock file"), lock);
}
