//! Directories that a user has filled and root adds: root owns the copy, and nothing outside changes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use modsmith_tests::fixture::Package;
use modsmith_tests::prelude::*;
use modsmith_tests::{Snapshot, World, tool};

use crate::hostile_trees::{WATCHDOG, device, machine, mode, special};

#[test]
fn a_source_that_is_added_belongs_to_who_adds_it_as_with_dkms() {
    let world = machine();
    let source = world.path("boot/mine");
    Package::new("mine", "1.0").write(&source);
    fs::create_dir(source.join("open")).unwrap();
    symlink("dkms.conf", source.join("link")).unwrap();
    let modes = [0o4755, 0o2755, 0o1777, 0o666, 0o600, 0o640, 0o444, 0o777];
    let files = modes.map(|mode| (source.join(format!("file-{mode:o}")), mode));
    files.iter().for_each(|(file, _)| fs::write(file, "x").unwrap());
    tool::run(std::process::Command::new("chown").args(["-hR", "4711:4711"]).arg(&source));
    files.iter().for_each(|(file, bits)| mode(file, *bits));
    mode(&source.join("open"), 0o777);
    mode(&source, 0o2775);
    let other = world.duplicate();
    world.dkms("add /boot/mine").expect(0);
    other.peer("add /boot/mine").expect(0);
    let list =
        |world: &World| world.shell("cd /usr/src/mine-1.0 && find . -printf '%m %U %G %y %p\\n' | sort").run().stdout;
    let listed = list(&world);
    assert_eq!(listed, list(&other));
    assert!(listed.contains("755 0 0 d .\n") && listed.contains("755 0 0 f ./file-4755"), "{listed}");
}

/// A directory of the user's with all that one can hold.
fn hostile_directory(world: &World) -> PathBuf {
    let source = world.path("boot/mine");
    Package::new("mine", "1.0").write(&source);
    fs::create_dir(source.join("open")).unwrap();
    let modes = [0o4755, 0o2755, 0o6777, 0o1777, 0o666, 0o600, 0o640, 0o444, 0o777, 0o4711];
    for bits in modes {
        fs::write(source.join(format!("file-{bits:o}")), "x").unwrap();
    }
    symlink("/boot/secret", source.join("link-to-secret")).unwrap();
    symlink("/boot/outside", source.join("open/link-to-outside")).unwrap();
    symlink("../../outside/victim", source.join("open/link-up")).unwrap();
    symlink("loop", source.join("loop")).unwrap();
    symlink(".", source.join("open/itself")).unwrap();
    tool::run(std::process::Command::new("chown").args(["-hR", "4711:4711"]).arg(&source));
    for bits in modes {
        mode(&source.join(format!("file-{bits:o}")), bits);
    }
    mode(&source.join("open"), 0o3777);
    mode(&source, 0o2775);
    // Second names of what is not the user's.
    fs::hard_link(world.path("boot/secret"), source.join("name-of-secret")).unwrap();
    fs::hard_link(world.path("boot/outside/victim"), source.join("open/name-of-victim")).unwrap();
    source
}

/// Of all below a directory: type, mode and, of a link, where it leads, by path.
fn entries(directory: &Path) -> BTreeMap<PathBuf, fs::Metadata> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(path.strip_prefix(directory).unwrap().to_path_buf(), metadata);
    }
    found
}

#[test]
fn a_hostile_directory_that_is_added_or_installed_becomes_roots_and_changes_nothing_outside() {
    for command in ["add /boot/mine".to_owned(), format!("install /boot/mine -k {}", kernel())] {
        let world = machine();
        let source = hostile_directory(&world);
        let wanted = entries(&source);
        let before = Snapshot::of(&world.path("boot"));
        let out = world.dkms(&command).expect(0);
        before.assert_same(&Snapshot::of(&world.path("boot")), &format!("{command}: {out}"));
        let copy = world.path("usr/src/mine-1.0");
        let copied = entries(&copy);
        assert_eq!(copied.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{command}");
        for (path, is) in &copied {
            let was = &wanted[path];
            assert_eq!((is.uid(), is.gid()), (0, 0), "{command}: {}", path.display());
            assert_eq!(is.file_type(), was.file_type(), "{command}: {}", path.display());
            if is.is_symlink() {
                let leads = |top: &Path| fs::read_link(top.join(path)).unwrap();
                assert_eq!(leads(&copy), leads(&source), "{command}: {}", path.display());
            } else {
                assert_eq!(is.mode() & 0o7777, was.mode() & 0o755, "{command}: {}", path.display());
            }
            assert!(!is.is_file() || is.nlink() == 1, "{command}: {} has other names", path.display());
        }
        // What comes of it is root's too, and nobody else can write to it or run it as root.
        for place in ["var/lib/dkms", "lib/modules", "usr/src"] {
            for (path, is) in entries(&world.path(place)) {
                let safe = is.uid() == 0 && (is.is_symlink() || is.mode() & 0o6022 == 0);
                assert!(safe, "{command}: {place}/{} {:o} {}", path.display(), is.mode(), is.uid());
            }
        }
    }
}

#[test]
fn a_directory_that_cannot_be_copied_is_not_added_and_leaves_nothing() {
    type Make = fn(&Path);
    let cases: [(&str, Make, &str); 5] = [
        ("a pipe", |location| special(location, libc::S_IFIFO), "trap is neither a file, a directory nor a link"),
        ("a socket", |location| special(location, libc::S_IFSOCK), "trap is neither a file, a directory nor a link"),
        (
            "a device",
            |location| device(location, libc::S_IFCHR, 1, 5),
            "trap is neither a file, a directory nor a link",
        ),
        ("a disk", |location| device(location, libc::S_IFBLK, 7, 0), "trap is neither a file, a directory nor a link"),
        ("a huge file", |location| fs::write(location, vec![b'x'; 8 << 20]).unwrap(), "No space left on device"),
    ];
    for (what, make, says) in cases {
        for command in ["add /boot/mine".to_owned(), format!("install /boot/mine -k {}", kernel())] {
            let world = machine();
            let source = hostile_directory(&world);
            let before = world.snapshot().with(world.sources());
            // Snapshots read what there is.
            let trap = source.join("open/trap");
            make(&trap);
            let run = world.program("timeout").words(&format!("{WATCHDOG} dkms {command}"));
            // The copy would be larger than the disk.
            let run = if what == "a huge file" { run.small("/usr/src", 4096) } else { run };
            let out = run.run().expect_no_panic().expect_error(says);
            assert!(![0, 124].contains(&out.code), "{what}: {out}");
            fs::remove_file(trap).unwrap();
            before.assert_same(&world.snapshot().with(world.sources()), &format!("{what}, {command}: {out}"));
        }
    }
}
