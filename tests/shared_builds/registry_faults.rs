//! Registries that fail, or serve what they were not given: `push` and `pull` stop with a clear
//! error, `build`, `install` and `autoinstall` go on without them, and nothing wrong is installed.

use std::fs;

use modsmith_tests::Output;
use modsmith_tests::fixture::Package;
use modsmith_tests::points::{Counted, Happens};
use modsmith_tests::prelude::*;
use modsmith_tests::stub_registry::{Blobs, Fault, Faulty, StubRegistry, Switches};
use modsmith_tests::world;

use crate::scene::{PATH, Scene, act, kept, modsmith, origin};

/// More than any push or pull has: a loop that reaches it does not end.
const MANY: usize = 200;

/// A registry with a build, and what becomes of it.
fn pushed() -> (Scene, StubRegistry) {
    let (scene, stub) = Scene::with_stub(Switches::default());
    scene.pushes().expect(0);
    // Both machines have made what a tree has once: its keys.
    scene.loses_store();
    act(&scene.user, "install");
    act(&scene.user, "uninstall");
    act(&scene.user, "unbuild");
    scene.loses_store();
    (scene, stub)
}

/// An error that says what to do, which has changed nothing on the user's machine.
#[track_caller]
fn stops(scene: &Scene, shown: &str, why: &str, run: impl FnOnce() -> Output) {
    let before = scene.user.snapshot();
    let out = run().expect_no_panic().expect_hint();
    assert!(out.code != 0 && out.stderr.contains(why), "{shown}: {why} is not in {out}");
    before.assert_same(&scene.user.snapshot(), shown);
    assert_eq!(kept(&scene.user), 0, "{shown}");
}

/// The modules are built on the user's machine, with one warning.
#[track_caller]
fn builds_itself(scene: &Scene, shown: &str, why: &str) {
    let before = scene.user.snapshot();
    for action in ["install shared/1.0", "autoinstall"] {
        let out = modsmith(&scene.user, &format!("{action} -k {}", kernel())).expect(0);
        assert!(out.stderr.contains(why), "{shown}: {why} is not in {out}");
        assert_eq!(out.stderr.matches("The modules are built.").count(), 1, "{shown}: {out}");
        assert!(origin(&scene.user).is_none(), "{shown}: {out}");
        assert_eq!(scene.unsigned(), scene.made(), "{shown}");
        for again in ["uninstall", "unbuild"] {
            act(&scene.user, again);
        }
        scene.loses_store();
    }
    before.assert_same(&scene.user.snapshot(), shown);
}

#[test]
fn what_is_not_what_was_pushed_is_not_used() {
    let (scene, stub) = pushed();
    let address = |blobs| Switches { blobs, ..Switches::default() };
    for (switches, why) in [
        (address(Blobs::Changed), "gave other bytes"),
        (address(Blobs::Short(7)), "ended"),
        (address(Blobs::Endless), "is longer than"),
        (address(Blobs::At("192.0.2.1".into())), "it is not encrypted"),
        (Switches { tokens: Some(0), ..Switches::default() }, "does not take those that were given"),
        (Switches { password: Some("Basic eDp5"), ..Switches::default() }, "wants credentials"),
    ] {
        let shown = format!("{switches:?}");
        stub.set(switches);
        // What stands in for a signature that cannot be read is none.
        let why = |out: &str| if out.contains("has no signature") { "has no signature" } else { why }.to_owned();
        let said = scene.pulls().stderr;
        stops(&scene, &shown, &why(&said), || scene.pulls());
        builds_itself(&scene, &shown, &why(&said));
    }
    stub.set(Switches::default());
    assert!(scene.fetches(), "from the same registry, when it is in order again");
}

#[test]
#[ignore = "slow"]
fn a_busy_registry_is_asked_again_when_it_says_so() {
    let (scene, stub) = pushed();
    let busy = |faulty| Switches { faulty: Some(faulty), ..Switches::default() };
    let requests = {
        stub.set(Switches::default());
        scene.pulls().expect(0);
        scene.loses_store();
        stub.requests()
    };
    assert!(requests >= 5, "only {requests} requests");
    for number in 1..=requests {
        stub.set(busy(Faulty::only(number, Fault::Busy(1))));
        scene.pulls().expect(0);
        scene.loses_store();
    }
    stub.set(busy(Faulty::from(1, Fault::Busy(1))));
    stops(&scene, "busy for ever", "is too busy", || scene.pulls());
    builds_itself(&scene, "busy for ever", "is too busy");
    let begun = std::time::Instant::now();
    stub.set(busy(Faulty::from(1, Fault::Busy(100_000))));
    builds_itself(&scene, "busy for a day", "is too busy");
    assert!(begun.elapsed().as_secs() < 120, "a build does not wait for ever: {:?}", begun.elapsed());
}

