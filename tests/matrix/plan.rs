//! From a specification to the cells.

use std::fs;

use modsmith_tests::prelude::*;
use modsmith_tests::registry::signing_keys;
use modsmith_tests::schema::validate;
use serde_json::{Value, json};

use crate::scene::{SPEC, document, shell, world};

#[test]
fn every_module_is_combined_with_every_kernel_and_identities_are_those_of_the_machine() {
    let world = world();
    let before = world.snapshot();
    shell(&world, "modsmith matrix plan spec.toml").expect(0);
    assert_eq!(world.snapshot(), before, "a plan changes nothing");
    let matrix = document(&world, "matrix.json", "matrix-schema.json");
    let cells = matrix["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 6);
    let good = cells.iter().find(|cell| cell["module"] == "good" && cell["kernel"] == kernel()).unwrap();
    world.dkms("add good/1.0").expect(0);
    let identity = world.modsmith(&format!("identity good/1.0 -k {} --json", kernel())).expect(0).json();
    assert_eq!(good["identity"], identity["builds"][0]["identity"]);
}

#[test]
fn directories_of_sources_and_of_headers_are_found_where_the_specification_is() {
    let world = world();
    fs::create_dir(world.path("farm")).unwrap();
    fs::rename(world.path("usr/src/good-1.0"), world.path("farm/source")).unwrap();
    let headers = fs::canonicalize(format!("/lib/modules/{}/build", kernel())).unwrap();
    std::os::unix::fs::symlink(headers, world.path("farm/headers")).unwrap();
    world.write("farm/spec.toml", "modules = [\"./source\"]\nheaders = [\"headers\"]\n");
    shell(
        &world,
        "modsmith matrix plan farm/spec.toml && modsmith cell --matrix matrix.json --index 0 --results results",
    )
    .expect(0);
    let matrix = document(&world, "matrix.json", "matrix-schema.json");
    let cell = &matrix["cells"][0];
    assert_eq!((&cell["module"], &cell["kernel"]), (&json!("good"), &json!(kernel())));
    assert_eq!(cell["source"], json!(world.path("farm/source")));
    let name = cell["name"].as_str().unwrap();
    let result = document(&world, &format!("results/{name}.json"), "cell-schema.json");
    assert_eq!(result["outcome"], "built");
    assert_eq!(result["identity"], cell["identity"], "the source's place is no input");
}

#[test]
fn a_build_that_the_store_has_is_not_planned_again() {
    let world = world();
    shell(&world, "modsmith matrix plan spec.toml && modsmith cell --matrix matrix.json --index 0 --results results")
        .expect(0);
    let out =
        shell(&world, "modsmith matrix --sourcetree /usr/src plan spec.toml --skip-existing --emit gitlab").expect(0);
    assert!(out.stdout.contains(" --in-place --sourcetree /usr/src\n"), "{out}");
    assert!(out.stdout.contains("INDEX: [\"1\",\"2\",\"3\",\"4\",\"5\"]"), "{out}");
    let matrix = document(&world, "matrix.json", "matrix-schema.json");
    assert_eq!(matrix["cells"][0]["in_store"], true);
    shell(&world, "rm -r results; mkdir results; modsmith matrix collect matrix.json").expect(0);
    let index = document(&world, "results/index.json", "matrix-index-schema.json");
    assert_eq!((&index["cells"][0]["outcome"], &index["cells"][1]["outcome"]), (&json!("found"), &json!("not-run")));
}

#[test]
fn a_specification_with_a_mistake_is_refused_and_nothing_is_written() {
    let world = world();
    for (text, says) in [
        (SPEC.replace("kernels", "kernel"), "did you mean `kernels`?"),
        (SPEC.replace("\"*\"", "\"0.*\""), "no kernel that is there"),
        (SPEC.replace("good/1.0", "../nowhere"), "no dkms.conf"),
        (SPEC.replace("\"*\"", "\"a/b\""), "kernel"),
    ] {
        world.write("spec.toml", &text);
        let out = shell(&world, "modsmith matrix plan spec.toml");
        assert!(out.code != 0 && out.stderr.contains(says), "{text}: {out}");
        out.expect_no_panic().expect_hint();
        assert!(!world.path("matrix.json").exists(), "{text}");
    }
}

#[test]
fn the_schema_of_a_specification_takes_what_the_program_takes() {
    let valid = |text: &str| {
        let value: toml::Value = toml::from_str(text).unwrap();
        let value: Value = serde_json::to_value(value).unwrap();
        validate("matrix-spec-schema.json", &value).is_ok()
    };
    assert!(valid(SPEC));
    assert!(valid("modules = [\"./x\", \"..\"]\nheaders = [\"/h\"]\narchitectures = [\"x86_64\"]\n"));
    for text in ["modules = []\nkernels = [\"*\"]\n", "modules = [\"a/1\"]\n", "modules = [\"a\"]\nkernels = [\"*\"]\n"]
    {
        assert!(!valid(text), "{text}");
    }
    assert!(!valid(&SPEC.replace("kernels", "kernel")));
}

#[test]
fn a_build_that_a_shared_store_has_is_not_planned_again() {
    let world = world();
    signing_keys(world.dir(), "team");
    let place = world.path("place").display().to_string();
    let push = format!("--push {place} --key {}", world.path("team.key").display());
    shell(&world, "modsmith matrix plan spec.toml").expect(0);
    shell(&world, &format!("modsmith cell --matrix matrix.json --index 0 --results results {push}")).expect(0);
    std::fs::remove_dir_all(world.path("var/cache/modsmith/store")).unwrap();
    let plan = |more: &str| {
        let line = format!("modsmith matrix plan spec.toml --skip-existing --emit make {more} > cells.mk");
        let out = shell(&world, &line).expect(0);
        (document(&world, "matrix.json", "matrix-schema.json")["cells"][0]["in_store"] == true, out)
    };
    assert!(!plan("").0, "no store is named");
    assert!(plan(&push).0);
    // Where plugins name it, and the administrator believes the key.
    world.settings("modsmith/keys/team.pub", std::fs::read(world.path("team.pub")).unwrap());
    let file = "modsmith/settings/store-directory.toml";
    world.settings(file, format!("address = \"{place}\"\nkeys = [\"team\"]\n"));
    assert!(plan("").0);
    world.settings(file, "address = \"/nowhere\"\nkeys = [\"team\"]\n");
    let (found, out) = plan("");
    assert!(!found, "{out}");
    signing_keys(world.dir(), "other");
    let others = push.replace("team.key", "other.key");
    assert!(!plan(&others).0, "a build that another key has signed counts for nothing");
}
