//! States that a machine can be in, to start tests from: reached by one of the
//! two programs, with modules that were compiled before, so that it is quick.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use crate::fixture::{self, Package};
use crate::kernel::{self, Flavour};
use crate::peer::Program;
use crate::{World, paths, tool};

/// A state, and how it is reached.
#[derive(Clone, Copy)]
pub struct State {
    pub name: &'static str,
    /// Puts files in place before any command.
    pub prepare: fn(&World),
    /// Commands that have to succeed; see [`fill`] for their placeholders.
    pub commands: &'static [&'static str],
    /// Changes that are made by hand afterwards, without the program.
    pub disturb: fn(&World),
}

impl State {
    /// A machine with two kernels and a signing key, brought into the state by
    /// one of the programs.
    #[track_caller]
    pub fn reach(&self, program: Program) -> World {
        let world = World::new(&[generic(), other()]);
        (self.prepare)(&world);
        for command in self.commands {
            let out = program.run(&world, &fill(command));
            assert_eq!(out.code, 0, "on the way to the state {:?}: {out}", self.name);
        }
        (self.disturb)(&world);
        world
    }
}

/// The kernel that `KERNEL` stands for.
pub fn generic() -> String {
    kernel::newest(Flavour::Generic)
}

/// The kernel that `OTHER` stands for.
pub fn other() -> String {
    kernel::newest(Flavour::Cloud)
}

/// The release of the kernel that this machine runs.
pub fn running() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").expect("Linux has it").trim().into()
}

/// The kernel that `BARE` stands for: its headers are nowhere but behind its
/// link, which goes.
const BARE: &str = "6.1.0-1-bare";

/// A command line with `KERNEL`, `OTHER`, `BARE`, `RUNNING` and `ARCH` replaced.
pub fn fill(line: &str) -> String {
    line.replace("KERNEL", &generic())
        .replace("BARE", BARE)
        .replace("OTHER", &other())
        .replace("RUNNING", &running())
        .replace("ARCH", kernel::arch())
}

/// Nothing.
pub fn nothing(_: &World) {}

/// A package whose build is a copy of a module `sample` that was compiled
/// before, for both kernels.
pub fn prebuilt(name: &str, version: &str) -> Package {
    let conf = format!(
        "PACKAGE_NAME=\"{name}\"\nPACKAGE_VERSION=\"{version}\"\nBUILT_MODULE_NAME[0]=\"sample\"\n\
         DEST_MODULE_LOCATION[0]=\"/kernel/drivers/misc\"\nAUTOINSTALL=\"yes\"\n\
         MAKE[0]=\"cp prebuilt/$kernelver.ko sample.ko\"\nCLEAN=\"true\"\n"
    );
    let module = |kernel: &str| fs::read(sample(kernel, version)).expect("just built");
    Package::new(name, version)
        .without("Makefile")
        .without(&format!("{name}.c"))
        .file("dkms.conf", conf)
        .file(&format!("prebuilt/{}.ko", generic()), module(&generic()))
        .file(&format!("prebuilt/{}.ko", other()), module(&other()))
        .file(&format!("prebuilt/{}.ko", running()), module(&generic()))
        .file(&format!("prebuilt/{BARE}.ko"), module(&generic()))
}

/// A compiled module `sample`. Few versions are compiled, for all tests.
fn sample(kernel: &str, version: &str) -> PathBuf {
    fixture::module(kernel, "sample", Some(if version.starts_with('2') { "2.0" } else { "1.0" }))
}

fn sample_1(world: &World) {
    world.add_package(&prebuilt("sample", "1.0"));
}

/// With a module of the kernel of the same name.
fn with_original(world: &World) {
    sample_1(world);
    world.add_module(&generic(), &fixture::module(&generic(), "sample", Some("0.5")));
}

fn both_versions(world: &World) {
    sample_1(world);
    world.add_package(&prebuilt("sample", "2.0"));
}

/// Two packages that make a module of the same name.
fn rivals(world: &World) {
    sample_1(world);
    world.add_package(&prebuilt("rival", "2.0"));
}

/// The source in a directory for work on it, not where it is registered.
fn checkout(world: &World) {
    prebuilt("sample", "1.0").write(&world.path("usr/src/checkout"));
}

