//! Tarballs of module packages: made and loaded by this program, made by it and
//! loaded by Debian's dkms, and the other way round; interrupted, damaged and
//! hostile.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::fixture::{Package, built_box_with_files};
use modsmith_tests::kernel::{self};
use modsmith_tests::prelude::*;
use modsmith_tests::{Output, Snapshot, World, tool};
use tar::EntryType;

/// A kernel that modules are built for elsewhere.
const ELSEWHERE: &str = "5.10.0-1-elsewhere";

/// The same, and for another kernel too.
fn built_twice() -> World {
    let world = built_box_with_files();
    let version = world.tree().join("box/1.0");
    tool::run(Command::new("cp").arg("-a").arg(version.join(kernel())).arg(version.join(ELSEWHERE)));
    world
}

/// The tarball that a command makes, and where it is.
fn made(world: &World, options: &str) -> PathBuf {
    let file = world.path("made.tar.gz");
    let _ = fs::remove_file(&file);
    world.dkms(&format!("mktarball box/1.0 {options} --archive {}", file.display())).expect(0);
    file
}

fn load(world: &World, archive: &Path) -> Output {
    world.dkms(&format!("ldtarball {}", archive.display()))
}

/// What a package has in the tree and in the source tree.
fn package(world: &World) -> Snapshot {
    let tree = Snapshot::of(&world.tree().join("box/1.0")).without(|path| path.starts_with("tarball"));
    tree.with(Snapshot::of(&world.path("usr/src/box-1.0")).below("source tree"))
}

/// Everything that loading could have touched.
fn everything(world: &World) -> Snapshot {
    world.snapshot().with(world.sources())
}

fn status(world: &World) -> String {
    world.dkms("status").expect(0).stdout
}

#[test]
fn every_kernel_of_a_tarball_is_loaded_and_nothing_is_lost_on_the_way() {
    let from = built_twice();
    let archive = made(&from, "--all");
    let to = World::generic();
    load(&to, &archive).expect(0);
    let complete = |world: &World| package(world).without(|path| path.ends_with("build")).without_records();
    complete(&from).assert_same(&complete(&to), "on the way through a tarball");
    assert_eq!(status(&from), status(&to));
    assert!(status(&to).contains(ELSEWHERE), "{}", status(&to));
    to.dkms(&format!("install box/1.0 -k {}", kernel())).expect(0);
    assert!(status(&to).contains("installed"), "{}", status(&to));
}

#[test]
fn files_keep_their_times_and_modes_so_that_make_sees_what_it_saw() {
    let from = built_box_with_files();
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let file = |world: &World, name: &str| world.path("usr/src/box-1.0").join(name);
    fs::File::open(file(&from, "Makefile")).unwrap().set_modified(old).unwrap();
    let archive = made(&from, "--all");
    let to = World::generic();
    load(&to, &archive).expect(0);
    assert_eq!(fs::metadata(file(&to, "Makefile")).unwrap().modified().unwrap(), old);
}

/// Has a program compress a file of the world's directory.
fn compress(world: &World, program: &str, options: &[&str], file: &str) {
    tool::run(Command::new(program).args(options).arg("-k").arg(world.path(file)));
}

#[test]
fn the_name_of_a_tarball_says_how_it_is_compressed_as_with_tar() {
    let world = built_box_with_files();
    for (name, first_bytes) in [
        ("a.taz", &[0x1f, 0x8b][..]),
        ("a.tzst", &[0x28, 0xb5, 0x2f, 0xfd]),
        ("a.xz", b"\xfd7zXZ"),
        ("a.tar", b"./"),
        ("a.dkms", b"./"),
        ("plain", b"./"),
    ] {
        let file = world.path(name);
        let line = format!("mktarball box/1.0 -k {} --archive {}", kernel(), file.display());
        world.peer(&line).expect(0);
        let of_peer = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        world.dkms(&line).expect(0);
        let ours = fs::read(&file).unwrap();
        assert!(of_peer.starts_with(first_bytes), "{name}: dkms: {:x?}", &of_peer[..6]);
        // The first member of a tarball is named with or without `./`.
        assert!(ours.starts_with(first_bytes) || (first_bytes == b"./" && ours.starts_with(b"dkms_")), "{name}");
        for action in ["ldtarball", "add"] {
            world.dkms("remove box/1.0 --all").expect(0);
            world.dkms(&format!("{action} {}", file.display())).expect(0);
            assert!(status(&world).ends_with(": built\n"), "{action} {name}: {}", status(&world));
        }
    }
    for name in ["a.tar.bz2", "a.tar.lzma", "a.tar.Z"] {
        let file = world.path(name);
        let out = world.dkms(&format!("mktarball box/1.0 -k {} --archive {}", kernel(), file.display())).expect(1);
        out.expect_error("which is not supported: let its name end in .tar.gz");
        assert!(!file.exists());
    }
}

