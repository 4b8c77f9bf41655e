//! Full disks, kills and two machines at once.

use std::fs;

use modsmith_tests::prelude::*;

use crate::scene::{Scene, kept, modsmith, origin, target_dir};

#[test]
fn a_full_disk_stops_no_build_and_keeps_nothing_by_halves() {
    let scene = Scene::shared();
    for kilobytes in [4, 16, 64, 128] {
        let program = scene.user.program(modsmith_tests::world::modsmith()).env("PATH", crate::scene::PATH);
        let run = program.words(&format!("build shared/1.0 -k {}", kernel()));
        let out = run.small("/var/cache", kilobytes).run().expect(0);
        assert!(target_dir(&scene.user).join("module/shared.ko").is_file(), "with {kilobytes} KiB: {out}");
        modsmith(&scene.user, &format!("unbuild shared/1.0 -k {}", kernel())).expect(0);
    }
    assert_eq!(kept(&scene.user), 0);
    assert!(scene.fetches());
}

#[test]
fn two_machines_push_at_the_same_time_and_nothing_is_lost() {
    let scene = Scene::new();
    modsmith(&scene.user, &format!("build shared/1.0 -k {}", kernel())).expect(0);
    let line =
        format!("push shared/1.0 -k {} --to {} --key {}", kernel(), scene.place().display(), scene.private("team"));
    std::thread::scope(|scope| {
        for world in [&scene.maker, &scene.user] {
            let line = &line;
            scope.spawn(move || modsmith(world, line).expect(0));
        }
    });
    scene.names("store-directory", &scene.place().display().to_string());
    scene.forgets();
    assert!(scene.fetches());
}

/// What a push leaves that is killed between two of its files is nothing that is found, until the tag
/// is there; the next push completes it.
#[test]
#[ignore = "slow"]
fn a_push_that_was_interrupted_is_completed_by_the_next_one() {
    let complete = Scene::shared();
    let files = || fs::read_dir(complete.place().join("blobs/sha256")).unwrap().map(|entry| entry.unwrap().path());
    for missing in files() {
        let scene = &complete;
        let held = fs::read(&missing).unwrap();
        fs::remove_file(&missing).unwrap();
        scene.built();
        scene.push(&scene.place().display().to_string(), "--force").expect(0);
        scene.forgets();
        assert!(scene.fetches(), "without {} of {} bytes", missing.display(), held.len());
        assert!(origin(&scene.user).is_some());
        scene.forgets();
    }
}
