//! Arch's packages: read, installed, verified, upgraded and removed by pacman
//! itself, and loaded into another tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::fixture::Package;
use modsmith_tests::{Output, Snapshot, World, debian, paths, tool};

/// Of Debian: one module, several, and one with scripts.
const PACKAGES: [&str; 3] = ["bbswitch-dkms", "jool-dkms", "dm-writeboost-dkms"];

/// A system of pacman's own below a directory.
struct Pacman {
    dir: tempfile::TempDir,
}

impl Pacman {
    fn new() -> Self {
        let dir = tempfile::tempdir_in(paths::cache("worlds")).expect("a directory");
        for own in ["root", "db", "cache", "hooks", "gpg"] {
            fs::create_dir(dir.path().join(own)).expect("writable");
        }
        let config = "[options]\nArchitecture = auto\nSigLevel = Never\nLocalFileSigLevel = Never\n";
        fs::write(dir.path().join("pacman.conf"), config).expect("writable");
        Self { dir }
    }

    fn run(&self, words: &str) -> Output {
        let location = |name: &str| self.dir.path().join(name).display().to_string();
        let mut pacman = Command::new(tool::path("pacman"));
        for (option, place) in
            [("config", "pacman.conf"), ("root", "root"), ("dbpath", "db"), ("cachedir", "cache"), ("hookdir", "hooks")]
        {
            pacman.arg(format!("--{option}")).arg(location(place));
        }
        pacman
            .args(["--gpgdir", &location("gpg"), "--logfile", &location("log"), "--noconfirm"])
            .env("LC_ALL", "C.UTF-8");
        tool::output(pacman.args(words.split_whitespace()))
    }

    /// Where what is installed is.
    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// Installs, on a system that is said to have dkms.
    fn install(&self, package: &Path) -> Output {
        self.run(&format!("-U --assume-installed dkms=3.4.3 {}", package.display())).expect(0)
    }
}

/// The only file of a directory.
fn only_file(directory: &Path) -> PathBuf {
    let mut files = fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let file = files.next().expect("one file").expect("it can be read").path();
    assert!(files.next().is_none(), "several files in {}", directory.display());
    file
}

/// The package that is made of a source in a world.
fn made(world: &World, id: &str) -> PathBuf {
    world.dkms(&format!("mkpacman {id}")).expect(0);
    only_file(&world.tree().join(id).join("pacman"))
}

/// A world with a source of Debian's, its id and its directory's name.
fn added(package: &str) -> (World, String, String) {
    let source = debian::source(package);
    let directory = source.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let (name, version) = directory.rsplit_once('-').expect("NAME-VERSION");
    let (world, id) = (World::generic(), format!("{name}/{version}"));
    world.copy_source(&source);
    world.dkms(&format!("add {id}")).expect(0);
    (world, id, directory)
}

#[test]
fn pacman_installs_verifies_and_removes_packages_of_real_sources() {
    for package in PACKAGES {
        let (world, id, directory) = added(package);
        let file = made(&world, &id);
        let pacman = Pacman::new();
        let information = pacman.run(&format!("-Qip {}", file.display())).expect(0);
        let (name, version) = id.split_once('/').expect("an id");
        let name = format!("{}-dkms", name.trim_end_matches("-dkms"));
        for line in [
            format!("Name            : {name}"),
            format!("Version         : {version}-1"),
            "Architecture    : any".into(),
            "Depends On      : dkms".into(),
        ] {
            assert!(information.stdout.contains(&line), "{line}: {information}");
        }
        assert_eq!(information.stderr, "", "{information}");
        let listed = pacman.run(&format!("-Qlp {}", file.display())).expect(0);
        assert!(listed.stdout.contains(&format!("usr/src/{directory}/dkms.conf")), "{listed}");

        let refused = pacman.run(&format!("-U {}", file.display()));
        assert!(refused.code != 0 && refused.stderr.contains("dkms"), "{refused}");
        pacman.install(&file);
        let installed = Snapshot::of(&pacman.root().join("usr/src").join(&directory));
        Snapshot::of(&world.path("usr/src").join(&directory)).assert_same(&installed, package);
        let verified = pacman.run(&format!("-Qkk {name}")).expect(0);
        assert!(verified.stdout.contains(" 0 altered files"), "{verified}");
        fs::write(pacman.root().join("usr/src").join(&directory).join("dkms.conf"), "changed").expect("writable");
        let verified = pacman.run(&format!("-Qkk {name}"));
        assert!(verified.stdout.contains(" 1 altered file"), "{verified}");

        pacman.run(&format!("-R {name}")).expect(0);
        assert!(!pacman.root().join("usr/src").exists(), "something is left behind");
    }
}