#[test]
fn a_tarball_is_loaded_however_it_is_compressed_or_says_how_to_pack_it() {
    let from = built_box_with_files();
    let line = format!("mktarball box/1.0 -k {} --archive {}", kernel(), from.path("a.tar").display());
    from.dkms(&line).expect(0);
    compress(&from, "xz", &["--format=lzma"], "a.tar");
    compress(&from, "bzip2", &[], "a.tar");
    for name in ["a.tar.lzma", "a.tar.bz2"] {
        let to = World::generic();
        load(&to, &from.path(name)).expect(0);
        assert!(status(&to).ends_with(": built\n"), "{name}: {}", status(&to));
    }
    let to = World::generic();
    fs::write(from.path("a.tar.lz"), b"LZIP\x01").unwrap();
    let before = everything(&to);
    load(&to, &from.path("a.tar.lz")).expect(7).expect_error("compressed with lzip, which is not supported: unpack it");
    everything(&to).assert_same(&before, "a tarball that is not loaded");
}

#[test]
fn dkms_loads_and_installs_what_was_made_here() {
    let from = built_box_with_files();
    let archive = made(&from, "--all");
    let to = World::generic();
    to.peer(&format!("ldtarball {}", archive.display())).expect(0);
    assert_eq!(to.peer("status").stdout, format!("box/1.0, {}, {}: built\n", kernel(), kernel::arch()));
    to.peer(&format!("install box/1.0 -k {}", kernel())).expect(0);
    assert!(to.peer("status").stdout.contains("installed"));
}

#[test]
fn what_dkms_made_is_loaded_and_installed_here() {
    let from = World::generic();
    from.add_package(&Package::new("box", "1.0"));
    from.peer(&format!("build box/1.0 -k {}", kernel())).expect(0);
    for options in ["", "--source-only", "--binaries-only"] {
        let archive = from.path(format!("peer{options}.tar.gz"));
        let line = format!("mktarball box/1.0 -k {} {options} --archive {}", kernel(), archive.display());
        from.peer(&line).expect(0);
        let to = World::generic();
        load(&to, &archive).expect(0);
        if options == "--source-only" {
            assert_eq!(status(&to), "box/1.0: added\n");
        } else {
            assert_eq!(status(&to), format!("box/1.0, {}, {}: built\n", kernel(), kernel::arch()));
        }
        to.dkms(&format!("install box/1.0 -k {}", kernel())).expect(0);
        assert!(status(&to).contains("installed"), "{options}: {}", status(&to));
    }
}

#[test]
fn a_tarball_has_what_dkms_2_asks_for() {
    let world = built_box_with_files();
    let archive = made(&world, "--all");
    let text = |member: &str| tool::run(Command::new("tar").arg("-xzOf").arg(&archive).arg(member));
    assert_eq!(text("dkms_main_tree/dkms_dbversion"), "2.0.0\n");
    let archive = made(&world, "--all --binaries-only");
    let text = |member: &str| tool::run(Command::new("tar").arg("-xzOf").arg(&archive).arg(member));
    assert_eq!(text("dkms_binaries_only/PACKAGE_NAME"), "box\n");
    assert_eq!(text("dkms_binaries_only/PACKAGE_VERSION"), "1.0\n");
}

#[test]
fn the_same_tree_gives_the_same_tarball() {
    let world = built_twice();
    let first = fs::read(made(&world, "--all")).unwrap();
    assert!(first == fs::read(made(&world, "--all")).unwrap(), "two tarballs of one tree differ");
}

