//! Debian packages of real module packages, read, checked, rebuilt and loaded:
//! Debian's own tools say what they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use modsmith_tests::kernel::{self, Flavour};
use modsmith_tests::{Output, Snapshot, World, debian, tool};

const SCRIPTS: [&str; 2] = ["DEBIAN/postinst", "DEBIAN/prerm"];

/// A world in which a package of Debian's is built, and each format made of it.
struct Made {
    world: World,
    id: String,
    kernel: String,
}

impl Made {
    fn of(package: &str) -> Self {
        let made = Self::built(package);
        for action in ["mkdeb", "mkbmdeb", "mkdsc"] {
            made.make(action, "");
        }
        made
    }

    fn built(package: &str) -> Self {
        let source = debian::source(package);
        let kernel = kernel::newest(Flavour::Generic);
        let (world, id) = (World::generic(), debian::id(&source));
        world.copy_source(&source);
        world.dkms(&format!("build {id} -k {kernel}")).expect(0);
        Self { world, id, kernel }
    }

    fn make(&self, action: &str, options: &str) -> Output {
        self.world.dkms(&format!("{action} {} -k {} {options}", self.id, self.kernel)).expect(0)
    }

    /// The result of a format whose name ends so.
    fn file(&self, directory: &str, suffix: &str) -> PathBuf {
        let directory = self.world.tree().join(&self.id).join(directory);
        let names = fs::read_dir(&directory).unwrap_or_else(|e| panic!("no {}: {e}", directory.display()));
        let fitting = |path: &PathBuf| path.to_string_lossy().ends_with(suffix);
        let found: Vec<PathBuf> = names.map(|entry| entry.expect("readable").path()).filter(fitting).collect();
        assert_eq!(found.len(), 1, "one {suffix} in {}: {found:?}", directory.display());
        found[0].clone()
    }

    /// Names of the modules in the tree.
    fn modules(&self) -> Vec<String> {
        let built = self.world.tree().join(&self.id).join(&self.kernel).join(kernel::arch()).join("module");
        names(&Snapshot::of(&built))
    }

    /// `NAME-VERSION`, as the source is called.
    fn directory(&self) -> String {
        self.id.replacen('/', "-", 1)
    }
}

/// Names of the modules in a directory.
fn names(files: &Snapshot) -> Vec<String> {
    files.modules().iter().map(|path| path.file_name().expect("a file").to_string_lossy().into_owned()).collect()
}

/// A package's files, and its control files below `DEBIAN`.
fn unpacked(deb: &Path, into: &Path) -> Snapshot {
    tool::run(Command::new(tool::path("dpkg-deb")).arg("-R").arg(deb).arg(into));
    Snapshot::of(into)
}

fn field(deb: &Path, name: &str) -> String {
    tool::run(Command::new(tool::path("dpkg-deb")).arg("-f").arg(deb).arg(name)).trim_end().to_owned()
}

/// Fails for each error that lintian finds. Others depend on what the module's
/// author left in the source.
fn check(file: &Path) {
    tool::run(Command::new(tool::path("lintian")).args(["--allow-root", "--fail-on", "error"]).arg(file));
}

fn real_package(package: &str, modules: usize) {
    let made = Made::of(package);
    let debs = tempfile::tempdir().expect("a temporary directory");
    assert_eq!(made.modules().len(), modules);

    // The source, and what is built of it.
    let deb = made.file("deb", "_amd64.deb");
    check(&deb);
    let files = unpacked(&deb, &debs.path().join("mkdeb"));
    let source = Snapshot::of(&debs.path().join("mkdeb/usr/src").join(made.directory()));
    Snapshot::of(&made.world.path("usr/src").join(made.directory())).assert_same(&source, "the source in the package");
    assert!(field(&deb, "Depends").contains("dkms"));
    assert_eq!(field(&deb, "Version"), made.id.split_once('/').expect("m/v").1);
    let name = field(&deb, "Package");
    let tarball = Path::new("usr/share").join(&name).join(format!("{}.dkms.tar.gz", made.directory()));
    assert!(files.has(&tarball), "{}: {files:?}", tarball.display());

    // The modules alone.
    let bmdeb = made.file("bmdeb", "_amd64.deb");
    check(&bmdeb);
    unpacked(&bmdeb, &debs.path().join("mkbmdeb"));
    let installed = Snapshot::of(&debs.path().join("mkbmdeb/lib/modules").join(&made.kernel).join("updates/dkms"));
    assert_eq!(names(&installed), made.modules());
    assert_eq!(field(&bmdeb, "Depends"), format!("linux-image-{}", made.kernel));

    // The source package builds, without any other program than Debian's, what mkdeb makes.
    check(&made.file("dsc", "_source.changes"));
    let build = debs.path().join("build");
    fs::create_dir(&build).expect("writable");
    tool::run(
        Command::new(tool::path("dpkg-source")).arg("-x").arg(made.file("dsc", ".dsc")).arg("x").current_dir(&build),
    );
    tool::path("dh");
    let mut command = Command::new(tool::path("dpkg-buildpackage"));
    tool::run(command.args(["-us", "-uc", "-b"]).current_dir(build.join("x")));
    let rebuilt = build.join(deb.file_name().expect("a file"));
    let incidental = |path: &Path| {
        // The size counts the scripts too; another gzip compresses the changelog.
        ["DEBIAN/control", "DEBIAN/md5sums"].iter().any(|name| path == Path::new(name))
            || path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("changelog"))
    };
    let is_script = |path: &Path| SCRIPTS.iter().any(|name| path == Path::new(name));
    let rebuilt_files = unpacked(&rebuilt, &debs.path().join("rebuilt"));
    let without = |files: Snapshot| files.without(incidental).without(is_script);
    without(rebuilt_files).assert_same(&without(files), "mkdeb instead of dpkg-buildpackage");
    for script in SCRIPTS {
        // debhelper leaves empty lines at their ends.
        let text = |from: &str| fs::read_to_string(debs.path().join(from).join(script)).expect("a script");
        assert_eq!(text("rebuilt").trim_end(), text("mkdeb").trim_end(), "{script}");
    }
    for name in ["Package", "Version", "Architecture", "Maintainer", "Depends", "Provides", "Section", "Description"] {
        assert_eq!(field(&rebuilt, name), field(&deb, name), "{name}");
    }
}

