//! What is in the store is taken from there, and signed and compressed as if just built.

use std::fs;

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::schema::validate;
use modsmith_tests::{World, tool};

use crate::scene::{act, package, product, reused, status, stored, target_dir, unsigned, world};

#[test]
fn a_build_that_was_removed_comes_from_the_store() {
    let world = world();
    act(&world, "build");
    assert!(!reused(&world), "the first build is made");
    let first = product(&world);
    act(&world, "unbuild");
    act(&world, "install");
    assert!(reused(&world));
    assert_eq!(product(&world), first, "RSA signs the same bytes with the same result");
    // The whole package goes and comes back.
    world.dkms("remove kept/1.0 --all").expect(0);
    world.dkms("add kept/1.0").expect(0);
    act(&world, "build");
    assert!(reused(&world));
    assert_eq!(product(&world), first);
    assert_eq!(stored(&world).len(), 1);
    world.modsmith("store verify").expect(0);
}

#[test]
fn the_state_after_a_build_from_the_store_is_that_of_a_build() {
    let world = world();
    act(&world, "install");
    let names = |world: &World| -> Vec<_> { world.snapshot().0.into_keys().collect() };
    let (built, symbols) = (names(&world), fs::read(target_dir(&world).join("module/Module.symvers")).unwrap());
    act(&world, "unbuild");
    act(&world, "install");
    assert!(reused(&world));
    assert_eq!(names(&world), built);
    assert_eq!(fs::read(target_dir(&world).join("module/Module.symvers")).unwrap(), symbols);
    let log = fs::read_to_string(target_dir(&world).join("log/make.log")).unwrap();
    assert!(log.starts_with("DKMS (dkms-") && log.contains("kept.o"), "the log of the build is still there: {log}");
    assert_eq!(status(&world)["confinement"]["level"], "full");
}

#[test]
fn as_dkms_the_lines_are_those_of_a_build_and_as_modsmith_they_say_where_modules_come_from() {
    let world = world();
    let line = format!("build kept/1.0 -k {}", kernel());
    // What is said of a new key is said once.
    world.dkms("generate_mok").expect(0);
    let built = world.dkms(&line).expect(0).stdout;
    act(&world, "unbuild");
    let taken = world.dkms(&line).expect(0).stdout;
    assert!(reused(&world));
    assert_eq!(taken, built);
    act(&world, "unbuild");
    let plan = world.modsmith(&format!("{line} --dry-run --json")).expect(0).json();
    validate("plan-schema.json", &plan).unwrap();
    let steps =
        plan["plans"].as_array().expect("plans").iter().flat_map(|plan| plan["steps"].as_array().expect("steps"));
    let taken: Vec<_> = steps.filter(|step| step["action"] == "take-stored").collect();
    assert!(
        taken.iter().any(|step| step["reason"].as_str().is_some_and(|why| why.contains("identity sha256:"))),
        "{plan:#}"
    );
    let out = world.modsmith(&line).expect(0);
    assert!(out.stdout.contains("Taking module(s) from the store"), "{out}");
}

#[test]
fn another_key_signs_what_the_store_has() {
    let world = world();
    act(&world, "build");
    let first = product(&world);
    act(&world, "unbuild");
    for file in ["mok.key", "mok.pub"] {
        fs::remove_file(world.tree().join(file)).expect("a key pair was made");
    }
    act(&world, "build");
    assert!(reused(&world));
    let second = product(&world);
    assert_ne!(first, second, "the key is another one");
    assert_eq!(unsigned(&first), unsigned(&second));
}

#[test]
fn force_passes_over_the_store() {
    let world = world();
    act(&world, "build");
    world.dkms(&format!("build kept/1.0 -k {} --force", kernel())).expect(0);
    assert!(!reused(&world));
    act(&world, "unbuild");
    act(&world, "build");
    assert!(reused(&world));
}

#[test]
fn settings_turn_the_store_off_for_all_or_for_one_package() {
    for text in ["store = \"off\"\n", "[package.kept]\nstore = \"off\"\n"] {
        let world = world();
        world.settings("modsmith/store.toml", text);
        act(&world, "build");
        assert_eq!(status(&world).get("store"), None, "{text}");
        assert_eq!(stored(&world).len(), 0, "{text}");
    }
    let world = world();
    world.settings("modsmith/store.toml", "size = \"a lot\"\n");
    let out = world.dkms(&format!("build kept/1.0 -k {}", kernel())).expect(0);
    assert!(out.stderr.contains("`size` is `a lot`"), "{out}");
}