#[test]
fn binaries_without_source_can_be_seen_installed_and_removed() {
    let archive_of = built_box_with_files();
    let archive = made(&archive_of, "--all --binaries-only");
    let to = World::generic();
    let before = everything(&to);
    load(&to, &archive).expect(0);
    to.dkms(&format!("install box/1.0 -k {}", kernel())).expect(0);
    assert!(status(&to).contains("installed"), "{}", status(&to));
    to.dkms("remove box/1.0 --all").expect(0);
    assert_eq!(status(&to), "");
    let indices = |path: &Path| path.to_string_lossy().contains("/modules.");
    before.without(indices).assert_same(&everything(&to).without(indices), "load, install, remove");
}

#[test]
fn results_go_where_dkms_puts_them() {
    let world = built_box_with_files();
    let name = format!("box-1.0-kernel{}-{}.dkms.tar.gz", kernel(), kernel::arch());
    let out = world.dkms(&format!("mktarball box/1.0 -k {}", kernel())).expect(0);
    assert!(world.tree().join("box/1.0/tarball").join(&name).is_file(), "{out}");
    world.dkms("mktarball box/1.0 --source-only").expect(0);
    assert!(world.tree().join("box/1.0/tarball/box-1.0-source-only.dkms.tar.gz").is_file());
    world.dkms(&format!("mktarball box/1.0 -k {} --archive other.tar", kernel())).expect(0);
    assert!(world.tree().join("box/1.0/tarball/other.tar").is_file());
}

#[test]
fn what_cannot_be_made_is_refused_with_the_codes_of_dkms() {
    let world = built_box_with_files();
    let before = everything(&world);
    world.dkms("mktarball box/2.0").expect(3);
    world.dkms("mktarball box").expect(1).expect_error("version");
    world.dkms("mktarball box/1.0 -k 9.9").expect(6).expect_error("--source-only");
    world.dkms("mktarball box/1.0 --source-only --binaries-only").expect(8);
    world.dkms("mktarball box/1.0 --no-such-option").expect(2);
    world.dkms("mktarball box/1.0 --all --archive x.tar.bz2").expect(1).expect_error(".tar.gz");
    let line = "mktarball box/1.0 --all --archive /boot/x.tar.gz";
    world.program(world.path("bin/dkms")).words(line).read_only("/boot").run().expect(9);
    before.assert_same(&everything(&world), "refused commands");
}

#[test]
fn add_build_and_install_take_archives() {
    let from = built_box_with_files();
    let archive = made(&from, "--source-only");
    for (action, state) in [("add", "added"), ("build", "built"), ("install", "installed")] {
        let to = World::generic();
        to.dkms(&format!("{action} {} -k {}", archive.display(), kernel())).expect(0);
        assert!(status(&to).contains(state), "{action}: {}", status(&to));
    }
}

#[test]
fn source_in_an_ordinary_tarball_is_added_however_it_is_compressed() {
    let from = World::new(&[]);
    let source = from.path("upstream-1.0/driver");
    Package::new("box", "1.0").write(&source);
    for (suffix, option) in [("tar", ""), ("tar.gz", "z"), ("tar.xz", "J"), ("tar.bz2", "j"), ("tar.zst", "-zstd")] {
        let archive = from.path(format!("upstream.{suffix}"));
        let mut command = Command::new("tar");
        command.arg("-C").arg(from.dir()).arg("-cf").arg(&archive).arg("upstream-1.0");
        match option {
            "" => {}
            option => {
                command.arg(format!("-{option}"));
            }
        }
        tool::run(&mut command);
        let to = World::generic();
        load(&to, &archive).expect(0);
        assert_eq!(status(&to), "box/1.0: added\n", "{suffix}");
        Snapshot::of(&source).assert_same(&Snapshot::of(&to.path("usr/src/box-1.0")), suffix);
    }
}

#[test]
fn a_package_that_is_there_is_replaced_with_force_only() {
    let from = built_twice();
    let archive = made(&from, "--all");
    let to = World::generic();
    load(&to, &archive).expect(0);
    let loaded = everything(&to);
    load(&to, &archive).expect(8).expect_error("--force");
    loaded.assert_same(&everything(&to), "a refused load");

    fs::write(to.path("usr/src/box-1.0/left-over"), "").unwrap();
    fs::write(to.tree().join(format!("box/1.0/{ELSEWHERE}/{}/module/box.ko", kernel::arch())), "damaged").unwrap();
    to.dkms(&format!("ldtarball --force --archive {}", archive.display())).expect(0);
    loaded.assert_same(&everything(&to), "a forced load");
}

