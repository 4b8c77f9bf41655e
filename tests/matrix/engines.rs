//! The texts for engines that cannot run here, by the strict validators of those engines' own schemas: from PyPI, in
//! an environment of the test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::{paths, tool};

use crate::scene::{shell, world};

/// A virtual environment with the validators.
fn validators() -> PathBuf {
    paths::cached_in_place("validators", "1", |dir| {
        tool::run(Command::new(tool::path("python3")).args(["-m", "venv"]).arg(dir));
        let packages = ["check-jsonschema==0.39.0", "kubernetes-validate==1.34.1"];
        tool::run(Command::new(dir.join("bin/python")).args(["-m", "pip", "install", "--quiet"]).args(packages));
    })
}

/// Runs a validator of the environment.
fn validate(module: &str, arguments: &[&str], file: &Path) -> modsmith_tests::Output {
    tool::output(Command::new(validators().join("bin/python")).arg("-m").arg(module).args(arguments).arg(file))
}

#[test]
#[ignore = "slow"]
fn texts_of_other_engines_are_valid_by_strict_schemas() {
    let world = world();
    for (engine, module, arguments) in [
        ("github", "check_jsonschema", ["--builtin-schema", "vendor.github-workflows"].as_slice()),
        ("gitlab", "check_jsonschema", &["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
        ("kubernetes", "kubernetes_validate", &["-k", "1.34", "--strict"]),
    ] {
        let file = world.path(format!("{engine}.yml"));
        let script =
            format!("modsmith matrix plan spec.toml --emit {engine} --image registry.example/m:1 > {engine}.yml");
        shell(&world, &script).expect(0);
        validate(module, arguments, &file).expect(0);
        // What is refused elsewhere is refused here: the validator looks.
        let text = std::fs::read_to_string(&file).unwrap();
        let slip = match engine {
            "github" => text.replace("runs-on:", "run-on:"),
            "gitlab" => text.replace("allow_failure:\n    exit_codes: [77]", "allow_failure: maybe"),
            _ => text.replace("completionMode", "completionsMode"),
        };
        assert_ne!(slip, text, "{engine}");
        std::fs::write(&file, slip).unwrap();
        assert_ne!(validate(module, arguments, &file).code, 0, "{engine}");
    }
}

#[test]
fn the_script_for_slurm_is_clean() {
    let world = world();
    shell(&world, "modsmith matrix plan spec.toml --results \"it's here\" --emit slurm > cells.sh").expect(0);
    tool::run(Command::new(tool::path("shellcheck")).args(["-s", "sh"]).arg(world.path("cells.sh")));
}
