//! Packages of sources that are large, and of sources whose names are no text.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::fixture::Package;
use modsmith_tests::{Snapshot, World, tool};

/// `café.c` in Latin 1.
const NAME: &[u8] = b"caf\xe9.c";

/// A world with a package of which nothing is built.
fn added(fill: impl FnOnce(&Path)) -> World {
    let world = World::generic();
    fill(&world.add_package(&Package::new("box", "1.0")));
    world.dkms("add box/1.0").expect(0);
    world
}

/// The file that an action makes.
fn made(world: &World, action: &str, suffix: &str) -> PathBuf {
    world.dkms(&format!("{action} box/1.0 --source-only")).expect(0);
    let found = walkdir::WalkDir::new(world.tree().join("box/1.0")).into_iter().map(|entry| entry.unwrap().into_path());
    found.into_iter().find(|path| path.to_string_lossy().ends_with(suffix)).unwrap_or_else(|| panic!("no {suffix}"))
}

/// So many files of a MiB each, of text that is compressed well.
fn large(mib: usize) -> World {
    let world = added(|source| {
        let line = "static int of_a_large_source(void);\n";
        let text = &line.repeat((1 << 20) / line.len() + 1)[..1 << 20];
        (0..mib).for_each(|number| fs::write(source.join(format!("part-{number}.c")), text).unwrap());
    });
    world.write("etc/modsmith/limits.toml", "[packager]\nmemory-mib = 64\n");
    world
}

/// What a Debian package installs.
fn unpacked(deb: &Path, into: &Path) -> PathBuf {
    tool::run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(into));
    into.join("usr/src/box-1.0")
}

#[test]
fn a_debian_package_of_a_source_needs_no_memory_for_the_source() {
    let world = large(24);
    let deb = made(&world, "mkdeb", ".deb");
    let source = unpacked(&deb, &world.path("unpacked"));
    Snapshot::of(&source).assert_same(&Snapshot::of(&world.path("usr/src/box-1.0")), "in the package");
}

#[test]
#[ignore = "slow"]
fn packages_of_200_mib_are_made_in_64_mib() {
    let world = large(200);
    for (action, suffix) in [
        ("mktarball", ".tar.gz"),
        ("mkdeb", ".deb"),
        ("mkdsc", ".tar.xz"),
        ("mkrpm", ".src.rpm"),
        ("mkpacman", ".pkg.tar.zst"),
    ] {
        let file = made(&world, action, suffix);
        let size = File::open(&file).unwrap().metadata().unwrap().len();
        assert!(size > 4096, "{}: {size} bytes", file.display());
    }
}

#[test]
fn a_name_that_is_not_utf8_is_in_each_package_and_comes_back_from_it() {
    let world = added(|source| {
        fs::write(source.join(OsStr::from_bytes(NAME)), "a\n").unwrap();
        std::os::unix::fs::symlink(OsStr::from_bytes(NAME), source.join("link")).unwrap();
    });
    let before = Snapshot::of(&world.path("usr/src/box-1.0"));
    for (action, suffix) in [("mktarball", ".tar.gz"), ("mkdeb", ".deb")] {
        let package = made(&world, action, suffix);
        let other = World::generic();
        other.dkms(&format!("ldtarball {}", package.display())).expect(0);
        Snapshot::of(&other.path("usr/src/box-1.0")).assert_same(&before, action);
    }
    let installed = unpacked(&made(&world, "mkdeb", ".deb"), &world.path("unpacked"));
    Snapshot::of(&installed).assert_same(&before, "as dpkg unpacks it");
    tool::run(Command::new("dpkg-source").arg("-x").arg(made(&world, "mkdsc", ".dsc")).arg(world.path("extracted")));
    Snapshot::of(&world.path("extracted/box-1.0")).assert_same(&before, "as dpkg-source unpacks it");
}
