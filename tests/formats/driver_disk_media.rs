//! Media of driver disks: file systems of all sizes, with all kinds of names,
//! which the tools for them find no fault with; and the same each time.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use modsmith_tests::disk::Disk;
use modsmith_tests::fixture::built_box;
use modsmith_tests::prelude::*;
use modsmith_tests::{Snapshot, World, tool};

fn make(world: &World, options: &str) -> Disk {
    Disk::make(world, &format!("box/1.0 -k {} {options}", kernel()))
}

/// A source with all that file systems find hard.
fn difficult(world: &World) {
    let source = world.path("usr/src/box-1.0");
    let write = |path: &str, contents: &[u8]| {
        let location = source.join(path);
        fs::create_dir_all(location.parent().unwrap()).unwrap();
        fs::write(&location, contents).unwrap();
    };
    for number in 0..300 {
        write(&format!("many/file-{number}"), &vec![b'x'; number * 7]);
        write(&format!("long/{number:0>200}.c"), b"");
    }
    write(&"deep/".repeat(20).trim_end_matches('/').replace("deep/deep", "deep/d"), b"deep");
    write("large", &(0..1_500_000u32).flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>()[..3_000_001]);
    write("even", &[7; 4096]);
    write("naïve ünïcode + blanks~", b"odd");
    write(".hidden/.twice", b"");
    write("same/NAME", b"upper");
    write("same/name", b"lower");
    write(&format!("{}-1", "s".repeat(120)), b"1");
    write(&format!("{}-2", "s".repeat(120)), b"2");
    fs::set_permissions(source.join("even"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(source.join("empty")).unwrap();
    for (name, target) in [
        ("link", "many/file-1"),
        ("link-up", "../box-1.0/./large"),
        ("link-absolute", "/usr/share/common-licenses/GPL-2"),
        ("dangling", &"t/".repeat(100)),
        ("link-59", &"u".repeat(59)),
        ("link-60", &"u".repeat(60)),
        ("link-500", &["v".repeat(199).as_str(), &"w".repeat(199), &"x".repeat(99)].join("/")),
    ] {
        symlink(target, source.join(name)).unwrap();
    }
}

#[test]
fn difficult_sources_are_the_same_on_every_medium() {
    let world = built_box();
    difficult(&world);
    let source = Snapshot::of(&world.path("usr/src/box-1.0"));
    for options in ["--media tar", "--media iso", "--size 5000", "--size 8193", "--size 8300", "--size 40000"] {
        let disk = make(&world, &format!("-d ubuntu {options}"));
        source.assert_same(&Snapshot::of(&disk.path("ubuntu/box-1.0")), options);
    }
}

#[test]
fn floppies_of_all_sizes_are_sound() {
    let world = built_box();
    // 8 MB is where ext2 gets a second group, 16 MB where FAT gets wider.
    for size in [360, 720, 1200, 1441, 2880, 5000, 8192, 8193, 8200, 16_384, 16_385, 33_000, 65_600, 131_071, 262_144] {
        let disks = ["redhat3", "suse -r 9.3"].map(|distro| make(&world, &format!("-d {distro} --size {size}")));
        for disk in disks {
            assert_eq!(fs::metadata(&disk.file).unwrap().len(), size * 1024);
        }
    }
}

#[test]
fn a_floppy_that_is_full_to_the_last_block_is_sound() {
    let world = built_box();
    for kind in ["redhat3", "suse -r 9.3", "ubuntu"] {
        let smallest = smallest(&world, kind);
        assert!(smallest > 8, "{kind}: {smallest} KB");
        let disk = make(&world, &format!("-d {kind} --size {smallest}"));
        let tar = make(&world, &format!("-d {kind} --media tar"));
        tar.contents().assert_same(&disk.contents(), kind);
    }
}

/// The smallest size that is enough.
fn smallest(world: &World, kind: &str) -> u32 {
    let (mut low, mut high) = (0, 1440);
    while high - low > 1 {
        let middle = (low + high) / 2;
        let out = world.dkms(&format!("mkdriverdisk box/1.0 -k {} -d {kind} --size {middle}", kernel()));
        match out.code {
            0 => high = middle,
            7 => low = middle,
            _ => panic!("{out}"),
        }
    }
    high
}

/// All kinds of disks on all media, as bytes by their file's name.
fn all(world: &World, epoch: Option<&str>) -> Vec<(String, Vec<u8>)> {
    let mut disks = Vec::new();
    for kind in ["redhat", "redhat2", "redhat3", "suse -r 9.3", "UnitedLinux -r 1.0", "ubuntu"] {
        for media in ["floppy", "iso", "tar"] {
            let line = format!("mkdriverdisk box/1.0 -k {} -d {kind} --media {media}", kernel());
            let run = world.program(world.path("bin/dkms")).words(&line);
            let out = epoch.into_iter().fold(run, |run, epoch| run.env("SOURCE_DATE_EPOCH", epoch)).run().expect(0);
            let place = out.stdout.lines().find_map(|line| line.strip_prefix("Disk image location: ")).unwrap();
            disks.push((format!("{kind}, {media}"), fs::read(world.path(place)).unwrap()));
        }
    }
    disks
}

#[track_caller]
fn assert_same(one: &[(String, Vec<u8>)], other: &[(String, Vec<u8>)]) {
    for ((name, one), (_, other)) in one.iter().zip(other) {
        assert!(one == other, "{name} is not the same");
    }
}

#[test]
fn disks_are_the_same_whenever_and_wherever_they_are_made() {
    let here = built_box();
    let there = here.duplicate();
    // Other times of the files and directories, another order of making them.
    for file in walk(&there.path("usr/src/box-1.0")).iter().chain(&walk(&there.tree().join("box"))) {
        tool::run(Command::new("touch").args(["-h", "-d", "2001-02-03"]).arg(file));
    }
    let before = all(&here, None);
    assert_eq!(before.len(), 18);
    assert_same(&before, &all(&there, None));
    let dated = all(&here, Some("1000000000"));
    assert_same(&dated, &all(&there, Some("1000000000")));
    for ((name, one), (_, other)) in before.iter().zip(&dated) {
        assert!(one != other, "{name} has no date of SOURCE_DATE_EPOCH");
    }
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut all = vec![directory.to_path_buf()];
    all.extend(Snapshot::of(directory).0.into_keys().map(|path| directory.join(path)));
    all
}

#[test]
fn all_dates_are_those_of_the_source() {
    let world = built_box();
    let line = |media: &str| format!("mkdriverdisk box/1.0 -k {} -d redhat3 --media {media}", kernel());
    let make = |media: &str| {
        let run = world.program(world.path("bin/dkms")).words(&line(media));
        run.env("SOURCE_DATE_EPOCH", "1000000000").run().expect(0);
        let suffix = if media == "floppy" { "img" } else { media };
        world.tree().join(format!("box/1.0/driver_disk/box-1.0-dd.{suffix}"))
    };
    let list = |program: &str, options: &[&str], file: &Path| {
        let mut command = Command::new(tool::path(program));
        tool::run(command.args(options).arg(file).env("TZ", "UTC").env("LC_ALL", "C"))
    };
    let tar = list("tar", &["--utc", "--full-time", "-tvf"], &make("tar"));
    assert!(tar.lines().all(|line| line.contains("2001-09-09 01:46:40")), "{tar}");
    let fat = list("mdir", &["-/", "-i"], &make("floppy"));
    let dated: Vec<&str> = fat.lines().filter(|line| line.contains("rhdd3") || line.contains("<DIR>")).collect();
    assert!(dated.len() > 3 && dated.iter().all(|line| line.contains("2001-09-09   1:46")), "{fat}");
    let iso = list("isoinfo", &["-l", "-R", "-i"], &make("iso"));
    let dated: Vec<&str> = iso.lines().filter(|line| line.contains("    0    0 ")).collect();
    assert!(dated.len() > 3 && dated.iter().all(|line| line.contains("Sep  9 2001")), "{iso}");
}
