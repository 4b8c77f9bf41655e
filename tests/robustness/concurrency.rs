//! Many invocations at once on one tree: each waits for its turn, so together
//! they lead to what some order of them one after the other leads to.

use std::fs;

use modsmith_tests::state::{fill, prebuilt};
use modsmith_tests::{Output, Snapshot, World};

const PACKAGES: [&str; 4] = ["one", "two", "three", "four"];

/// A world with packages whose build is a copy, each with a module of its own,
/// and a signing key.
fn world() -> World {
    let world = modsmith_tests::state::ABSENT.reach(modsmith_tests::peer::Program::Ours);
    for name in PACKAGES {
        world.add_package(&prebuilt(name, "1.0").conf(&format!("DEST_MODULE_NAME[0]=\"{name}\"")));
        world.dkms(&format!("add {name}/1.0")).expect(0);
    }
    world
}

/// What one of them said.
struct Said {
    line: String,
    code: i32,
    stdout: String,
    stderr: String,
}

/// Starts all lines at the same time, in one set of mounts, and waits for all.
fn at_once(world: &World, lines: &[String]) -> Vec<Said> {
    let out = world.path("out");
    let _ = fs::remove_dir_all(&out);
    fs::create_dir(&out).expect("a scratch directory");
    let mut script = format!("cd {}\n", out.display());
    for (index, line) in lines.iter().enumerate() {
        script.push_str(&format!("(dkms {line} >{index}.out 2>{index}.err; echo $? >{index}.code) &\n"));
    }
    script.push_str("wait\n");
    world.shell(&script).run().expect(0);
    let read = |index: usize, what: &str| {
        fs::read_to_string(out.join(format!("{index}.{what}"))).unwrap_or_else(|e| panic!("{index}.{what}: {e}"))
    };
    let said = |(index, line): (usize, &String)| Said {
        line: line.clone(),
        code: read(index, "code").trim().parse().expect("a number"),
        stdout: read(index, "out"),
        stderr: read(index, "err"),
    };
    lines.iter().enumerate().map(said).collect()
}

/// Twenty lines, turning around the given ones.
fn twenty(lines: &[&str]) -> Vec<String> {
    lines.iter().cycle().take(20).map(|line| fill(line)).collect()
}

#[track_caller]
fn assert_codes(said: &[Said], fine: &[i32]) {
    for Said { line, code, stdout, stderr } in said {
        assert!(fine.contains(code), "`{line}` ended with {code}:\n{stdout}{stderr}");
        assert!(!stderr.contains("panicked"), "{line}: {stderr}");
    }
}

/// Nothing is left of the running, and the state that status tells is what is
/// in the tree, in the kernel's directory and in its module index.
#[track_caller]
fn assert_consistent(world: &World) {
    assert!(!world.tree().join(".modsmith").exists(), "a journal or a holder is left");
    let kernel = fill("KERNEL");
    let status = world.dkms("status").expect(0);
    assert!(!status.stdout.contains('('), "no annotation: {status}");
    let index = fs::read_to_string(world.modules(&kernel).join("modules.dep")).expect("an index");
    for name in PACKAGES {
        let line = format!("{name}/1.0, {kernel}, x86_64: ");
        let state = status.stdout.lines().find_map(|l| l.strip_prefix(&line)).unwrap_or("added");
        let version = world.tree().join(name).join("1.0");
        let built = version.join(&kernel).join("x86_64/module").join(format!("{name}.ko"));
        let installed = world.modules(&kernel).join("updates/dkms").join(format!("{name}.ko"));
        assert_eq!(built.exists(), state != "added", "{name} is {state}");
        assert_eq!(installed.exists(), state == "installed", "{name} is {state}");
        assert_eq!(index.contains(&format!("/{name}.ko")), state == "installed", "{name} is {state}: {index}");
        assert_eq!(Snapshot::of(&version.join("build")), Snapshot::default(), "the build directory of {name}");
        if state == "installed" {
            assert_eq!(fs::read(&built).unwrap(), fs::read(&installed).unwrap(), "{name}");
        }
    }
}

/// The same lines several times over, from a fresh world each time.
#[track_caller]
fn repeatedly(lines: &[&str], fine: &[i32], check: impl Fn(&World, &[Said])) {
    let start = world();
    for _ in 0..3 {
        let world = start.duplicate();
        let said = at_once(&world, &twenty(lines));
        assert_codes(&said, fine);
        assert_consistent(&world);
        check(&world, &said);
    }
}

fn status(world: &World) -> String {
    world.dkms("status").expect(0).stdout
}

#[test]
fn the_same_install_twenty_times_is_done_once() {
    repeatedly(&["install one/1.0 -k KERNEL"], &[0], |world, said| {
        let built = said.iter().filter(|s| s.stdout.contains("Building")).count();
        assert_eq!(built, 1, "one builds, the others find it done");
        assert!(status(world).contains(&fill("one/1.0, KERNEL, ARCH: installed\n")), "{}", status(world));
    });
}

#[test]
fn builds_and_installs_of_several_packages_all_arrive() {
    let lines = [
        "build one/1.0 -k KERNEL",
        "install two/1.0 -k KERNEL",
        "install one/1.0 -k KERNEL",
        "install three/1.0 -k KERNEL",
        "build four/1.0 -k KERNEL",
        "install four/1.0 -k KERNEL",
    ];
    repeatedly(&lines, &[0], |world, _| {
        let expected: Vec<String> = ["four", "one", "three", "two"]
            .iter()
            .map(|name| fill(&format!("{name}/1.0, KERNEL, ARCH: installed")))
            .collect();
        assert_eq!(status(world).lines().collect::<Vec<_>>(), expected);
    });
}

