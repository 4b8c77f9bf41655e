//! JSON that programs read is what its schema says, judged by a validator of
//! others.

use modsmith_tests::fixture::Package;
use modsmith_tests::schema::{validate, validate_toml};
use modsmith_tests::world::World;

/// A package that is added, one that is installed and differs, one that is broken.
fn world() -> World {
    let world = World::generic();
    for name in ["added", "installed", "broken"] {
        world.add_package(&Package::new(name, "1.0"));
    }
    let kernel = modsmith_tests::kernel::newest(modsmith_tests::kernel::Flavour::Generic);
    world.dkms("add added/1.0").expect(0);
    world.dkms("add broken/1.0").expect(0);
    world.dkms(&format!("install installed/1.0 -k {kernel}")).expect(0);
    let installed = world.modules(&kernel).join("updates/dkms/installed.ko");
    std::fs::write(installed, "another file").unwrap();
    std::fs::remove_dir_all(world.path("usr/src/broken-1.0")).unwrap();
    world
}

#[test]
fn status_in_every_state_is_valid() {
    let json = world().modsmith("status --json").expect(0).json();
    let states: Vec<&str> = json["packages"].as_array().unwrap().iter().map(|p| p["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["added", "broken", "installed"], "{json:#}");
    assert_eq!(json["packages"][2]["annotations"][0], "differs");
    validate("status-schema.json", &json).unwrap();
}

#[test]
fn plans_of_every_action_are_valid() {
    let world = world();
    let kernel = modsmith_tests::kernel::newest(modsmith_tests::kernel::Flavour::Generic);
    for line in [
        format!("install added/1.0 -k {kernel}"),
        format!("build added/1.0 -k {kernel}"),
        format!("uninstall installed/1.0 -k {kernel}"),
        format!("unbuild installed/1.0 -k {kernel}"),
        "remove installed/1.0 --all".to_owned(),
    ] {
        let json = world.modsmith(&format!("{line} --dry-run --json")).expect(0).json();
        assert!(!json["plans"].as_array().unwrap().is_empty(), "{line}");
        validate("plan-schema.json", &json).unwrap_or_else(|why| panic!("{line}: {why}"));
    }
}

#[test]
fn the_schemas_refuse_what_is_not_documented() {
    let status = serde_json::json!({ "schema_version": 1, "packages": [{ "module": "m", "version": "v", "state": "odd", "annotations": [] }] });
    assert!(validate("status-schema.json", &status).is_err());
    let plan = serde_json::json!({ "schema_version": 1, "plans": [{ "title": "t", "steps": [{ "action": "explode", "reason": "r" }] }] });
    assert!(validate("plan-schema.json", &plan).is_err());
}

/// Files of this name in plugins' folders, at any depth.
fn files_of_plugins(name: &str) -> Vec<std::path::PathBuf> {
    let plugins = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let entries = walkdir::WalkDir::new(plugins).into_iter().filter_entry(|entry| entry.file_name() != "target");
    let files = entries.map(|entry| entry.expect("readable").into_path());
    files.filter(|file| file.file_name().is_some_and(|found| found == name)).collect()
}

#[test]
fn manifests_tables_and_cases_are_valid() {
    for (schema, name) in [("plugin.json", "plugin.toml"), ("policy.json", "policy.toml"), ("facts.json", "facts.toml")]
    {
        let files = files_of_plugins(name);
        assert!(files.len() > 10, "{name}: {}", files.len());
        validate_toml(schema, &files).unwrap();
        // And what is not described is refused.
        let dir = tempfile::tempdir().unwrap();
        let wrong = dir.path().join(name);
        let text = std::fs::read_to_string(&files[0]).unwrap();
        std::fs::write(&wrong, format!("descripton = \"misspelt\"\n{text}")).unwrap();
        validate_toml(schema, &[wrong]).unwrap_err();
    }
}