fn write(world: &World, path: &str, text: &str) {
    let location = world.path(path);
    fs::create_dir_all(location.parent().expect("below the world")).expect("writable");
    fs::write(&location, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", location.display()));
}

/// Overrides of all four names that both programs know: later ones win.
fn overridden(world: &World) {
    sample_1(world);
    let (k, a) = (generic(), kernel::arch());
    write(world, "etc/dkms/sample.conf", "DEST_MODULE_NAME[0]=\"first\"\nAUTOINSTALL=\"\"\n");
    write(world, "etc/dkms/sample-1.0.conf", "DEST_MODULE_NAME[0]=\"second\"\n");
    write(world, &format!("etc/dkms/sample-1.0-{k}.conf"), "DEST_MODULE_NAME[0]=\"${DEST_MODULE_NAME[0]}_third\"\n");
    write(world, &format!("etc/dkms/sample-1.0-{k}-{a}.conf"), "STRIP[0]=\"no\"\n");
}

/// Trees that are elsewhere.
fn framework(world: &World) {
    prebuilt("sample", "1.0").write(&world.path("usr/src/sources/sample-1.0"));
    write(
        world,
        "etc/dkms/framework.conf",
        "# Local settings\nsource_tree=\"/usr/src/sources\"\ndkms_tree=\"/var/lib/dkms\"\n",
    );
    write(world, "etc/dkms/framework.conf.d/tree.conf", "dkms_tree=\"/var/lib/dkms/elsewhere\"\n");
    fs::create_dir(world.tree().join("elsewhere")).expect("writable");
}

/// What autoinstall has to put in order: `needy` needs `sample`; `manual` did not ask for it.
fn dependent(world: &World) {
    sample_1(world);
    let other_name = |name: &str| prebuilt(name, "1.0").conf(&format!("DEST_MODULE_NAME[0]=\"{name}\""));
    world.add_package(&other_name("after").conf("BUILD_DEPENDS[0]=\"sample\""));
    world.add_package(&other_name("manual").conf("AUTOINSTALL=\"\""));
}

/// A kernel's headers for the running kernel too, as on a real machine.
fn at_home(world: &World) {
    sample_1(world);
    copy_kernel(world, &running());
}

fn with_bare(world: &World) {
    sample_1(world);
    copy_kernel(world, BARE);
}

fn copy_kernel(world: &World, to: &str) {
    tool::run(Command::new("cp").arg("-a").arg(world.modules(&generic())).arg(world.modules(to)));
}

fn gone(world: &World) {
    world.add_package(&prebuilt("gone", "1.0"));
}

fn lose_source(world: &World) {
    fs::remove_dir_all(world.path("usr/src/gone-1.0")).expect("it was there");
}

/// A good package and one that something happens to.
fn gone_and_sample(world: &World) {
    sample_1(world);
    gone(world);
}

fn lose_conf(world: &World) {
    fs::remove_file(world.path("usr/src/gone-1.0/dkms.conf")).expect("it was there");
}

fn spoil_conf(world: &World) {
    world.write("usr/src/gone-1.0/dkms.conf", "PACKAGE_NAME=gone\n");
}

/// Files with the name of an archive.
fn damaged(world: &World) {
    sample_1(world);
    world.write("boot/damaged.tar.gz", "neither packed nor an archive\n");
    world.write("boot/empty.tar.gz", "");
}

fn lose_headers(world: &World) {
    fs::remove_file(world.modules(BARE).join("build")).expect("it was there");
}

fn lose_link(world: &World) {
    fs::remove_file(world.modules(&generic()).join("build")).expect("it was there");
}

fn lose_kernel(world: &World) {
    fs::remove_dir_all(world.modules(&generic())).expect("it was there");
}

/// One of many spellings for a package.
fn oddly_named(world: &World) {
    world.add_package(&prebuilt("odd_name-x.Y+z", "0~1.0+git2023-5"));
}

fn two_modules(world: &World) {
    let package = prebuilt("pair", "1.0").conf(
        "BUILT_MODULE_NAME[1]=\"sample\"\nBUILT_MODULE_LOCATION[1]=\"sub\"\nDEST_MODULE_NAME[1]=\"second\"\n\
         DEST_MODULE_LOCATION[1]=\"/updates\"\n\
         MAKE[0]=\"cp prebuilt/$kernelver.ko sample.ko && mkdir sub && cp prebuilt/$kernelver.ko sub/sample.ko\"",
    );
    world.add_package(&package);
}

/// A link instead of the directory that it leads to.
fn linked_source(world: &World) {
    checkout(world);
    symlink("checkout", world.path("usr/src/sample-1.0")).expect("writable");
}

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $title:literal, $prepare:expr, [$($command:literal),*] $(, $disturb:expr)?;)*) => {
        $($(#[$doc])* pub const $name: State = State {
            name: $title, prepare: $prepare, commands: &[$($command),*], disturb: states!(@ $($disturb)?),
        };)*
        /// All states.
        pub const ALL: &[State] = &[$($name),*];
    };
    (@) => { nothing };
    (@ $disturb:expr) => { $disturb };
}

