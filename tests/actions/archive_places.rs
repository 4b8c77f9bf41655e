//! What stands where an archive is to go.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};

use modsmith_tests::World;
use modsmith_tests::fixture::Package;

fn world() -> World {
    let world = World::new(&[]);
    world.add_package(&Package::new("packed", "1.0"));
    world.dkms("add packed/1.0").expect(0);
    world
}

const MAKE: &str = "mktarball packed/1.0 --source-only --archive";

#[test]
fn a_directory_stays_with_all_that_is_in_it() {
    let world = world();
    world.write("boot/full/file", "kept");
    fs::create_dir(world.path("boot/empty")).expect("ours");
    symlink("full", world.path("boot/link")).expect("ours");
    for place in ["/boot/full", "/boot/full/", "/boot/empty", "/boot/link", "/boot", "/boot/"] {
        let out = world.dkms(&format!("{MAKE} {place}")).expect(6);
        assert!(out.stderr.contains(&format!("`{place}` is a directory")), "{out}");
    }
    assert_eq!(fs::read_to_string(world.path("boot/full/file")).expect("still there"), "kept");
    assert!(world.path("boot/empty").is_dir() && world.path("boot/link").is_symlink());
}

#[test]
fn a_link_is_written_through() {
    let world = world();
    world.write("boot/file.tar", "old");
    symlink("file.tar", world.path("boot/link.tar.gz")).expect("ours");
    symlink("new.tar", world.path("boot/dangling.tar.gz")).expect("ours");
    for (link, file) in [("link.tar.gz", "file.tar"), ("dangling.tar.gz", "new.tar")] {
        let out = world.dkms(&format!("{MAKE} /boot/{link}")).expect(0);
        assert!(out.stdout.contains(&format!("Tarball location: /boot/{link}")), "{out}");
        assert!(world.path(format!("boot/{link}")).is_symlink(), "{link}");
        // Compressed as the name on the command line says.
        let made = fs::read(world.path(format!("boot/{file}"))).expect("made");
        assert!(made.starts_with(&[0x1f, 0x8b]), "{file}");
    }
}

#[test]
fn a_pipe_gets_the_archive_and_stays_a_pipe() {
    let world = world();
    let script =
        format!("mkfifo /boot/pipe; cat /boot/pipe >/boot/read & dkms {MAKE} /boot/pipe; code=$?; wait; exit $code");
    world.shell(&script).run().expect(0);
    let kind = fs::symlink_metadata(world.path("boot/pipe")).expect("still there").file_type();
    assert!(kind.is_fifo());
    assert!(!fs::read(world.path("boot/read")).expect("read").is_empty());
}
