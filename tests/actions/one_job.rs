//! Recipes that cannot do several things at the same time: tried once more with
//! one job, from a fresh copy, and remembered.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::state::prebuilt;
use modsmith_tests::{Output, World};

/// One half of a recipe that fails when the other one goes on at the same time:
/// the two wait for each other, where there are two jobs to be had.
const HALF: &str = "echo $1 >> /boot/halves-$MODULE\ncase \"$MAKEFLAGS\" in *jobserver*) parallel=yes;; *) parallel=no;; esac\n\
    [ $parallel = no ] && exit 0\ntouch here-$1\nfor i in $(seq 300); do\n\
    [ -e here-a ] && [ -e here-b ] && echo \"both halves are busy\" && exit 1\n    sleep 0.1\ndone\nexit 0";

/// A package whose makes race, and a build of which needs `after` as well.
fn racing(name: &str, make: &str, after: &str) -> Package {
    let recipe = format!("all: a b\na b:\n\t@MODULE={name} ./half.sh $@\n");
    prebuilt(name, "1.0")
        .conf(&format!("DEST_MODULE_NAME[0]=\"{name}\""))
        .script("half.sh", HALF)
        .file("race.mk", recipe)
        .script("attempt.sh", &format!("[ ! -e used ] || exit 9\ntouch used\necho x >> /boot/attempts-{name}\n{after}"))
        .conf(&format!("MAKE[0]=\"{make}\""))
}

const GROUP: &str = "(./attempt.sh && make -f race.mk all && cp prebuilt/$kernelver.ko sample.ko)";

fn attempts(world: &World, name: &str) -> usize {
    fs::read_to_string(world.path(format!("boot/attempts-{name}"))).unwrap_or_default().lines().count()
}

fn build(world: &World, name: &str, options: &str) -> Output {
    world.dkms(&format!("build {name}/1.0 -k {} {options}", kernel()))
}

fn log(world: &World, name: &str) -> String {
    let location = world.tree().join(name).join("1.0").join(kernel()).join(kernel::arch()).join("log/make.log");
    fs::read_to_string(location).expect("the log is kept")
}

#[test]
fn a_recipe_with_a_race_is_built_with_one_job_from_a_fresh_copy_and_remembered() {
    let world = World::generic();
    world.opens_boot();
    world.add_package(&racing("race", GROUP, ""));
    let out = build(&world, "race", "-j 2").expect(0);
    assert!(
        out.stderr.contains("race/1.0: The build failed with up to 2 jobs at a time. It is tried again with one job"),
        "{out}"
    );
    assert_eq!(attempts(&world, "race"), 2);
    let text = log(&world, "race");
    assert_eq!(text.matches("Building module(s)\n# command: ").count(), 2, "both attempts are told: {text}");
    let location = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in {text}"));
    assert!(
        location("both halves are busy") < location("It is tried again with one job")
            && location("It is tried again with one job") < location("# exit code: 0")
    );
    assert_eq!(text.matches("make.log for race/1.0").count(), 1);
    let status = format!("race/1.0, {}, {}: built\n", kernel(), kernel::arch());
    assert_eq!(world.dkms("status").stdout, status);
    assert!(!world.modsmith("status").stdout.contains("Failed"));

    // It is known now, and dkms does not see that.
    let out = build(&world, "race", "-j 2 --force").expect(0);
    assert_eq!((attempts(&world, "race"), out.stderr.as_str()), (3, ""));
    assert_eq!(world.peer("status").expect(0).stdout, status);
    world.dkms("remove race/1.0 --all").expect(0);
    assert!(!world.tree().join(".modsmith").exists(), "a version that is gone is forgotten");
    build(&world, "race", "-j 2").expect(0);
    assert_eq!(attempts(&world, "race"), 5);
}

#[test]
fn what_others_could_have_written_about_a_version_is_told_and_not_believed() {
    let world = World::generic();
    world.opens_boot();
    world.add_package(&racing("race", GROUP, ""));
    build(&world, "race", "-j 2").expect(0);
    let record = world.tree().join(".modsmith/one-job/race/1.0/record.json");
    let elsewhere = world.path("boot/record.json");
    let cases: [(&dyn Fn(), &str); 3] = [
        (&|| chown(&record, Some(4711), None).unwrap(), "it belongs to the user 4711"),
        (
            &|| fs::set_permissions(&record, PermissionsExt::from_mode(0o666)).unwrap(),
            "users other than its owner may write to it",
        ),
        (
            &|| {
                fs::rename(&record, &elsewhere).unwrap();
                symlink("/boot/record.json", &record).unwrap();
            },
            "it is a symbolic link",
        ),
    ];
    let mut made = attempts(&world, "race");
    for (spoil, says) in cases {
        spoil();
        let out = build(&world, "race", "-j 2 --force").expect(0);
        assert!(out.stderr.contains(says) && out.stderr.contains("one-job/race/1.0/record.json"), "{out}");
        assert_eq!(attempts(&world, "race") - made, 2, "{says}: it begins as if nothing were known: {out}");
        // What was learnt then is the program's own again.
        build(&world, "race", "-j 2 --force").expect(0);
        assert_eq!(attempts(&world, "race") - made, 3, "{says}");
        made += 3;
    }
}