/// What a recipe reads, or does, beside its inputs is not known: it is built each time.
#[test]
fn a_build_whose_inputs_are_not_all_declared_is_not_kept() {
    let not_kept = |prepare: &dyn Fn(&World)| {
        let world = world();
        prepare(&world);
        act(&world, "build");
        assert_eq!(status(&world).get("store"), None);
        assert_eq!(stored(&world).len(), 0);
    };
    not_kept(&|world| world.has_no_walls());
    not_kept(&|world| world.opens_boot());
    not_kept(&|world| world.settings("modsmith/confinement.toml", "[package.kept]\nnetwork = true\n"));
    not_kept(&|world| {
        world.write("usr/src/other/more.h", "");
        std::os::unix::fs::symlink("../other/more.h", world.path("usr/src/kept-1.0/more.h")).unwrap();
    });
    not_kept(&|world| {
        world.write("etc/dkms/framework.conf", "build_environment=/etc/dkms/environment\n");
        world.write("etc/dkms/environment", "export X=1\n");
    });
}

/// Headers of another package, which is no dependency: found in what the kernel's build system notes.
#[test]
fn a_file_that_was_read_elsewhere_counts() {
    let world = World::generic();
    let source =
        "#include <linux/module.h>\n#include \"/usr/src/other/other.h\"\nMODULE_LICENSE(\"GPL\");\nint kept = OTHER;\n";
    world.write("usr/src/other/other.h", "#define OTHER 1\n");
    world.add_package(&Package::new("kept", "1.0").file("kept.c", source));
    act(&world, "build");
    let first = unsigned(&product(&world));
    act(&world, "unbuild");
    act(&world, "build");
    assert!(reused(&world), "it is as it was");
    act(&world, "unbuild");
    world.write("usr/src/other/other.h", "#define OTHER 2\n");
    act(&world, "build");
    assert!(!reused(&world));
    assert_ne!(unsigned(&product(&world)), first);
}

/// The names of files that were read are a recipe's words: no digest of a secret file gets into the store.
#[test]
fn a_recipe_that_claims_to_have_read_a_secret_file_is_not_kept() {
    use std::os::unix::fs::PermissionsExt;
    for (mode, kept) in [(0o644, 1), (0o600, 0)] {
        let world = World::generic();
        world.write("usr/src/other/file", "a secret");
        std::fs::set_permissions(world.path("usr/src/other/file"), PermissionsExt::from_mode(mode)).unwrap();
        world.add_package(&package().conf("MAKE[0]=\"make -C $kernel_source_dir M=$dkms_tree/kept/1.0/build && echo 'deps_x := /usr/src/other/file' > .claim.cmd\""));
        act(&world, "build");
        assert_eq!(stored(&world).len(), kept, "{mode:o}");
        let file = world.path("usr/src/other/file");
        let digest = modsmith_facts::digest(&std::fs::read(file).unwrap());
        let mut search = std::process::Command::new("grep");
        let found = search.args(["-rl", &digest]).arg(world.path("var/cache")).output().unwrap().stdout;
        assert_eq!(String::from_utf8_lossy(&found).lines().count(), kept, "{mode:o}");
    }
}

#[test]
fn builds_for_several_kernels_at_once_are_kept_and_taken() {
    let kernels = [kernel(), kernel::newest(Flavour::Cloud)];
    let world = World::new(&kernels);
    world.add_package(&crate::scene::package());
    let line = |action: &str| format!("{action} kept/1.0 -k {} -k {}", kernels[0], kernels[1]);
    world.dkms(&line("build")).expect(0);
    assert_eq!(stored(&world).len(), 2);
    world.dkms(&line("unbuild")).expect(0);
    world.dkms(&line("install")).expect(0);
    let json = world.modsmith("status kept/1.0 --json").expect(0).json();
    let reused: Vec<_> = json["packages"].as_array().unwrap().iter().map(|entry| &entry["store"]["reused"]).collect();
    assert_eq!(reused, [true, true], "{json:#}");
}