#[test]
fn a_dry_run_shows_what_would_be_loaded_and_loads_nothing() {
    let from = built_twice();
    let archive = made(&from, "--all");
    let to = World::generic();
    let before = everything(&to);
    let out = to.dkms(&format!("ldtarball {} --dry-run", archive.display())).expect(0);
    assert!(out.stdout.contains("load box/1.0") && out.stdout.contains(ELSEWHERE), "{out}");
    before.assert_same(&everything(&to), "a dry run");
}

/// Kills a command at each of its journal's points: run again, it leads to
/// where it leads when nobody kills it, or says that all is there already.
fn survives(start: &World, command: &str, done: &Snapshot) {
    let run = |world: &World, kill_at: Option<u32>| {
        let run = world.program(world.path("bin/dkms")).words(command);
        kill_at.into_iter().fold(run, |run, point| run.kill_at(point)).run()
    };
    for point in 1..500 {
        let world = start.duplicate();
        if !run(&world, Some(point)).killed() {
            assert!(point > 5, "`{command}` has only {point} points");
            return;
        }
        let out = run(&world, None).expect_no_panic();
        assert!([0, 8].contains(&out.code), "killed at point {point}: {out}");
        done.assert_same(&everything(&world), &format!("`{command}`, killed at point {point}, then run again"));
    }
    panic!("`{command}` is always killed");
}

#[test]
fn loading_killed_anywhere_leaves_all_or_nothing() {
    let from = built_twice();
    let archive = made(&from, "--all");
    let done = World::generic();
    load(&done, &archive).expect(0);
    survives(&World::generic(), &format!("ldtarball {}", archive.display()), &everything(&done));
}

#[test]
fn packing_killed_anywhere_leaves_all_or_nothing() {
    let start = built_box_with_files();
    let done = start.duplicate();
    done.dkms("mktarball box/1.0 --all").expect(0);
    survives(&start, "mktarball box/1.0 --all", &everything(&done));
}

/// A tarball of `box/1.0`, and members that its maker should not have put in.
struct Hostile(tar::Builder<Vec<u8>>);

impl Hostile {
    fn new() -> Self {
        let conf = "PACKAGE_NAME=\"box\"\nPACKAGE_VERSION=\"1.0\"\nBUILT_MODULE_NAME[0]=\"box\"\n\
            DEST_MODULE_LOCATION[0]=\"/kernel/drivers/misc\"\n";
        Self(tar::Builder::new(Vec::new())).file("dkms_source_tree/dkms.conf", conf).member(
            "dkms_source_tree/inside",
            EntryType::Symlink,
            "dkms.conf",
        )
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.add(name, EntryType::Regular, "", content, content.len() as u64)
    }

    fn member(self, name: &str, kind: EntryType, link: &str) -> Self {
        self.add(name, kind, link, "", 0)
    }

    fn add(mut self, name: &str, kind: EntryType, link: &str, content: &str, size: u64) -> Self {
        let mut header = tar::Header::new_gnu();
        // As bytes: the library refuses to write such names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o6777);
        header.set_size(size);
        header.set_cksum();
        self.0.append(&header, content.as_bytes()).expect("memory takes it");
        self
    }

    fn write(self, world: &World) -> PathBuf {
        let archive = world.path("hostile.tar");
        fs::write(&archive, self.0.into_inner().expect("memory takes it")).unwrap();
        archive
    }
}

