//! Cells, as they are run: by make, and one by one.

use std::fs;

use modsmith_tests::prelude::*;
use serde_json::json;

use crate::scene::{document, shell, stored, total, world};

const MAKE: &str = "make -k -j2 -O -f cells.mk";
const COLLECT: &str = "modsmith matrix collect matrix.json --results results";

#[test]
fn make_builds_what_can_be_built_once_and_the_index_says_what_came_of_the_rest() {
    let world = world();
    let before = world.snapshot();
    shell(&world, "modsmith matrix plan spec.toml --emit make > cells.mk").expect(0);
    let out = shell(&world, MAKE).expect(2);
    assert_eq!(out.stderr.matches("Error 10").count(), 2, "the bad module fails for two kernels, nothing else: {out}");
    shell(&world, COLLECT).expect(0);
    assert_eq!(world.snapshot(), before, "the machine's tree is as it was");
    let index = document(&world, "results/index.json", "matrix-index-schema.json");
    for (outcome, count) in [("built", 2), ("failed", 2), ("excluded", 2), ("found", 0), ("not-run", 0)] {
        assert_eq!(total(&index, outcome), count, "{outcome}: {index:#}");
    }
    assert_eq!(stored(&world), 2);
    let matrix = document(&world, "matrix.json", "matrix-schema.json");
    let good = &matrix["cells"][0]["identity"];
    assert_eq!((good.is_string(), &index["cells"][0]["result"]["identity"]), (true, good), "make is no input");
    let bad = &index["cells"][2]["result"];
    assert_eq!(bad["exit_code"], 10);
    assert_eq!((&bad["first_error"]["file"], &bad["first_error"]["line"]), (&json!("bad.c"), &json!(3)), "{bad:#}");
    let excerpt = bad["excerpt"].as_array().unwrap();
    assert!(excerpt.iter().any(|line| line.as_str().unwrap().contains("not_declared")), "{bad:#}");
    assert_eq!(bad["confinement"], "full");
    let log = fs::read_to_string(world.path("results").join(bad["log"].as_str().unwrap())).unwrap();
    let line = usize::try_from(bad["first_error"]["log_line"].as_u64().unwrap()).unwrap();
    assert!(log.lines().nth(line - 1).unwrap().contains("not_declared"), "{log}");

    // Once more: nothing is built, and nothing has changed.
    fs::rename(world.path("results/index.json"), world.path("last.json")).unwrap();
    shell(&world, MAKE).expect(2);
    shell(&world, &format!("{COLLECT} --before last.json")).expect(0);
    let again = document(&world, "results/index.json", "matrix-index-schema.json");
    assert_eq!((total(&again, "found"), total(&again, "built"), stored(&world)), (2, 0, 2), "{again:#}");
    assert_eq!(again["changes"], json!([]));
    let digests = |index: &serde_json::Value| index["cells"][0]["result"]["modules"].clone();
    assert_eq!(digests(&again), digests(&index));
    metrics(&fs::read_to_string(world.path("results/metrics.txt")).unwrap());
    let page = fs::read_to_string(world.path("results/index.html")).unwrap();
    assert!(page.contains("Nothing has changed") && page.contains("not_declared"), "{page}");
}

