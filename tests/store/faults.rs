//! Full disks, kills, damaged entries, entries of others: the build goes on, and what is installed is
//! right.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use modsmith_tests::World;
use modsmith_tests::points::{Counted, Happens};
use modsmith_tests::prelude::*;

use crate::scene::{act, entries, product, reused, stored, target_dir, world};

/// A world whose build is in the store, and not in the tree; with what was built.
fn kept() -> (World, Vec<u8>) {
    let world = world();
    act(&world, "build");
    let built = product(&world);
    act(&world, "unbuild");
    (world, built)
}

#[test]
fn a_damaged_build_is_dropped_and_made_again() {
    for (name, contents) in [("kept.ko", "another module"), ("entry.json", "{}"), ("kept.ko", "")] {
        let (world, built) = kept();
        fs::write(stored(&world)[0].join(name), contents).unwrap();
        let out = world.modsmith("store verify").expect(30).expect_hint();
        assert!(out.stdout.contains("damaged"), "{out}");
        let out = world.dkms(&format!("build kept/1.0 -k {}", kernel())).expect(0);
        assert!(out.stderr.contains("is damaged and not used"), "{out}");
        assert!(!reused(&world));
        assert_eq!(product(&world), built);
        world.modsmith("store verify").expect(0);
        act(&world, "unbuild");
        act(&world, "build");
        assert!(reused(&world), "the new build has taken its place");
    }
}

#[test]
fn a_collection_removes_what_is_damaged() {
    let (world, _) = kept();
    fs::write(stored(&world)[0].join("kept.ko"), "another module").unwrap();
    world.modsmith("store gc").expect(0);
    assert_eq!(stored(&world).len(), 0);
}

#[test]
fn what_another_user_could_have_written_is_not_installed() {
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    type Change<'c> = &'c dyn Fn(&World);
    let changes: [Change<'_>; 4] = [
        &|world| mode(&stored(world)[0].join("kept.ko"), 0o666),
        &|world| mode(&stored(world)[0], 0o777),
        &|world| mode(&entries(world), 0o777),
        &|world| chown(stored(world)[0].join("kept.ko"), Some(4711), None).unwrap(),
    ];
    for change in changes {
        let (world, built) = kept();
        change(&world);
        act(&world, "build");
        assert!(!reused(&world));
        assert_eq!(product(&world), built);
    }
    let (world, _) = kept();
    mode(&world.path("var/cache/modsmith"), 0o777);
    let out = world.dkms(&format!("build kept/1.0 -k {}", kernel())).expect(0);
    assert!(out.stderr.contains("is not trusted"), "{out}");
    assert!(!reused(&world));
}

#[test]
fn a_full_disk_stops_no_build() {
    for kilobytes in [4, 8, 16, 32, 64, 128] {
        let world = world();
        let run = world.program(world.path("bin/dkms")).words(&format!("install kept/1.0 -k {}", kernel()));
        let out = run.small("/var/cache", kilobytes).run().expect(0);
        assert!(target_dir(&world).join("module/kept.ko").is_file(), "with {kilobytes} KiB: {out}");
        assert!(!reused(&world));
        if kilobytes == 4 {
            assert!(out.stderr.contains("not kept in the store"), "{out}");
        }
    }
}

#[test]
fn a_store_that_cannot_be_written_stops_no_build() {
    let (world, built) = kept();
    let run = |line: &str| {
        let line = format!("{line} kept/1.0 -k {}", kernel());
        world.program(world.path("bin/dkms")).words(&line).read_only("/var/cache").run().expect(0)
    };
    run("build");
    assert!(reused(&world), "it can be read");
    assert_eq!(product(&world), built);
    run("unbuild");
    fs::remove_dir_all(entries(&world)).unwrap();
    run("build");
    assert!(!reused(&world));
}

#[test]
#[ignore = "slow"]
fn killed_at_any_write_of_the_store_nothing_wrong_is_taken() {
    let start = world();
    let line = format!("build kept/1.0 -k {}", kernel());
    let done = start.duplicate();
    // A key pair is made once per tree: all worlds have the same one.
    done.dkms("generate_mok").expect(0);
    for file in ["mok.key", "mok.pub"] {
        fs::copy(done.tree().join(file), start.tree().join(file)).unwrap();
    }
    done.dkms(&line).expect(0);
    let expected = product(&done);
    let mut points = 0;
    loop {
        let world = start.duplicate();
        let run = world.program(world.path("bin/dkms")).words(&line);
        let out = run.at_point(Counted::Files("/modsmith/store"), Happens::Killed, points + 1).run();
        if !out.killed() {
            out.expect(0);
            break;
        }
        points += 1;
        assert!(points < 100, "it is still killed at point {points}");
        world.dkms(&line).expect(0);
        assert_eq!(product(&world), expected, "killed at point {points}");
        act(&world, "unbuild");
        world.dkms(&line).expect(0);
        assert_eq!(product(&world), expected, "killed at point {points}, from the store or not");
        world.modsmith("store verify").expect(0);
        world.modsmith("store gc").expect(0);
        let left = fs::read_dir(world.path("var/cache/modsmith/store/new")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "killed at point {points}");
    }
    assert!(points >= 6, "only {points} points: was it killed at all?");
}