/// Each request of a pull fails in turn, alone, or with all that follow.
#[test]
#[ignore = "slow"]
fn a_registry_that_fails_at_any_request_of_a_pull() {
    let (scene, stub) = pushed();
    let mut number = 0;
    loop {
        number += 1;
        assert!(number < MANY, "a pull does not end");
        let mut was_reached = false;
        for faulty in [Faulty::only(number, Fault::Status(500)), Faulty::from(number, Fault::HangUp)] {
            stub.set(Switches { faulty: Some(faulty), ..Switches::default() });
            let before = scene.user.snapshot();
            let out = modsmith(&scene.user, &format!("build shared/1.0 -k {}", kernel())).expect(0);
            was_reached |= stub.requests() >= number;
            // A fault of one signature does not hide the other one.
            let is_fetched = origin(&scene.user).is_some();
            assert_eq!(scene.unsigned(), scene.made(), "{faulty:?}: {out}");
            assert_eq!(is_fetched, !out.stderr.contains("The modules are built."), "{faulty:?}: {out}");
            act(&scene.user, "unbuild");
            scene.loses_store();
            before.assert_same(&scene.user.snapshot(), &format!("{faulty:?}"));
        }
        if !was_reached {
            break;
        }
    }
    assert!(number > 5, "only {number} requests");
}

/// Each request of a push fails in turn; then the registry is in order again.
fn fails_at_any_request_of_a_push(fault: impl Fn(usize) -> Faulty) {
    let (scene, stub) = Scene::with_stub(Switches::default());
    let mut number = 0;
    loop {
        number += 1;
        assert!(number < MANY, "a push does not end");
        stub.forget();
        stub.set(Switches { faulty: Some(fault(number)), ..Switches::default() });
        let out = scene.pushes().expect_no_panic();
        if stub.requests() < number {
            out.expect(0);
            break;
        }
        // The tag by which the build is found is the last of all.
        let is_found = stub.tags().iter().any(|tag| tag.starts_with("id-"));
        assert!(out.code != 0 && !is_found, "{number}: {out}");
        stub.set(Switches::default());
        scene.pushes().expect(0);
        if number % 8 == 0 {
            scene.pulls().expect(0);
            scene.loses_store();
        }
    }
    assert!(number > 20, "only {number} requests");
    stub.set(Switches::default());
    assert!(scene.fetches());
}

#[test]
#[ignore = "slow"]
fn a_registry_that_refuses_any_request_of_a_push() {
    fails_at_any_request_of_a_push(|number| Faulty::only(number, Fault::Status(500)));
}

#[test]
#[ignore = "slow"]
fn a_registry_that_is_gone_at_any_request_of_a_push() {
    fails_at_any_request_of_a_push(|number| Faulty::from(number, Fault::HangUp));
}

#[test]
fn two_machines_push_the_same_and_different_content_of_one_identity() {
    let (scene, _stub) = Scene::with_stub(Switches { lacks_referrers: true, ..Switches::default() });
    let line = format!("push shared/1.0 -k {} --key {}", kernel(), scene.private("team"));
    modsmith(&scene.user, &format!("build shared/1.0 -k {}", kernel())).expect(0);
    let both = || {
        std::thread::scope(|scope| {
            let runs = [&scene.maker, &scene.user].map(|machine| scope.spawn(|| modsmith(machine, &line)));
            runs.map(|run| run.join().expect("no panic"))
        })
    };
    for out in both() {
        out.expect(0);
    }
    scene.forgets();
    assert!(scene.fetches());
}

/// A recipe makes another module each time: the second push is refused, and the first one's build
/// stays in the store.
#[test]
fn two_machines_push_different_content_of_one_identity() {
    let makefile = "obj-m := shared.o\nccflags-y += -DVALUE=$(shell date +%N | sed 's/^0*//')\n";
    let source = "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nMODULE_VERSION(\"1.0\");\nint shared = VALUE;\n";
    let scene = Scene::of(&Package::new("shared", "1.0").file("Makefile", makefile).file("shared.c", source));
    let stub = StubRegistry::default();
    scene.knows(&stub);
    let push = |machine| modsmith(machine, &format!("push shared/1.0 -k {} --key {}", kernel(), scene.private("team")));
    act(&scene.user, "build");
    push(&scene.maker).expect(0);
    let out = push(&scene.user).expect(30).expect_hint();
    assert!(out.stderr.contains("has another build of shared/1.0"), "{out}");
    scene.forgets();
    assert!(scene.fetches(), "the first one is what is found");
}