/// Larger than what is compressed at once.
#[test]
fn a_large_source_is_installed_and_verified() {
    let world = World::generic();
    let text: String = (0..300_000).map(|number| format!("#define CONSTANT_{number} {}\n", number * 7919)).collect();
    let source = world.add_package(&Package::new("box", "1.0").file("constants.h", text));
    world.dkms("add box/1.0").expect(0);
    let pacman = Pacman::new();
    pacman.install(&made(&world, "box/1.0"));
    Snapshot::of(&source).assert_same(&Snapshot::of(&pacman.root().join("usr/src/box-1.0")), "installed");
    let verified = pacman.run("-Qkk box-dkms").expect(0);
    assert!(verified.stdout.contains(" 0 altered files"), "{verified}");
}

#[test]
fn an_upgrade_replaces_the_source_of_the_version_before() {
    let world = World::generic();
    let packages = ["1.0-beta", "1.0", "1.1"].map(|version| {
        world.add_package(&Package::new("box", version).script("tool", "true"));
        world.dkms(&format!("add box/{version}")).expect(0);
        made(&world, &format!("box/{version}"))
    });
    let pacman = Pacman::new();
    // pacman takes a version with a letter for older than the same without.
    assert!(packages[0].ends_with("box-dkms-1.0_beta-1-any.pkg.tar.zst"), "{packages:?}");
    for (package, version) in packages[1..].iter().zip(["1.0", "1.1"]) {
        pacman.install(package);
        let source = only_file(&pacman.root().join("usr/src"));
        assert!(source.ends_with(format!("box-{version}")), "{}", source.display());
        let listed = pacman.run("-Q").expect(0).stdout;
        assert_eq!(listed, format!("box-dkms {version}-1\n"));
    }
    let verified = pacman.run("-Qkk box-dkms").expect(0);
    assert!(verified.stdout.contains(" 0 altered files"), "{verified}");
}

#[test]
fn a_package_goes_from_one_tree_to_another_and_installs_there() {
    for package in PACKAGES {
        let (from, id, directory) = added(package);
        let file = made(&from, &id);
        let to = World::generic();
        to.dkms(&format!("add {}", file.display())).expect(0);
        assert_eq!(to.dkms("status").expect(0).stdout, from.dkms("status").expect(0).stdout);
        let source = |world: &World| Snapshot::of(&world.path("usr/src").join(&directory));
        source(&from).assert_same(&source(&to), package);
    }
    let kernel = modsmith_tests::kernel::newest(modsmith_tests::kernel::Flavour::Generic);
    let (from, id, _) = added("bbswitch-dkms");
    let file = made(&from, &id);
    let to = World::generic();
    to.dkms(&format!("install {} -k {kernel}", file.display())).expect(0);
    from.dkms(&format!("install {id} -k {kernel}")).expect(0);
    assert_eq!(to.dkms("status").expect(0).stdout, from.dkms("status").expect(0).stdout);
    // Each machine signs with a key of its own.
    assert!(to.modules(&kernel).join("updates/dkms/bbswitch.ko").is_file(), "it is installed");
}

/// Its directory is no kernel's.
#[test]
fn what_was_made_neither_counts_as_built_nor_outlives_its_package() {
    let world = World::generic();
    world.add_package(&Package::new("box", "1.0"));
    let before = world.snapshot();
    world.dkms("add box/1.0").expect(0);
    made(&world, "box/1.0");
    assert_eq!(world.dkms("status").expect(0).stdout, "box/1.0: added\n");
    world.dkms("remove box/1.0 --all").expect(0);
    before.assert_same(&world.snapshot(), "add, mkpacman, remove");
}

#[test]
fn the_same_source_gives_the_same_package_whenever_and_wherever() {
    let packages = [0, 1].map(|_| {
        let (world, id, directory) = added("jool-dkms");
        let conf = world.path("usr/src").join(directory).join("dkms.conf");
        let touched = fs::File::open(conf).expect("it is there");
        touched.set_modified(std::time::SystemTime::now()).expect("it is ours");
        fs::read(made(&world, &id)).expect("it was made")
    });
    assert!(packages[0] == packages[1], "two packages of the same source differ");
}