#[test]
fn members_that_leave_the_archive_or_are_no_files_are_refused_without_a_trace() {
    use EntryType::{Block, Char, Fifo, Link, Regular, Symlink};
    let world = World::generic();
    let outside = world.path("outside");
    fs::create_dir(&outside).unwrap();
    let (absolute, there) = (outside.join("x").display().to_string(), outside.display().to_string());
    let before = everything(&world);
    let members: [(&str, EntryType, &str, &str); 17] = [
        (&absolute, Regular, "", "would leave"),
        ("../outside/x", Regular, "", "would leave"),
        ("dkms_source_tree/../../x", Regular, "", "would leave"),
        ("dkms_source_tree/link", Symlink, &there, "outside of the archive"),
        ("dkms_source_tree/link", Symlink, "../../outside", "outside of the archive"),
        ("dkms_source_tree/link", Symlink, "inside/../../..", "outside of the archive"),
        // Inside the archive, and outside where the source will be.
        ("dkms_source_tree/link", Symlink, "../dkms_main_tree", "outside of the archive"),
        ("dkms_source_tree/link", Link, "../../../../../etc/passwd", "not in the archive"),
        ("dkms_source_tree/link", Link, "dkms_source_tree/inside", "not in the archive"),
        ("dkms_source_tree/dkms.conf", Symlink, "inside", "occurs twice"),
        ("dkms_source_tree/null", Char, "", "neither a file"),
        ("dkms_source_tree/disk", Block, "", "neither a file"),
        ("dkms_source_tree/pipe", Fifo, "", "neither a file"),
        ("dkms_main_tree/source/x86_64/module/x.ko", Regular, "", "not a kernel that modules were built for"),
        ("dkms_main_tree/6.1/x86_64/module/x.ko", Symlink, "y.ko", "is a link"),
        ("dkms_main_tree/6.1/x86_64/module/.modsmith.json", Regular, "", "only modsmith itself uses"),
        ("dkms_main_tree/6.1/x86_64/module/.modsmith/x", Regular, "", "only modsmith itself uses"),
    ];
    for (name, kind, link, why) in members {
        let archive = Hostile::new().member(name, kind, link).write(&world);
        load(&world, &archive).expect(7).expect_error("was not loaded").expect_error(why);
        before.assert_same(&everything(&world), &format!("{kind:?} {name} -> {link}"));
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{kind:?} {name} -> {link}");
    }
}

#[test]
fn no_member_is_reached_through_a_link() {
    let world = World::generic();
    let before = everything(&world);
    let archive = Hostile::new()
        .member("dkms_source_tree/link", EntryType::Symlink, ".")
        .file("dkms_source_tree/link/through", "harm")
        .write(&world);
    load(&world, &archive).expect(7).expect_error("below a file that is not a directory");
    before.assert_same(&everything(&world), "a member below a link");
}

#[test]
fn nobody_but_the_owner_can_write_what_was_loaded() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::generic();
    load(&world, &Hostile::new().file("dkms_source_tree/s", "").write(&world)).expect(0);
    let mode = fs::metadata(world.path("usr/src/box-1.0/s")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

/// Another archive with the contents of one, and more files beside the modules of the machine's kernel.
fn with_files(world: &World, archive: &Path, files: &[(&str, &str)]) -> PathBuf {
    let (contents, packed) = (world.path("contents"), world.path("more.tar.gz"));
    fs::create_dir(&contents).unwrap();
    tool::run(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&contents));
    for (name, text) in files {
        let file = contents.join("dkms_main_tree").join(kernel()).join(kernel::arch()).join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    tool::run(Command::new("tar").arg("-czf").arg(&packed).arg("-C").arg(&contents).arg("."));
    fs::remove_dir_all(&contents).unwrap();
    packed
}

#[test]
fn a_record_in_an_archive_is_not_believed_and_deletes_no_module_of_the_kernels() {
    let from = built_box_with_files();
    let record = r#"{"schema_version":1,"conf":[],"modules":[
        {"name":"box","product":"box.ko","installed":"kernel/drivers/misc/box.ko"},
        {"name":"resident","product":"resident.ko","installed":"kernel/drivers/misc/resident.ko"}],
        "confinement":{"level":"full"},"store":{"identity":"sha256:forged","reused":true}}"#;
    let archive = with_files(&from, &made(&from, "--all"), &[(".modsmith.json", record)]);
    let to = World::generic();
    load(&to, &archive).expect(0).expect_error("this is not loaded: `.modsmith.json`");
    assert!(!to.tree().join("box/1.0").join(kernel()).join(kernel::arch()).join(".modsmith.json").exists());
    let told = to.modsmith("status --json").expect(0).stdout;
    assert!(!told.contains("\"full\"") && !told.contains("sha256:forged"), "{told}");
    to.dkms(&format!("install box/1.0 -k {}", kernel())).expect(0);
    let told = to.modsmith("status --json").expect(0).stdout;
    assert!(!told.contains("\"full\"") && !told.contains("sha256:forged"), "{told}");
    to.dkms(&format!("uninstall box/1.0 -k {}", kernel())).expect(0);
    assert!(to.modules(&kernel()).join("kernel/drivers/misc/resident.ko").is_file(), "the kernel's own module");
    assert!(status(&to).contains("built"), "{}", status(&to));
}

