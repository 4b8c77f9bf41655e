//! The guides, typed: their shell blocks run in the order of the page.

use std::fs;
use std::path::PathBuf;

use modsmith_tests::World;
use modsmith_tests::fixture::Package;
use modsmith_tests::guide::blocks;

use crate::scene::{add_packages, document, shell, total, world};

/// The file that a block of TOML names in its first line.
fn write_spec(world: &World, block: &str) {
    let name = block.lines().next().and_then(|line| line.strip_prefix("# ")).expect("the name of the file");
    world.write(name, block);
}

#[test]
fn the_steps_of_the_guide_to_a_build_farm_give_the_results_that_it_shows() {
    let world = world();
    let guide = "build-farm.md";
    write_spec(&world, &blocks(guide, "toml")[0]);
    let steps = blocks(guide, "sh");
    shell(&world, &steps[0]).expect(0);
    let index = document(&world, "results/index.json", "matrix-index-schema.json");
    assert_eq!((total(&index, "built"), total(&index, "failed"), total(&index, "excluded")), (2, 2, 2));
    shell(&world, &steps[1]).expect(0);
    let index = document(&world, "results/index.json", "matrix-index-schema.json");
    assert_eq!((total(&index, "found"), index["changes"].as_array().unwrap().len()), (2, 0));
    // The text for Slurm is a script that a shell takes; the test of Slurm runs one.
    let text = shell(&world, steps[2].lines().nth(1).unwrap()).expect(0).stdout;
    assert!(text.is_empty(), "it is in a file: {text}");
    shell(&world, "sh -n cells.sh").expect(0);
}

#[test]
fn the_steps_of_the_guide_to_the_next_kernels_run_in_ci() {
    let world = world();
    let guide = "next-kernels-in-ci.md";
    Package::new("mine", "1.0").write(&world.path("src"));
    let headers: PathBuf =
        fs::canonicalize(format!("/lib/modules/{}/build", modsmith_tests::prelude::kernel())).unwrap();
    fs::create_dir(world.path("headers")).unwrap();
    std::os::unix::fs::symlink(headers, world.path("headers/7.0-rc1")).unwrap();
    write_spec(&world, &blocks(guide, "toml")[0]);
    for step in blocks(guide, "sh") {
        shell(&world, &step).expect(0);
    }
    let workflow = fs::read_to_string(world.path("workflow.yml")).unwrap();
    assert!(workflow.contains("ghcr.io/example/kernels:1") && workflow.contains("ci/matrix.json"), "{workflow}");
    let index = document(&world, "results/index.json", "matrix-index-schema.json");
    assert_eq!(total(&index, "built"), 1, "{index:#}");
}

#[test]
fn the_step_of_the_guide_to_kubernetes_makes_valid_objects() {
    let world = World::generic();
    add_packages(&world);
    world.write("cluster.toml", "modules = [\"good/1.0\"]\nkernels = [\"*\"]\n");
    let guide = "kubernetes-with-kmm.md";
    shell(&world, &blocks(guide, "sh")[0]).expect(0);
    let text = fs::read_to_string(world.path("cells.yml")).unwrap();
    let kinds: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  \"kind\": ")).collect();
    assert_eq!(kinds, ["\"ConfigMap\",", "\"PersistentVolumeClaim\",", "\"Job\",", "\"Job\","]);
    assert_eq!(blocks(guide, "yaml").len(), 1);
}
