//! Verification in use: `install` refuses what the kernel would not load, and
//! `modsmith verify` says why.

use std::fs;
use std::path::PathBuf;

use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::schema::validate;

/// A world whose kernel has its image, its configuration and its own modules, and a
/// package that is built for it.
fn world() -> World {
    let world = World::generic();
    kernel::complete(&world, &kernel());
    world.add_package(&Package::new("fine", "1.0"));
    world.dkms(&format!("build fine/1.0 -k {}", kernel())).expect(0);
    world
}

fn target_dir(world: &World) -> PathBuf {
    world.tree().join("fine/1.0").join(kernel()).join(kernel::arch())
}

/// Makes of the built module one of another configuration.
fn break_vermagic(world: &World) {
    let product = target_dir(world).join("module/fine.ko");
    let mut bytes = fs::read(&product).expect("a built module");
    let begin = b"vermagic=";
    let magic = bytes.windows(begin.len()).position(|window| window == begin).expect("a vermagic");
    let word = bytes[magic..].windows(7).position(|window| window == b"preempt").expect("a preemptible kernel");
    bytes[magic + word..][..7].copy_from_slice(b"PREEMPT");
    fs::write(product, bytes).expect("writable");
}

#[test]
fn a_module_that_the_kernel_loads_is_installed() {
    let world = world();
    world.dkms(&format!("install fine/1.0 -k {}", kernel())).expect(0);
    let text = world.modsmith(&format!("verify fine/1.0 -k {}", kernel())).expect(0).stdout;
    assert!(text.starts_with(&format!("fine/1.0, {}, {}: fine: yes (", kernel(), kernel::arch())), "{text}");
    let json = world.modsmith(&format!("verify -k {} --json", kernel())).expect(0).json();
    validate("verify-schema.json", &json).unwrap();
    assert_eq!(json["modules"][0]["answer"], "yes", "{json:#}");
    let installed = world.modules(&kernel()).join("updates/dkms/fine.ko");
    assert_eq!(json["modules"][0]["file"].as_str().map(|file| file.ends_with("updates/dkms/fine.ko")), Some(true));
    assert!(installed.is_file());
}

#[test]
fn a_module_that_the_kernel_refuses_is_not_installed() {
    let world = world();
    break_vermagic(&world);
    let before = world.snapshot();
    let out = world.modsmith(&format!("install fine/1.0 -k {} --json", kernel())).expect(33).expect_hint();
    assert!(out.stderr.contains("fine: version magic '"), "{out}");
    assert!(out.stderr.contains("it was built with another configuration of this release"), "{out}");
    assert_eq!(out.json()["error"]["id"], "not-loadable");
    assert_eq!(world.snapshot(), before, "a refused installation changes nothing");

    let out = world.modsmith(&format!("verify fine/1.0 -k {} --json", kernel())).expect(33);
    let json = out.json();
    validate("verify-schema.json", &json).unwrap();
    let checks = json["modules"][0]["checks"].as_array().expect("checks");
    let refused: Vec<_> = checks.iter().filter(|check| check["answer"] == "no").collect();
    assert_eq!(refused.len(), 1, "{json:#}");
    assert_eq!((refused[0]["rule"].as_str(), refused[0]["errno"].as_str()), (Some("vermagic"), Some("ENOEXEC")));
    let text = world.modsmith("verify fine --all").expect(33).stdout;
    assert!(text.contains("  no       the module is built for this release and configuration: "), "{text}");
}

#[test]
fn force_installs_what_the_kernel_refuses_and_that_is_recorded() {
    let world = world();
    break_vermagic(&world);
    let out = world.dkms(&format!("install fine/1.0 -k {} --force", kernel())).expect(0);
    assert!(out.stderr.contains("It is installed all the same (--force)."), "{out}");
    let record = fs::read_to_string(target_dir(&world).join(".modsmith.json")).expect("a record");
    let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
    assert_eq!(record["modules"][0]["overruled"], serde_json::json!(["vermagic"]), "{record:#}");
}

#[test]
fn what_is_not_known_of_a_kernel_stops_nothing() {
    let world = world();
    for file in ["vmlinuz", "config"] {
        fs::remove_file(world.path("boot").join(format!("{file}-{}", kernel()))).expect("it was there");
    }
    fs::remove_dir_all(world.modules(&kernel()).join("kernel")).expect("it was there");
    break_vermagic(&world);
    world.dkms(&format!("install fine/1.0 -k {}", kernel())).expect(0);
    let json = world.modsmith(&format!("verify fine -k {} --json", kernel())).expect(0).json();
    assert_eq!(json["modules"][0]["answer"], "unknown", "{json:#}");
}

#[test]
fn facts_of_an_image_are_kept() {
    let world = world();
    let cache = world.path("cache");
    let verify = || {
        let line = format!("verify fine -k {} --json", kernel());
        let program = world.program(modsmith_tests::world::modsmith()).words(&line);
        program.env("MODSMITH_CACHE_DIR", cache.display().to_string()).run().expect(0).json()
    };
    let first = verify();
    let entries: Vec<_> = fs::read_dir(cache.join("images")).expect("made").collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(verify(), first);
}

#[test]
fn what_is_not_built_cannot_be_verified() {
    let world = world();
    world.modsmith("verify nosuch/1.0").expect(3).expect_error("nosuch/1.0 is not in the tree");
    world.modsmith("verify fine -k 1.0").expect(3).expect_error("fine is not built for 1.0").expect_hint();
    world.modsmith("verify -k 1.0").expect(0);
}
