//! A failed build is remembered, for each kernel, with its log, the first error
//! and a remedy, until it is built, taken out, or dkms has settled it.

use std::fs;

use modsmith_tests::fixture::Package;
use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::schema::validate;
use modsmith_tests::{Output, World};

pub fn generic() -> String {
    kernel::newest(Flavour::Generic)
}

fn cloud() -> String {
    kernel::newest(Flavour::Cloud)
}

/// A package whose source has this instead of a module.
pub fn failing(name: &str, line: &str) -> Package {
    let text = format!("#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n{line}\n");
    Package::new(name, "1.0").file(&format!("{name}.c"), text)
}

const CHANGED: &str = "static int __init start(void) { return gone_from_the_kernel(1); }\nmodule_init(start);";

/// A world with two kernels and one package that builds for neither.
fn world() -> World {
    let world = World::new(&[generic(), cloud()]);
    world.add_package(&failing("bad", CHANGED));
    world
}

/// Makes the package one that builds.
fn mend(world: &World) {
    fs::write(world.path("usr/src/bad-1.0/bad.c"), modsmith_tests::fixture::c_source(Some("1.0"))).expect("writable");
}

fn build(world: &World, kernel: &str) -> Output {
    world.modsmith(&format!("build bad/1.0 -k {kernel}"))
}

/// Kernel and class of every failure that `status --json` tells of.
#[track_caller]
fn failures(world: &World) -> Vec<(String, String)> {
    let json = world.modsmith("status --json").expect(0).json();
    validate("status-schema.json", &json).unwrap();
    let entries = json["packages"].as_array().expect("a list").iter().filter(|entry| entry.get("failed").is_some());
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    entries.map(|entry| (text(&entry["kernel"]), text(&entry["failed"]["class"]))).collect()
}

#[track_caller]
fn assert_no_records(world: &World) {
    let left = world.tree().join(".modsmith");
    assert!(!left.exists(), "{} is left", left.display());
}

#[test]
fn the_error_has_the_first_error_line_and_a_remedy() {
    let world = world();
    let out = build(&world, &generic()).expect(10).expect_hint();
    let line = "bad.c:3:40: error: implicit declaration of function ‘gone_from_the_kernel’";
    out.shows(line).shows(&format!("hint: Get a version of bad that supports kernel {}.", generic()));
    out.shows("hint: The log is /var/lib/dkms/bad/1.0/build/make.log.");
    assert!(world.tree().join("bad/1.0/build/make.log").is_file(), "dkms's own place keeps the log");
    // Under dkms's name too.
    world.dkms(&format!("build bad/1.0 -k {}", generic())).expect(10).expect_error(line);
}

/// Looks at the error without giving the output away.
pub trait Look {
    fn shows(&self, text: &str) -> &Self;
}

impl Look for Output {
    #[track_caller]
    fn shows(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "standard error does not say {text:?}: {self}");
        self
    }
}

#[test]
fn status_of_dkms_stays_as_it_was_and_that_of_modsmith_has_remarks_below() {
    let world = world();
    world.dkms("add bad/1.0").expect(0);
    let before = world.dkms("status").expect(0);
    build(&world, &generic()).expect(10);

    let after = world.dkms("status").expect(0);
    assert_eq!((&after.stdout, &after.stderr), (&before.stdout, &before.stderr));

    let out = world.modsmith("status").expect(0);
    let remarks = out.stdout.strip_prefix(&before.stdout).unwrap_or_else(|| panic!("the lines have changed: {out}"));
    for part in ["API changed", "gone_from_the_kernel", "Get a version of bad", "modsmith log bad/1.0 -k"] {
        assert!(remarks.contains(part), "no {part:?} in the remarks: {out}");
    }
    for line in remarks.lines() {
        assert!(line.is_empty() || line.starts_with("  ") || line == "Failed builds:", "taken for a state: {line:?}");
    }
    assert_eq!(out.stderr, "");
    // Filters are those of the lines.
    let other = world.modsmith(&format!("status -k {}", cloud())).expect(0);
    assert!(!other.stdout.contains("Failed"), "{other}");
    let empty = world.modsmith("status -m other").expect(0);
    assert_eq!(empty.stdout, "");
}

