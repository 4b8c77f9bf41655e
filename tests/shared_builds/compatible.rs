//! Builds of other inputs: taken where the administrator permits that, and where the kernel is proven to
//! load them.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use modsmith_tests::prelude::*;
use modsmith_tests::{World, tool};
use serde_json::Value;

use crate::scene::{PATH, Scene, modsmith, origin, target_dir};

/// Where machines have headers of their own, which are a copy of the real ones.
const HEADERS: &str = "usr/src/own-headers";

fn has_own_headers(machine: &World) {
    // What verification compares with: image, configuration and modules of the kernel itself.
    kernel::complete(machine, &kernel());
    let real = fs::canonicalize(format!("/lib/modules/{}/build", kernel())).expect("a kernel with headers");
    tool::run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(real).arg(machine.path(HEADERS)));
    let link = machine.modules(&kernel()).join("build");
    fs::remove_file(&link).unwrap();
    symlink(format!("/{HEADERS}"), link).unwrap();
}

/// Two machines with headers of their own; the maker's build is shared.
fn shared() -> Scene {
    shared_after(|_| ())
}

/// The same; something happens on the maker's machine before the build.
fn shared_after(change: impl Fn(&World)) -> Scene {
    let scene = Scene::new();
    for machine in [&scene.maker, &scene.user] {
        has_own_headers(machine);
    }
    change(&scene.maker);
    modsmith(&scene.maker, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    modsmith(&scene.maker, &format!("build shared/1.0 -k {}", kernel())).expect(0);
    let place = scene.place().display().to_string();
    scene.push(&place, "").expect(0);
    scene.names("store-directory", &place);
    scene
}

fn permit(scene: &Scene) {
    scene.user.settings("modsmith/store.toml", "compatible = \"on\"\n");
}

/// A file that no module is made from is among the user's headers.
fn change_harmlessly(scene: &Scene) {
    scene.user.write(&format!("{HEADERS}/include/generated/remark.h"), "/* a remark */\n");
}

/// What `status --json` says of the store.
fn recorded(scene: &Scene) -> Value {
    let json = modsmith(&scene.user, "status shared/1.0 --json").expect(0).json();
    modsmith_tests::schema::validate("status-schema.json", &json).unwrap();
    json["packages"][0]["store"].clone()
}

fn identity(machine: &World) -> Value {
    let json = modsmith(machine, &format!("identity shared/1.0 -k {} --json", kernel())).expect(0).json();
    modsmith_tests::schema::validate("identity-schema.json", &json).unwrap();
    json["builds"][0].clone()
}

#[test]
fn a_build_of_other_headers_is_taken_where_that_is_permitted_and_every_symbol_has_its_version() {
    let scene = shared();
    change_harmlessly(&scene);
    let (theirs, ours) = (identity(&scene.maker)["identity"].clone(), identity(&scene.user)["identity"].clone());
    assert_ne!(theirs, ours);
    assert!(!scene.fetches(), "it is off by default");
    scene.forgets();
    permit(&scene);
    let run = scene.user.program(modsmith_tests::world::modsmith()).env("PATH", PATH).env("MODSMITH_LOG", "debug");
    let out = run.words(&format!("build shared/1.0 -k {}", kernel())).run().expect(0);
    assert_eq!(scene.unsigned(), scene.made());
    assert!(origin(&scene.user).is_some(), "{out}");
    let store = recorded(&scene);
    assert_eq!((&store["identity"], &store["reused"]), (&ours, &true.into()), "{store:#}");
    assert_eq!(store["compatible"]["identity"], theirs, "{store:#}");
    let reason = store["compatible"]["reason"].as_str().unwrap();
    assert!(reason.contains("symbol versions") && reason.contains("all equal"), "{reason}");
    assert_eq!(identity(&scene.user)["compatible"], store["compatible"]);
    let log = fs::read_to_string(target_dir(&scene.user).join("log/make.log")).unwrap();
    assert!(log.contains("which is compatible"), "{log}");
    modsmith(&scene.user, &format!("install shared/1.0 -k {}", kernel())).expect(0);
    // From then on it is in this machine's store.
    fs::remove_dir_all(scene.place()).unwrap();
    for action in ["uninstall", "unbuild", "build"] {
        modsmith(&scene.user, &format!("{action} shared/1.0 -k {}", kernel())).expect(0);
    }
    assert_eq!(recorded(&scene)["compatible"]["identity"], theirs);
    // What is revoked is not taken under another name.
    modsmith(&scene.user, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    scene.user.settings("modsmith/revoked", format!("{}\n", theirs.as_str().unwrap()));
    assert!(!scene.fetches());
    assert!(recorded(&scene).get("compatible").is_none());
}

#[test]
fn a_build_with_another_version_of_a_symbol_is_not_taken() {
    let scene = shared_after(|maker| {
        let symbols = maker.path(format!("{HEADERS}/Module.symvers"));
        let changed = fs::read_to_string(&symbols).unwrap();
        let changed = changed.lines().map(|line| match line.split_once('\t') {
            Some((_, rest)) if rest.starts_with("module_layout\t") => format!("0xdeadbeef\t{rest}\n"),
            _ => format!("{line}\n"),
        });
        fs::write(&symbols, changed.collect::<String>()).unwrap();
    });
    permit(&scene);
    modsmith(&scene.user, &format!("build shared/1.0 -k {}", kernel())).expect(0);
    assert!(recorded(&scene).get("compatible").is_none() && origin(&scene.user).is_none());
}

#[test]
fn a_build_of_another_source_is_not_taken() {
    let scene = shared();
    permit(&scene);
    let source = scene.user.path("usr/src/shared-1.0/shared.c");
    fs::write(&source, fs::read_to_string(&source).unwrap() + "int more;\n").unwrap();
    modsmith(&scene.user, &format!("build shared/1.0 -k {}", kernel())).expect(0);
    assert!(recorded(&scene).get("compatible").is_none() && origin(&scene.user).is_none());
}