/// Each line is of the text format: a remark of a family, a sample, or the end.
fn metrics(text: &str) {
    let remark = regex::Regex::new(r"^# (TYPE|HELP|UNIT) [a-z_]+ .+$").unwrap();
    let sample = regex::Regex::new(r#"^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\}) [0-9.e-]+$"#).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (last, lines) = lines.split_last().unwrap();
    assert_eq!(*last, "# EOF");
    for line in lines {
        assert!(remark.is_match(line) || sample.is_match(line), "{line}");
    }
    assert!(text.contains("modsmith_matrix_cells{outcome=\"found\"} 2\n"), "{text}");
}

#[test]
fn what_a_cell_has_built_is_what_the_machine_takes_from_the_store() {
    let world = world();
    shell(&world, "modsmith matrix plan spec.toml && modsmith cell --matrix matrix.json --index 0 --results results")
        .expect(0);
    assert!(!world.tree().join("mok.key").exists(), "a cell signs nothing");
    world.dkms("add good/1.0").expect(0);
    let matrix = document(&world, "matrix.json", "matrix-schema.json");
    let release = matrix["cells"][0]["kernel"].as_str().unwrap();
    let out = world.modsmith(&format!("build good/1.0 -k {release}")).expect(0);
    assert!(out.stdout.contains("Taking module(s) from the store"), "{out}");
    // And the other way round, also where the package is in the tree and built.
    let cell = "modsmith cell --matrix matrix.json --index 0 --results results";
    assert!(shell(&world, cell).expect(0).stdout.contains("in the store"));
    assert!(shell(&world, &format!("{cell} --in-place")).expect(0).stdout.contains("in the store"));
}

#[test]
fn each_exit_code_is_one_of_five() {
    let world = world();
    let spec = "modules = [\"good/1.0\", \"bad/1.0\", \"rare/1.0\"]\nkernels = [\"KERNEL\", \"7.7.7\"]\n";
    world.write("spec.toml", spec.replace("KERNEL", &kernel()));
    shell(&world, "modsmith matrix plan spec.toml").expect(0);
    let cell = |index: usize, code: i32, outcome: &str| {
        let out = shell(&world, &format!("modsmith cell --matrix matrix.json --index {index} --results results"))
            .expect(code);
        let matrix = document(&world, "matrix.json", "matrix-schema.json");
        let name = matrix["cells"][index]["name"].as_str().unwrap().to_owned();
        let result = document(&world, &format!("results/{name}.json"), "cell-schema.json");
        assert_eq!((&result["outcome"], &result["exit_code"]), (&json!(outcome), &json!(code)), "{out}");
        assert_eq!(result.get("message").is_some(), code != 0, "{result:#}");
    };
    cell(0, 0, "built");
    cell(1, 21, "headers-missing");
    cell(2, 10, "failed");
    cell(4, 77, "excluded");
    fs::remove_dir_all(world.path("usr/src/good-1.0")).unwrap();
    cell(0, 30, "infrastructure");
    let out = shell(&world, "modsmith cell --matrix matrix.json --index 6 --results results").expect(30);
    assert!(out.stderr.contains("The matrix has no cell 6"), "{out}");
    shell(&world, "modsmith cell --matrix nowhere.json --index 0 --results results").expect(30);
    let before = world.snapshot();
    shell(&world, "touch file; modsmith cell --matrix matrix.json --index 2 --results file/x").expect(30);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_cell_that_may_not_mount_builds_at_another_path_and_says_so() {
    let world = world();
    let before = world.snapshot();
    shell(&world, "modsmith matrix plan spec.toml").expect(0);
    let program = modsmith_tests::paths::programs().join("modsmith");
    let script = format!(
        "cd {}; setpriv --bounding-set -sys_admin --inh-caps -sys_admin {} cell --matrix matrix.json --index 0 --results results",
        world.dir().display(),
        program.display()
    );
    let out = world.shell(&script).run().expect(0);
    assert!(out.stderr.contains("built at another path") && out.stderr.contains("--in-place"), "{out}");
    assert_eq!(world.snapshot(), before, "the machine's tree is as it was");
}

#[test]
fn cells_push_to_a_store_that_machines_share_and_find_there_what_others_pushed() {
    let world = world();
    let openssl = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem && openssl pkey -in key.pem -pubout -out key.pub";
    let plan = "modsmith matrix plan spec.toml --emit make --push $PWD/shared --key $PWD/key.pem > cells.mk";
    shell(&world, &format!("{openssl} && {plan}")).expect(0);
    shell(&world, MAKE).expect(2);
    shell(&world, COLLECT).expect(0);
    let index = document(&world, "results/index.json", "matrix-index-schema.json");
    assert_eq!((total(&index, "built"), total(&index, "failed")), (2, 2), "{index:#}");
    let pushed = index["cells"][0]["result"]["pushed"].as_str().unwrap();
    assert!(pushed.contains("/shared:"), "{pushed}");
    // Another machine, whose own store has nothing.
    fs::remove_dir_all(world.path("var/cache/modsmith/store")).unwrap();
    shell(&world, MAKE).expect(2);
    shell(&world, COLLECT).expect(0);
    let index = document(&world, "results/index.json", "matrix-index-schema.json");
    assert_eq!((total(&index, "found"), total(&index, "built"), stored(&world)), (2, 0, 0), "{index:#}");
    // And the fleet takes it from there.
    let matrix = document(&world, "matrix.json", "matrix-schema.json");
    let release = matrix["cells"][0]["kernel"].as_str().unwrap();
    world.dkms("add good/1.0").expect(0);
    shell(&world, &format!("modsmith pull good/1.0 -k {release} --from $PWD/shared --key key.pub")).expect(0);
    assert_eq!(stored(&world), 1);
    let build = shell(&world, &format!("modsmith build good/1.0 -k {release}")).expect(0);
    assert!(build.stdout.contains("Taking module(s) from the store"), "{build}");
}