#[test]
fn autoinstall_and_installs_at_the_same_time_install_all_packages() {
    repeatedly(&["autoinstall -k KERNEL", "install two/1.0 -k KERNEL", "status"], &[0], |world, _| {
        assert_eq!(status(world).matches(": installed").count(), PACKAGES.len(), "{}", status(world));
    });
}

#[test]
fn of_several_adds_one_adds_and_the_others_find_the_package_registered() {
    repeatedly(&["add sample/1.0"], &[0, 3], |world, said| {
        assert_eq!(said.iter().filter(|s| s.code == 0).count(), 1, "one adds it");
        assert!(status(world).contains("sample/1.0: added\n"), "{}", status(world));
    });
}

#[test]
fn of_several_removes_one_removes_and_the_others_find_no_package() {
    repeatedly(&["remove one/1.0 --all"], &[0, 3], |world, said| {
        assert_eq!(said.iter().filter(|s| s.code == 0).count(), 1, "one removes it");
        assert!(!status(world).contains("one/"), "{}", status(world));
    });
}

#[test]
fn all_actions_at_the_same_time_leave_a_consistent_state() {
    let lines = [
        "install one/1.0 -k KERNEL",
        "uninstall one/1.0 -k KERNEL",
        "build two/1.0 -k KERNEL --force",
        "unbuild two/1.0 -k KERNEL",
        "autoinstall -k KERNEL",
        "status",
        "remove three/1.0 --all",
        "install three/1.0 -k KERNEL",
        "kernel_prerm -k KERNEL",
        "status -k KERNEL",
    ];
    // 3: there is nothing to remove any more.
    repeatedly(&lines, &[0, 3], |_, said| {
        for status in said.iter().filter(|s| s.line.starts_with("status")) {
            assert_eq!(status.code, 0, "status never fails: {}", status.stderr);
            let known = [": added", ": built", ": installed"];
            assert!(
                status.stdout.lines().all(|line| known.iter().any(|state| line.contains(state))),
                "`{}` said:\n{}",
                status.line,
                status.stdout
            );
        }
        let notes = said.iter().filter(|s| s.code == 3).all(|s| s.line.starts_with("remove"));
        assert!(notes, "only what is gone cannot be removed");
    });
}

/// A world with a package whose build waits until the file `go` is there.
fn held_up() -> World {
    let world = world();
    world.opens_boot();
    let wait = "MAKE[0]=\"touch /boot/started; while [ ! -e /boot/go ]; do sleep 0.1; done; \
                cp prebuilt/$kernelver.ko sample.ko\"";
    world.add_package(&prebuilt("slow", "1.0").conf(wait));
    world.dkms("add slow/1.0").expect(0);
    world
}

/// Runs `first` until its build has begun, then `meanwhile`; `go` is written
/// by that script, or nobody.
fn meanwhile(world: &World, script: &str) -> Output {
    let begun = "i=0; while [ ! -e /boot/started ]; do sleep 0.1; i=$((i+1)); [ $i -lt 600 ] || exit 99; done";
    world.shell(&fill(&format!("dkms build slow/1.0 -k KERNEL >/dev/null 2>&1 & first=$!\n{begun}\n{script}"))).run()
}

#[test]
fn a_command_that_waits_for_the_lock_names_its_holder() {
    let world = held_up();
    // The second one has said that it waits before the first may go on.
    let out = meanwhile(
        &world,
        "dkms install one/1.0 -k KERNEL 2>/boot/said & second=$!\n\
         while ! grep -q Waiting /boot/said; do sleep 0.1; done\n\
         touch /boot/go; wait $first && wait $second && cat /boot/said >&2",
    )
    .expect(0);
    assert!(out.stderr.contains("build slow/1.0"), "it names the command: {out}");
    assert!(out.stderr.contains("(process "), "and its number: {out}");
    fs::remove_file(world.path("boot/started")).unwrap();
    assert_consistent(&world);
}

#[test]
fn status_during_a_change_answers_at_once() {
    let world = held_up();
    let out = meanwhile(&world, "dkms status && touch /boot/go && wait $first").expect(0);
    assert!(out.stdout.contains("slow/1.0: added\n"), "{out}");
}

#[test]
fn the_lock_of_a_killed_holder_is_taken_over() {
    let world = held_up();
    let registered = || Snapshot::of(&world.tree().join("one")).without(|path| path.ends_with("build"));
    let before = registered();
    let out = meanwhile(
        &world,
        "kill -9 $first; touch /boot/go; wait $first\n\
         dkms install one/1.0 -k KERNEL && dkms uninstall one/1.0 -k KERNEL && dkms unbuild one/1.0 -k KERNEL",
    )
    .expect(0);
    assert!(!out.stderr.contains("Waiting"), "nobody holds it: {out}");
    before.assert_same(&registered(), "built, installed and taken back");
    world.dkms(&fill("build slow/1.0 -k KERNEL")).expect(0);
    fs::remove_file(world.path("boot/started")).unwrap();
    assert_consistent(&world);
}