#[test]
fn what_had_no_more_jobs_than_dkms_gives_is_tried_once() {
    let world = World::generic();
    world.opens_boot();
    for (name, make, options) in [
        ("plain", "make -f race.mk all", "-j 2"),
        ("single", GROUP, "-j 1"),
        ("own", "'make' -j2 -f race.mk all; false", "-j 2"),
    ] {
        let package = match name {
            // One job has no race; something else is wrong.
            "single" => racing(name, GROUP, "exit 1"),
            _ => racing(name, make, ""),
        };
        world.add_package(&package);
        let out = build(&world, name, options).expect(10);
        assert!(!out.stderr.contains("It is tried again"), "{out}");
        assert!(attempts(&world, name) <= 1, "{name}");
        assert!(!world.tree().join(".modsmith/one-job").exists());
    }
}

#[test]
fn a_build_that_fails_both_times_is_a_failure_as_ever() {
    let world = World::generic();
    world.opens_boot();
    world.add_package(&racing("broken", GROUP, "echo 'broken.c:1:1: error: expected ;'; exit 1"));
    let out = build(&world, "broken", "-j 2").expect(10);
    assert_eq!(attempts(&world, "broken"), 2);
    assert_eq!(out.stderr.matches("Error! ").count(), 1, "{out}");
    assert!(out.stderr.contains("broken.c:1:1: error: expected ;"), "{out}");
    let text = fs::read_to_string(world.tree().join("broken/1.0/build/make.log")).expect("dkms's place");
    assert_eq!(text.matches("broken.c:1:1").count(), 2, "{text}");
    let status = world.modsmith("status").expect(0).stdout;
    assert!(status.contains("Failed builds:") && status.contains("broken.c:1:1"), "{status}");
    assert!(!world.tree().join(".modsmith/one-job").exists(), "one job did not help");
}

#[test]
fn what_more_or_fewer_jobs_do_not_mend_is_tried_once() {
    let world = World::generic();
    world.opens_boot();
    for (name, after, code) in
        [("tool", "no-such-tool", 10), ("space", "echo 'write error: No space left on device'; exit 1", 10)]
    {
        world.add_package(&racing(name, GROUP, after));
        build(&world, name, "-j 2").expect(code);
        assert_eq!(attempts(&world, name), 1, "{name}");
    }
    world.add_package(&racing("stopped", GROUP, "touch /boot/begun; exec sleep 600"));
    let interrupted = format!(
        "dkms build stopped/1.0 -k {} -j 2 & for i in $(seq 600); do [ -e /boot/begun ] && break; sleep 0.1; done\n\
         kill -TERM $!; wait $!",
        kernel()
    );
    world.shell(&interrupted).run().expect(130);
    assert_eq!(attempts(&world, "stopped"), 1);
    // Patches are applied before.
    let patch = "--- a/race.mk\n+++ b/race.mk\n@@ -1,1 +1,1 @@\n-x\n+y\n";
    world.add_package(&racing("patched", GROUP, "").file("patches/a.patch", patch).conf("PATCH[0]=a.patch"));
    build(&world, "patched", "-j 2").expect(6);
    assert_eq!(attempts(&world, "patched"), 0);
}

#[test]
fn hooks_have_the_one_job_that_dkms_gives_them() {
    let world = World::generic();
    world.opens_boot();
    let package = racing("hooked", "cp prebuilt/$kernelver.ko sample.ko", "make -f race.mk all");
    world.add_package(&package.conf("PRE_BUILD=attempt.sh"));
    build(&world, "hooked", "-j 2").expect(0);
    assert_eq!(attempts(&world, "hooked"), 1);
}

#[test]
fn autoinstall_builds_them_among_others_and_its_names_are_those_of_status() {
    let world = World::generic();
    world.opens_boot();
    for name in ["race", "other"] {
        world.add_package(&racing(name, GROUP, ""));
    }
    world.add_package(&racing("broken", GROUP, "exit 1"));
    for name in ["race", "other", "broken"] {
        world.dkms(&format!("add {name}/1.0")).expect(0);
    }
    let out = world.dkms(&format!("autoinstall -k {} -j 3", kernel())).expect(11);
    let names = |what: &str| -> Vec<String> {
        let head = format!("Autoinstall on {} {what} for module(s) ", kernel());
        let line = out.stdout.lines().find_map(|line| line.strip_prefix(&head)).unwrap_or_else(|| panic!("{out}"));
        let mut names: Vec<String> = line.trim_end_matches('.').split(' ').map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!((names("succeeded"), names("failed")), (vec!["other".into(), "race".into()], vec!["broken(10)".into()]));
    let status = world.dkms("status").expect(0).stdout;
    for (module, state) in [("race", ": installed"), ("other", ": installed"), ("broken", ": added")] {
        let line = status.lines().find(|line| line.starts_with(&format!("{module}/1.0"))).expect("a line");
        assert!(line.ends_with(state), "{status}");
    }
    assert_eq!(attempts(&world, "broken"), 2);
}