states! {
    ABSENT = "absent", sample_1, [];
    ADDED = "added", sample_1, ["add sample/1.0"];
    BUILT = "built", sample_1, ["build sample/1.0 -k KERNEL"];
    INSTALLED = "installed", sample_1, ["install sample/1.0 -k KERNEL"];
    /// Built from the kernel's own module's point of view: that one waits in the archive.
    WITH_ORIGINAL = "installed with original", with_original, ["install sample/1.0 -k KERNEL"];
    BEFORE_ORIGINAL = "built with original", with_original, ["build sample/1.0 -k KERNEL"];
    BROKEN = "broken", gone, ["add gone/1.0"], lose_source;
    BROKEN_INSTALLED = "broken while installed", gone, ["install gone/1.0 -k KERNEL"], lose_source;
    BESIDE_BROKEN = "beside a broken package", gone_and_sample, ["add sample/1.0", "add gone/1.0"], lose_source;
    BESIDE_UNREADABLE = "beside a package without dkms.conf", gone_and_sample,
        ["add sample/1.0", "add gone/1.0"], lose_conf;
    BESIDE_INVALID = "beside a package with a bad dkms.conf", gone_and_sample,
        ["add sample/1.0", "add gone/1.0"], spoil_conf;
    DAMAGED = "damaged archives", damaged, [];
    OLDER_ACTIVE = "two versions, the older active", both_versions,
        ["build sample/2.0 -k KERNEL", "install sample/1.0 -k KERNEL"];
    NEWER_ACTIVE = "two versions, the newer active", both_versions,
        ["build sample/1.0 -k KERNEL", "install sample/2.0 -k KERNEL"];
    TWO_KERNELS = "two kernels", sample_1, ["install sample/1.0 -k KERNEL", "build sample/1.0 -k OTHER"];
    BOTH_INSTALLED = "installed for two kernels", sample_1, ["install sample/1.0 -k KERNEL -k OTHER"];
    BY_PATH = "built by path", checkout, ["build /usr/src/checkout -k KERNEL"];
    RIVALS = "another package with the same module", rivals,
        ["install sample/1.0 -k KERNEL", "build rival/2.0 -k KERNEL"];
    OVERRIDDEN = "overridden in /etc/dkms", overridden, ["add sample/1.0"];
    OVERRIDDEN_INSTALLED = "overridden and installed", overridden, ["install sample/1.0 -k KERNEL"];
    FRAMEWORK = "trees set in framework.conf", framework, ["add sample/1.0"];
    FRAMEWORK_INSTALLED = "installed with trees set in framework.conf", framework, ["install sample/1.0 -k KERNEL"];
    WITHOUT_HEADERS = "headers gone", with_bare, ["install sample/1.0 -k BARE"], lose_headers;
    WITHOUT_LINK = "link to the headers gone", sample_1, ["install sample/1.0 -k KERNEL"], lose_link;
    WITHOUT_KERNEL = "kernel directory gone", sample_1, ["install sample/1.0 -k KERNEL"], lose_kernel;
    DEPENDENT = "packages that need each other", dependent, ["add sample/1.0", "add after/1.0", "add manual/1.0"];
    DEPENDENT_INSTALLED = "packages that need each other, installed", dependent,
        ["install sample/1.0 -k KERNEL", "install after/1.0 -k KERNEL", "build manual/1.0 -k KERNEL"];
    AT_HOME = "installed for the running kernel", at_home,
        ["install sample/1.0", "build sample/1.0 -k KERNEL"];
    ODDLY_NAMED = "an odd name", oddly_named, ["build odd_name-x.Y+z/0~1.0+git2023-5 -k KERNEL"];
    TWO_MODULES = "two modules", two_modules, ["install pair/1.0 -k KERNEL"];
    LINKED_SOURCE = "source behind a link", linked_source, ["build sample/1.0 -k KERNEL"];
}

/// Gives a world the signing key that all worlds have: making one takes longer
/// than most tests.
pub fn copy_signing_key(world: &World) {
    let keys = paths::cached("keys", "mok", |dir| {
        tool::run(
            Command::new(tool::path("openssl"))
                .args(["req", "-new", "-x509", "-nodes", "-days", "36500", "-subj", "/CN=modsmith tests/"])
                .args(["-newkey", "rsa:2048", "-outform", "DER", "-keyout", "mok.key", "-out", "mok.pub"])
                .current_dir(dir),
        );
    });
    for (name, mode) in [("mok.key", 0o600), ("mok.pub", 0o644)] {
        let location = world.tree().join(name);
        fs::copy(keys.join(name), &location).expect("writable");
        fs::set_permissions(&location, fs::Permissions::from_mode(mode)).expect("just written");
    }
}