#[test]
fn of_what_was_built_only_files_that_are_known_by_name_get_into_the_tree() {
    let from = built_box_with_files();
    let plain = made(&from, "--all");
    let known = [("module/Module.symvers", "0x1 box_symbol box EXPORT_SYMBOL\n"), (".dep_other", "1.0\n")];
    let unknown = [
        ("log/config-6.1", "CONFIG_X=y\n"),
        ("log/make.log.old", ""),
        ("module/README", ""),
        ("module/.box.ko", ""),
        ("module/.ko", ""),
        ("module/below/box.ko", ""),
        ("original_module/box.ko", ""),
        (".dep_.hidden", ""),
        ("box.ko.origin", ""),
    ];
    let loaded = |archive: &Path, warned: bool| {
        let to = World::generic();
        let out = load(&to, archive).expect(0);
        assert_eq!(out.stderr.contains("this is not loaded"), warned, "{out}");
        package(&to)
    };
    let expected = loaded(&with_files(&from, &plain, &known), false);
    let more = with_files(&from, &plain, &[&known[..], &unknown].concat());
    expected.assert_same(&loaded(&more, true), "files that are not known");
}

#[test]
fn names_that_are_longer_than_any_are_refused_without_a_trace() {
    let world = World::generic();
    let before = everything(&world);
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader, EntryType::XGlobalHeader] {
        let long = "a".repeat(3 << 20);
        let archive =
            Hostile::new().add("long", kind, "", &long, 3 << 20).file("dkms_source_tree/file", "").write(&world);
        load(&world, &archive).expect(7).expect_error("of at most 1 MiB");
        before.assert_same(&everything(&world), &format!("{kind:?}"));
    }
}

#[test]
fn a_truncated_tarball_is_refused_without_a_trace() {
    let from = built_box_with_files();
    let whole = fs::read(made(&from, "--all")).unwrap();
    let world = World::generic();
    let before = everything(&world);
    let archive = world.path("short.tar.gz");
    for length in [1, 10, 100, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        fs::write(&archive, &whole[..length]).unwrap();
        let out = load(&world, &archive).expect_no_panic();
        assert!([3, 7].contains(&out.code), "{length} of {} bytes: {out}", whole.len());
        before.assert_same(&everything(&world), &format!("{length} of {} bytes", whole.len()));
    }
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_refused_without_a_trace() {
    let world = World::generic();
    let before = everything(&world);
    let archive = Hostile::new().add("dkms_source_tree/zeros", EntryType::Regular, "", "", 3 << 30).write(&world);
    load(&world, &archive).expect(7).expect_error("unpacks to more than 2 GiB");
    before.assert_same(&everything(&world), "a bomb");
}

#[test]
fn what_is_no_archive_of_a_package_is_refused_with_the_codes_of_dkms() {
    let world = World::generic();
    let before = everything(&world);
    world.dkms("ldtarball /no/such.tar.gz").expect(2).expect_error("/no/such.tar.gz");
    world.dkms("ldtarball").expect(2).expect_error("file to load");
    let text = world.path("text.tar.gz");
    fs::write(&text, "no archive at all, but long enough to be looked at as one ".repeat(40)).unwrap();
    load(&world, &text).expect(7);
    world.dkms(&format!("add {}", world.path("etc/../text.tar.gz").display())).expect(7);
    let empty = world.path("empty.tar");
    tool::run(Command::new("tar").arg("-cf").arg(&empty).args(["-T", "/dev/null"]));
    load(&world, &empty).expect(3).expect_error("dkms.conf");
    let bad = "PACKAGE_NAME=\"box;reboot\"\nPACKAGE_VERSION=\"1.0\"\nBUILT_MODULE_NAME[0]=\"box\"\n\
        DEST_MODULE_LOCATION[0]=\"/kernel/drivers/misc\"\n";
    let named = Hostile(tar::Builder::new(Vec::new())).file("dkms_source_tree/dkms.conf", bad).write(&world);
    load(&world, &named).expect(8).expect_error("box;reboot");
    fs::remove_file(named).unwrap();
    let other = world.path("package.unknown");
    fs::write(&other, "x").unwrap();
    world.dkms(&format!("add {}", other.display())).expect(7).expect_error("make it again");
    before.assert_same(&everything(&world), "refused archives");
}