#[test]
fn two_invocations_at_once_share_a_store() {
    let world = world();
    let line = |tree: &str| format!("dkms install kept/1.0 -k {} --dkmstree /usr/src/{tree} --no-depmod", kernel());
    let unbuild = |tree: &str| format!("dkms unbuild kept/1.0 -k {} --dkmstree /usr/src/{tree} --no-depmod", kernel());
    let script = format!(
        "mkdir /usr/src/one /usr/src/two; {} & {}; wait; {}; {}; {} & {}; wait",
        line("one"),
        line("two"),
        unbuild("one"),
        unbuild("two"),
        line("one"),
        line("two")
    );
    world.shell(&script).run().expect(0).expect_no_panic();
    assert_eq!(stored(&world).len(), 2, "the path of a build is an input");
    world.modsmith("store verify").expect(0);
    for tree in ["one", "two"] {
        let record = world.path(format!("usr/src/{tree}/kept/1.0/{}/{}/.modsmith.json", kernel(), kernel::arch()));
        let record: serde_json::Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
        assert_eq!(record["store"]["reused"], true, "{record:#}");
    }
}

#[test]
fn a_collection_is_bounded_and_builds_are_listed() {
    let world = world();
    act(&world, "build");
    let json = world.modsmith("store list --json").expect(0).json();
    validate("store-schema.json", &json).unwrap();
    assert_eq!(json["builds"][0]["package"], "kept/1.0");
    assert_eq!(json["builds"][0]["files"], serde_json::json!(["Module.symvers", "kept.ko", "make.log"]));
    assert_eq!(json["builds"][0]["identity"], status(&world)["store"]["identity"]);
    let text = world.modsmith("store list").expect(0).stdout;
    assert!(text.starts_with("kept/1.0, ") && text.contains("1 build, "), "{text}");
    world.modsmith("store gc").expect(0);
    assert_eq!(stored(&world).len(), 1);
    world.program(modsmith_tests::world::modsmith()).arg("store").arg("gc").arg("--size").arg("1 KiB").run().expect(0);
    assert_eq!(stored(&world).len(), 0);
    world.modsmith("store gc --size x").expect(1).expect_hint();
    // A build that is larger than the store is made, and not kept.
    world.settings("modsmith/store.toml", "size = \"1 KiB\"\n");
    world.dkms(&format!("build kept/1.0 -k {} --force", kernel())).expect(0);
    assert_eq!(stored(&world).len(), 0);
}

#[test]
fn building_again_gives_the_same_bytes() {
    let world = world();
    let rebuild = format!("store verify --rebuild kept/1.0 -k {}", kernel());
    let before = world.snapshot();
    let out = world.modsmith(&rebuild).expect(0);
    assert!(out.stdout.contains("the same as a second build: the store has none"), "{out}");
    before.assert_same(&world.snapshot(), "nothing is left of builds that are compared");
    act(&world, "build");
    let out = world.modsmith(&rebuild).expect(0);
    assert!(out.stdout.contains("the same as the stored build and a second one"), "{out}");
    // One that depends on the time of day does not.
    let clock = Package::new("clock", "1.0")
        .file("Makefile", "obj-m := clock.o\nccflags-y := -DNOW=$(shell date +%s%N)ULL\n")
        .file("clock.c", "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nunsigned long long now = NOW;\n");
    world.add_package(&clock);
    world.dkms("add clock/1.0").expect(0);
    world.modsmith(&format!("store verify --rebuild clock/1.0 -k {}", kernel())).expect(30).expect_error("clock.ko");
    world.dkms(&format!("build clock/1.0 -k {}", kernel())).expect(0);
    let out = world.dkms(&format!("build clock/1.0 -k {} --force", kernel())).expect(0);
    assert!(out.stderr.contains("with another result: clock.ko"), "{out}");
}

#[test]
fn what_is_taken_is_compressed_as_the_kernels_own_modules_are() {
    let world = world();
    act(&world, "build");
    let plain = product(&world);
    act(&world, "unbuild");
    let resident = world.modules(&kernel()).join("kernel/drivers/misc/resident.ko");
    tool::run(std::process::Command::new(tool::path("xz")).arg(&resident));
    act(&world, "build");
    assert!(reused(&world));
    let compressed = fs::read(target_dir(&world).join("module/kept.ko.xz")).expect("a compressed module");
    assert_eq!(unsigned(&modsmith_facts::compression::decompress(compressed).unwrap()), unsigned(&plain));
}