#[test]
#[ignore = "slow"]
fn ddcci_with_two_modules_is_a_package_for_all_of_debians_tools() {
    real_package("ddcci-dkms", 2);
}

#[test]
#[ignore = "slow"]
fn v4l2loopback_is_a_package_for_all_of_debians_tools() {
    real_package("v4l2loopback-dkms", 1);
}

#[test]
#[ignore = "slow"]
fn nat_rtsp_with_a_plus_in_its_version_is_a_package_for_all_of_debians_tools() {
    real_package("nat-rtsp-dkms", 2);
}

#[test]
fn what_is_made_again_elsewhere_and_later_is_the_same_to_the_byte() {
    let here = Made::of("ddcci-dkms");
    let there = Made { world: here.world.duplicate(), id: here.id.clone(), kernel: here.kernel.clone() };
    for directory in ["deb", "bmdeb", "dsc"] {
        fs::remove_dir_all(there.world.tree().join(&there.id).join(directory)).expect("it was made");
    }
    for entry in walkdir::WalkDir::new(there.world.path("usr/src").join(there.directory())) {
        let entry = entry.expect("readable");
        if entry.file_type().is_file() {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_234_567_890);
            fs::File::open(entry.path()).expect("readable").set_modified(time).expect("ours");
        }
    }
    for action in ["mkdeb", "mkbmdeb", "mkdsc"] {
        there.make(action, "");
    }
    let results = [("deb", ".deb"), ("bmdeb", ".deb"), ("dsc", ".dsc"), ("dsc", ".tar.xz"), ("dsc", ".changes")];
    for (directory, suffix) in results {
        let (one, other) = (here.file(directory, suffix), there.file(directory, suffix));
        assert!(fs::read(&one).unwrap() == fs::read(other).unwrap(), "another {}", one.display());
    }
    let dated = here.world.program(here.world.path("bin/dkms")).words(&format!("mkdeb {} -k {}", here.id, here.kernel));
    dated.env("SOURCE_DATE_EPOCH", "1709251199").run().expect(0);
    let listing =
        tool::run(Command::new(tool::path("dpkg-deb")).arg("-c").arg(here.file("deb", ".deb")).env("TZ", "UTC"));
    assert!(listing.lines().all(|line| line.contains(" 2024-02-29 23:59 ")), "{listing}");
}

#[test]
fn a_package_brings_source_modules_and_state_to_another_machine() {
    let from = Made::of("ddcci-dkms");
    let deb = from.file("deb", ".deb");
    for action in ["add", "ldtarball"] {
        let to = World::generic();
        to.dkms(&format!("{action} {}", deb.display())).expect(0);
        let state = |world: &World| {
            let tree = Snapshot::of(&world.tree().join(&from.id)).without_records();
            let result = |path: &Path| ["deb", "bmdeb", "dsc", "build"].iter().any(|made| path.starts_with(made));
            tree.without(result).with(Snapshot::of(&world.path("usr/src").join(from.directory())).below("source tree"))
        };
        state(&from.world).assert_same(&state(&to), "on the way through a package");
        assert_eq!(from.world.dkms("status").stdout, to.dkms("status").stdout);
        to.dkms(&format!("install {} -k {}", from.id, from.kernel)).expect(0);
        assert!(to.dkms("status").stdout.contains(": installed"));
    }
}

#[test]
fn packages_of_debian_itself_are_added_built_and_installed() {
    let kernel = kernel::newest(Flavour::Generic);
    for (action, state) in [("add", ": added"), ("build", ": built"), ("install", ": installed")] {
        let world = World::generic();
        let deb = debian::package("bbswitch-dkms");
        world.dkms(&format!("{action} {} -k {kernel}", deb.display())).expect(0);
        let status = world.dkms("status").stdout;
        assert!(status.starts_with("bbswitch/") && status.contains(state), "{action}: {status}");
    }
}

#[test]
fn no_format_runs_a_program() {
    let shown = World::new(&[]).modsmith("plugin inspect deb --json").expect(0).json();
    assert_eq!(shown["manifest"]["run"], serde_json::json!([]), "{shown:#}");
}