#[test]
#[ignore = "slow"]
fn a_pull_that_is_killed_at_any_point_is_made_again() {
    let (scene, stub) = pushed();
    let run = |words: &str| scene.user.program(world::modsmith()).env("PATH", PATH).words(words);
    let line = format!("pull shared/1.0 -k {}", kernel());
    let before = scene.user.snapshot();
    for counted in [Counted::Files("/modsmith/store"), Counted::Messages] {
        let mut point = 0;
        while run(&line).at_point(counted, Happens::Killed, point + 1).run().killed() {
            point += 1;
            assert!(point < 200, "{counted:?}: it is still killed");
            before.assert_same(&scene.user.snapshot(), &format!("{counted:?} {point}"));
            run("store verify").run().expect(0);
            run(&line).run().expect(0);
            assert!(scene.fetches(), "{counted:?} {point}");
            run("store gc").run().expect(0);
            let left = fs::read_dir(scene.user.path("var/cache/modsmith/store/new")).map_or(0, Iterator::count);
            assert_eq!(left, 0, "{counted:?} {point}");
            scene.forgets();
        }
        assert!(point >= 5, "{counted:?}: only {point} points");
        scene.loses_store();
    }
    drop(stub);
}

/// Killed at each point of a push; what is found in between is complete, and the next one completes it.
fn is_killed_at_any_point_of_a_push(scene: &Scene, counted: Counted<'_>, to: &str, forget: impl Fn()) {
    let line = format!("push shared/1.0 -k {} --key {} --to {to}", kernel(), scene.private("team"));
    let run = || scene.maker.program(world::modsmith()).env("PATH", PATH).words(&line);
    let pull = format!("pull shared/1.0 -k {} --from {to} --key {}", kernel(), scene.public("team"));
    let mut point = 0;
    while run().at_point(counted, Happens::Killed, point + 1).run().killed() {
        point += 1;
        assert!(point < 500, "it is still killed");
        if point % 4 == 0 {
            let found = modsmith(&scene.user, &pull).expect_no_panic();
            assert_eq!(found.code == 0, kept(&scene.user) == 1, "{point}: {found}");
            scene.loses_store();
        }
        run().run().expect(0);
        if point % 4 == 1 {
            modsmith(&scene.user, &pull).expect(0);
            scene.loses_store();
        }
        forget();
    }
    assert!(point >= 10, "only {point} points");
}

#[test]
#[ignore = "slow"]
fn a_push_to_a_directory_that_is_killed_at_any_point_is_completed_by_the_next() {
    let scene = Scene::new();
    let place = scene.place().display().to_string();
    let forget = || fs::remove_dir_all(scene.place()).unwrap();
    is_killed_at_any_point_of_a_push(&scene, Counted::Files("/place/"), &place, forget);
}

#[test]
#[ignore = "slow"]
fn a_push_to_a_registry_that_is_killed_at_any_point_is_completed_by_the_next() {
    let (scene, stub) = Scene::with_stub(Switches::default());
    let address = format!("oci://{}/modules", stub.host());
    is_killed_at_any_point_of_a_push(&scene, Counted::Messages, &address, || stub.forget());
}

#[test]
#[ignore = "slow"]
fn a_disk_that_is_full_at_any_write_of_the_store() {
    let (scene, stub) = pushed();
    let run = |words: &str, point| {
        let words = format!("{words} shared/1.0 -k {}", kernel());
        let run = scene.user.program(world::modsmith()).env("PATH", PATH).words(&words);
        run.at_point(Counted::Files("/modsmith/store"), Happens::Full, point).run().expect_no_panic()
    };
    let mut point = 0;
    loop {
        point += 1;
        assert!(point < 100, "the disk is still full at point {point}");
        let out = run("pull", point);
        if out.code == 0 {
            break;
        }
        assert!(out.stderr.contains("No space left"), "{point}: {out}");
        // Each build in the store is complete: its directory gets its name last.
        modsmith(&scene.user, "store verify").expect(0);
        scene.loses_store();
        let out = run("build", point).expect(0);
        assert_eq!(scene.unsigned(), scene.made(), "{point}: {out}");
        scene.forgets();
    }
    assert!(point >= 5, "only {point} points");
    scene.loses_store();
    assert!(scene.fetches());
    drop(stub);
}