#[test]
fn each_kernel_has_its_own_failure_and_success_ends_it() {
    let world = world();
    build(&world, &generic()).expect(10);
    build(&world, &cloud()).expect(10);
    let api = |kernel: String| (kernel, "api-changed".to_owned());
    assert_eq!(failures(&world), [api(generic()), api(cloud())]);

    let logs: Vec<String> = [generic(), cloud()]
        .iter()
        .map(|kernel| {
            let path = world.modsmith(&format!("log bad/1.0 -k {kernel} --path")).expect(0).stdout;
            let text = fs::read_to_string(world.path(path.trim())).expect("the log is kept");
            assert!(text.contains(&format!("for kernel {kernel} (")), "{text}");
            text
        })
        .collect();
    assert_ne!(logs[0], logs[1]);

    mend(&world);
    build(&world, &generic()).expect(0);
    assert_eq!(failures(&world), [api(cloud())]);
    let json = world.modsmith("status --json").expect(0).json();
    let states: Vec<(&str, &str)> = json["packages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| (entry["kernel"].as_str().expect("a kernel"), entry["state"].as_str().expect("a state")))
        .collect();
    assert_eq!(states, [(generic().as_str(), "built"), (cloud().as_str(), "added")]);

    world.modsmith(&format!("install bad/1.0 -k {}", cloud())).expect(0);
    assert_eq!(failures(&world), []);
    assert_no_records(&world);
}

#[test]
fn a_forced_build_that_fails_leaves_the_built_state_and_is_told_with_it() {
    let world = world();
    mend(&world);
    build(&world, &generic()).expect(0);
    world.add_package(&failing("bad", CHANGED));
    world.modsmith(&format!("build bad/1.0 -k {} --force", generic())).expect(10);
    let json = world.modsmith("status --json").expect(0).json();
    assert_eq!(json["packages"].as_array().expect("a list").len(), 1, "{json:#}");
    assert_eq!(json["packages"][0]["state"], "built");
    assert_eq!(json["packages"][0]["failed"]["class"], "api-changed");
}

#[test]
fn unbuild_and_remove_forget() {
    let world = world();
    build(&world, &generic()).expect(10);
    build(&world, &cloud()).expect(10);
    world.modsmith(&format!("unbuild bad/1.0 -k {}", generic())).expect(0);
    assert_eq!(failures(&world).len(), 1);
    world.modsmith("remove bad/1.0 --all").expect(0);
    assert_no_records(&world);
    build(&world, &generic()).expect(10);
    world.modsmith(&format!("kernel_prerm -k {}", generic())).expect(0);
    assert_no_records(&world);
}

#[test]
fn a_kernel_without_headers_has_no_log_and_autoinstall_remembers_it_too() {
    let world = world();
    let kernel = "6.1.0-99-amd64";
    let missing = || vec![(kernel.to_owned(), "headers-missing".to_owned())];
    fs::create_dir(world.modules(kernel)).expect("writable");
    build(&world, kernel).expect(21);
    assert_eq!(failures(&world), missing());
    let out = world.modsmith("log bad").expect(0);
    assert!(
        out.stdout.contains("There is no log")
            && out.stdout.contains("Install the package linux-headers-6.1.0-99-amd64"),
        "{out}"
    );
    world.modsmith("log bad --path").expect(3).expect_hint();

    world.modsmith(&format!("unbuild bad/1.0 -k {kernel}")).expect(0);
    assert_eq!(failures(&world), []);
    world.modsmith(&format!("autoinstall -k {kernel}")).expect(21);
    assert_eq!(failures(&world), missing());
}

#[test]
fn autoinstall_remembers_builds_and_dependencies_that_are_missing() {
    let world = world();
    world.add_package(&Package::new("needs", "1.0").conf("BUILD_DEPENDS[0]=bad"));
    world.modsmith("add bad/1.0").expect(0);
    world.modsmith("add needs/1.0").expect(0);
    world.modsmith(&format!("autoinstall -k {}", generic())).expect(11).shows("gone_from_the_kernel");
    let classes: Vec<String> = failures(&world).into_iter().map(|(_, class)| class).collect();
    assert_eq!(classes, ["api-changed", "dependency-missing"]);
    mend(&world);
    world.modsmith(&format!("autoinstall -k {}", generic())).expect(0);
    assert_no_records(&world);
}

#[test]
fn what_is_no_failed_build_is_not_remembered() {
    let world = world();
    world.modsmith("add bad/1.0").expect(0);
    // A kernel that this machine does not have.
    world.modsmith("build bad/1.0 -k 9.9.9").expect(21);
    world.add_package(&Package::new("excluded", "1.0").conf("BUILD_EXCLUSIVE_ARCH=\"vax\""));
    world.modsmith(&format!("build excluded/1.0 -k {}", generic())).expect(77);
    // Interrupted by somebody.
    world.opens_boot();
    let stop = "touch /boot/begun\nexec sleep 600";
    world.add_package(&Package::new("stopped", "1.0").script("stop.sh", stop).conf("PRE_BUILD=stop.sh"));
    let interrupted = format!(
        "dkms build stopped/1.0 -k {} & for i in $(seq 600); do [ -e /boot/begun ] && break; sleep 0.1; done\n\
         kill -TERM $!; wait $!",
        generic()
    );
    world.shell(&interrupted).run().expect(130);
    // Never registered.
    world.modsmith(&format!("build unknown/1.0 -k {}", generic())).expect(2);
    // Only shown.
    world.modsmith(&format!("build bad/1.0 -k {} --dry-run", generic())).expect(0);
    assert_eq!(failures(&world), []);
    assert_no_records(&world);
}

#[test]
fn a_dry_run_changes_no_record() {
    let world = world();
    build(&world, &generic()).expect(10);
    let before = world.snapshot();
    world.modsmith(&format!("build bad/1.0 -k {} --dry-run", generic())).expect(0);
    world.modsmith("remove bad/1.0 --all --dry-run").expect(0);
    world.modsmith("log bad").expect(0);
    world.modsmith("status").expect(0);
    before.assert_same(&world.snapshot(), "dry runs, log and status");
}

#[test]
fn dkms_goes_on_with_the_tree_undisturbed() {
    let world = world();
    build(&world, &generic()).expect(10);
    assert_eq!(world.peer("status").expect(0).stdout, "bad/1.0: added\n");
    // It builds what failed: that is no failure any more, and forgotten with the next change.
    mend(&world);
    world.peer(&format!("build bad/1.0 -k {}", generic())).expect(0);
    assert_eq!(failures(&world), []);
    assert!(world.tree().join(".modsmith/failed").exists());
    world.modsmith(&format!("install bad/1.0 -k {}", generic())).expect(0);
    assert_no_records(&world);
    // It takes out what failed, and adds it again.
    world.add_package(&failing("bad", CHANGED));
    build(&world, &cloud()).expect(10);
    world.peer("remove bad/1.0 --all").expect(0);
    assert_eq!(failures(&world), []);
    world.peer("add bad/1.0").expect(0);
    assert_eq!(failures(&world), []);
    world.modsmith("log bad").expect(3);
    world.modsmith("remove bad/1.0 --all").expect(0);
    assert_no_records(&world);
}

#[test]
fn killed_at_any_point_it_is_remembered_or_not_and_nothing_is_left_half() {
    let start = World::generic();
    let script = "echo 'bad.c:1:1: error: too few arguments to function'; exit 3";
    start.add_package(&Package::new("bad", "1.0").script("before.sh", script).conf("PRE_BUILD=before.sh"));
    let line = format!("build bad/1.0 -k {}", generic());
    start.modsmith("add bad/1.0").expect(0);
    // Not once in each copy.
    start.modsmith("generate_mok").expect(0);
    let mut points = 0;
    loop {
        assert!(points < 200, "still killed at point {points}");
        let world = start.duplicate();
        let out = world.program(modsmith_tests::world::modsmith()).words(&line);
        let out = out.kill_at(points + 1).run();
        if !out.killed() {
            out.expect(3);
            assert_eq!(failures(&world).len(), 1);
            break;
        }
        points += 1;
        assert!(failures(&world).len() <= 1, "killed at point {points}");
        world.modsmith(&line).expect(3);
        assert_eq!(failures(&world), [(generic(), "api-changed".to_owned())], "killed at point {points}");
        let private: Vec<_> = fs::read_dir(world.tree().join(".modsmith"))
            .expect("records are there")
            .map(|entry| entry.expect("readable").file_name())
            .collect();
        assert_eq!(private, ["failed"], "killed at point {points}");
    }
    assert!(points > 10, "only {points} points");
}

#[test]
fn a_tree_that_cannot_be_written_hides_nothing() {
    let world = world();
    build(&world, &generic()).expect(10);
    let line = format!("build bad/1.0 -k {}", cloud());
    let out = world.program(modsmith_tests::world::modsmith()).words(&line).read_only("/var/lib/dkms").run();
    assert!(out.code != 0 && out.stderr.to_lowercase().contains("read-only"), "{out}");
    // What was known is told all the same.
    let out = world.program(modsmith_tests::world::modsmith()).words("status").read_only("/var/lib/dkms").run();
    assert!(out.expect(0).stdout.contains("API changed"));
}

#[test]
fn a_full_tree_is_told_and_remembered_where_there_is_room_for_it() {
    let world = World::new(&[generic()]);
    world.add_package(&Package::new("big", "1.0").compiled().file("ballast", vec![0_u8; 40 << 10]));
    let script = format!("modsmith build big/1.0 -k {}; echo \"code $?\"; modsmith log big --json", generic());
    let program = modsmith_tests::world::modsmith();
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", program.parent().expect("a directory").display());
    let out = world.shell(&script).env("PATH", path).small("/var/lib/dkms", 160).run();
    assert!(out.stdout.contains("code 10"), "{out}");
    assert!(out.stdout.contains("\"class\": \"no-space\""), "{out}");
}

#[test]
fn log_shows_a_successful_build_too_and_says_what_else_there_is() {
    let world = world();
    world.add_package(&Package::new("good", "1.0"));
    world.add_package(&Package::new("good", "2.0"));
    world.modsmith(&format!("build good/1.0 -k {}", generic())).expect(0);
    let out = world.modsmith("log good/1.0").expect(0);
    assert!(out.stdout.contains("the build succeeded") && out.stdout.contains("# exit code: 0"), "{out}");
    let json = world.modsmith("log good --json").expect(0).json();
    validate("log-schema.json", &json).unwrap();
    assert_eq!(json["state"], "built");
    assert!(json["log"].as_str().expect("a path").ends_with("/log/make.log"), "{json:#}");

    // The newest of two, and the other one by name.
    build(&world, &generic()).expect(10);
    build(&world, &cloud()).expect(10);
    let out = world.modsmith("log bad").expect(0);
    assert!(out.stdout.starts_with(&format!("bad/1.0 for kernel {} (", cloud())), "{out}");
    assert!(out.stdout.contains(&format!("{} ({}) failed; name one with -k", generic(), kernel::arch())), "{out}");
    let line = format!("log bad/1.0 -k {}/{}", generic(), kernel::arch());
    assert!(world.modsmith(&line).expect(0).stdout.starts_with(&format!("bad/1.0 for kernel {} (", generic())));

    // Nothing to show.
    world.modsmith("log good/1.0 -k 9.9.9").expect(3).expect_hint();
    world.modsmith("log unknown").expect(3).expect_hint();
    world.modsmith("log unknown/1.0").expect(3).expect_hint();
    world.modsmith("add good/2.0").expect(0);
    world.modsmith("log good").expect(1).expect_hint();
    world.modsmith("log good/2.0").expect(3).expect_hint();
}

#[test]
fn the_log_is_not_in_the_users_language() {
    let world = World::generic();
    let recipe = "echo messages=$LC_MESSAGES characters=$LC_CTYPE all=$LC_ALL; exit 1";
    world.write("usr/src/bad-1.0/say", recipe);
    world.add_package(&Package::new("bad", "1.0").conf("MAKE[0]=\"sh ./say\""));
    let line = format!("dkms build bad/1.0 -k {}", generic());
    world.shell(&line).env("LC_ALL", "de_DE.UTF-8").run().expect(10);
    let log = world.modsmith(&format!("log bad/1.0 -k {}", generic())).expect(0);
    assert!(log.stdout.contains("messages=C characters=de_DE.UTF-8 all=\n"), "{log}");
}