#[test]
fn the_date_of_the_source_is_the_date_of_everything_in_a_package() {
    let (world, id, _) = added("bbswitch-dkms");
    let make = world.program(world.path("bin/dkms")).words(&format!("mkpacman {id}"));
    make.env("SOURCE_DATE_EPOCH", "1234567890").run().expect(0);
    let file = only_file(&world.tree().join(&id).join("pacman"));
    let listed = tool::run(Command::new("tar").args(["--zstd", "--utc", "--full-time", "-tvf"]).arg(&file));
    assert!(listed.lines().count() > 5, "{listed}");
    assert!(listed.lines().all(|line| line.contains("root/root") && line.contains("2009-02-13 23:31:30")), "{listed}");
    let information = Pacman::new().run(&format!("-Qip {}", file.display())).expect(0);
    assert!(information.stdout.contains("Feb 13"), "{information}");
}

#[test]
fn what_cannot_be_a_package_is_refused_and_leaves_nothing() {
    let world = World::generic();
    world.add_package(&Package::new("box", "1:2.0"));
    world.dkms("add box/1:2.0").expect(0);
    let before = world.snapshot();
    world.dkms("mkpacman box/1:2.0").expect(1).expect_error("no version of a pacman package");
    world.dkms("mkpacman nothing/1.0").expect(3);
    world.dkms("mkpacman box/1:2.0 --no-such-option").expect(2);
    before.assert_same(&world.snapshot(), "refused commands");
}

#[test]
fn a_full_disk_leaves_no_part_of_a_package() {
    let world = World::generic();
    // Nothing that could be compressed.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(200_000)
    .collect();
    world.add_package(&Package::new("box", "1.0").file("firmware", noise));
    let script = "dkms add box/1.0 >/dev/null || exit 9
                  find /var/lib/dkms | sort >/boot/before
                  dkms mkpacman box/1.0; echo \"code $?\"
                  find /var/lib/dkms | sort | diff /boot/before -";
    let out = world.shell(script).small("/var/lib/dkms", 100).run().expect_no_panic();
    assert_eq!((out.code, out.stdout.as_str()), (0, "code 7\n"), "{out}");
    out.expect_error("pace");
}

#[test]
fn a_file_that_is_no_package_of_a_source_is_refused_without_a_trace() {
    let world = World::generic();
    let before = world.snapshot().with(world.sources());
    let file = world.path("x-1-1-any.pkg.tar.zst");
    let packed = |files: &[(&str, &str)]| {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, contents) in files {
            let location = dir.path().join(name);
            fs::create_dir_all(location.parent().expect("below it")).expect("writable");
            fs::write(location, contents).expect("writable");
        }
        tool::run(Command::new("tar").args(["--zstd", "-cf"]).arg(&file).arg("-C").arg(dir.path()).arg("."));
    };
    let refused = |why: &str| {
        let out = world.dkms(&format!("add {}", file.display())).expect(7);
        out.expect_error("x-1-1-any.pkg.tar.zst").expect_error(why);
        before.assert_same(&world.snapshot().with(world.sources()), why);
    };
    fs::write(&file, "no package at all, but long enough to be looked at").expect("writable");
    refused("was not loaded");
    packed(&[("usr/bin/program", "x"), (".PKGINFO", "pkgname = x\n")]);
    refused("no directory of usr/src in the package has a dkms.conf");
    packed(&[("usr/src/a-1/dkms.conf", ""), ("usr/src/b-1/dkms.conf", "")]);
    refused("a-1, b-1");

    // A member that climbs out.
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("x"), "harm").expect("writable");
    let mut climbing = Command::new("tar");
    climbing.args(["--zstd", "-P", "--transform", "s,^x,../../outside/x,", "-cf"]).arg(&file).current_dir(dir.path());
    tool::run(climbing.arg("x"));
    refused("would leave");
}

#[test]
fn the_plugin_runs_no_program() {
    let plugin = World::new(&[]).modsmith("plugin inspect pacman --json").expect(0).json();
    assert_eq!(plugin["manifest"]["run"].as_array().map_or(0, Vec::len), 0, "{plugin}");
    assert_eq!(plugin["manifest"]["read"]["roots"], serde_json::json!(["source"]));
}
