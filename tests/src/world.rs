//! A scratch machine: the directories that a module builder works on, laid over
//! the machine's own in a mount namespace for as long as one program runs.

mod in_memory;
mod invocation;
mod mounts;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::fixture::{self, Package};
use crate::{Output, Snapshot, kernel, paths, state, tool};
pub use invocation::Invocation;

/// The directories that a world has for itself.
const OWN: [&str; 7] = ["var/lib/dkms", "var/cache", "usr/src", "lib/modules", "etc/dkms", "etc/modprobe.d", "boot"];

/// Files of a world that lie over the machine's `/etc`.
const SETTINGS: &str = "settings";

/// What programs need of the machine's `/etc`.
const ETC: [&str; 9] = [
    "alternatives",
    "depmod.d",
    "group",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "nsswitch.conf",
    "passwd",
    "ssl",
];

/// A module that came with the kernel: without any, a module directory counts
/// as left behind by a kernel that is gone.
const RESIDENT: &str = "resident";

/// A scratch machine. Its files are in [`dir`](World::dir) at their usual
/// places; removed on drop.
pub struct World {
    dir: TempDir,
}

impl World {
    /// A machine with a tree that is empty but for the signing key, and the given kernels, each
    /// with its headers and one module of its own.
    pub fn new(kernels: &[String]) -> World {
        let dir = tempfile::Builder::new().prefix("world-").tempdir_in(in_memory::worlds()).expect("a directory");
        let world = World { dir };
        for own in OWN {
            fs::create_dir_all(world.path(own)).expect("scratch directory is writable");
        }
        for kernel in kernels {
            let modules = world.modules(kernel);
            let resident = modules.join("kernel/drivers/misc");
            fs::create_dir_all(&resident).expect("scratch directory is writable");
            fs::copy(fixture::module(kernel, RESIDENT, None), resident.join("resident.ko")).expect("a built module");
            for empty in ["modules.order", "modules.builtin"] {
                fs::write(modules.join(empty), "").expect("scratch directory is writable");
            }
            fs::write(modules.join("modules.dep"), "kernel/drivers/misc/resident.ko:\n").expect("writable");
            let headers = fs::canonicalize(format!("/lib/modules/{kernel}/build")).expect("a kernel with headers");
            symlink(headers, modules.join("build")).expect("scratch directory is writable");
        }
        // The name it is called by makes the program behave as dkms.
        fs::create_dir(world.path("bin")).expect("scratch directory is writable");
        symlink(paths::programs().join("modsmith"), world.path("bin/dkms")).expect("writable");
        // Making one takes longer than most tests.
        state::copy_signing_key(&world);
        world
    }

    /// The world before its first build: the signing key has still to be made.
    pub fn without_key(self) -> World {
        for file in ["mok.key", "mok.pub"] {
            fs::remove_file(self.tree().join(file)).expect("each world has it");
        }
        self
    }

    /// A machine with the newest generic kernel.
    pub fn generic() -> World {
        World::new(&[kernel::newest(kernel::Flavour::Generic)])
    }

    /// The world with an `/etc` of its own, which has this os-release and little else.
    pub fn of_system(self, os_release: &str) -> World {
        let etc = self.path("etc");
        for own in ["etc/dkms", "etc/modprobe.d"] {
            let own = self.path(own);
            assert!(fs::remove_dir(&own).is_ok(), "{} is written to after this", own.display());
        }
        let needed = ETC.iter().map(|name| Path::new("/etc").join(name)).filter(|path| path.exists());
        tool::run(Command::new("cp").args(["-a", "--reflink=auto", "-t"]).arg(&etc).args(needed));
        for own in ["etc/dkms", "etc/modprobe.d"] {
            fs::create_dir(self.path(own)).expect("scratch directory is writable");
        }
        self.write("etc/os-release", os_release);
        self
    }

    /// Writes a file of the machine's `/etc` that a world has for itself, which leaves all
    /// others as they are.
    pub fn settings(&self, path: &str, contents: impl AsRef<[u8]>) {
        let below = if self.path("etc/os-release").exists() { "etc" } else { SETTINGS };
        self.write(&format!("{below}/{path}"), contents);
    }

    /// Lets recipes write to the world's `/boot`, for tests that look at what a recipe did, and
    /// find the programs of its `bin`.
    pub fn opens_boot(&self) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.path("boot"), PermissionsExt::from_mode(0o777)).expect("a directory of ours");
        let (bin, lib) = (self.path("bin"), self.path("lib"));
        let text = format!("write = [\"/boot\"]\nread = [\"{}\", \"{}\"]\n", bin.display(), lib.display());
        self.settings("modsmith/confinement.toml", text);
    }

    /// Builds as dkms does, without walls.
    pub fn has_no_walls(&self) {
        self.settings("modsmith/confinement.toml", "confinement = \"off\"\n");
    }

    /// Writes a file and the directories above it.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("below the world")).expect("scratch directory is writable");
        fs::write(&path, contents).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    }

    /// Another machine in the same state.
    pub fn duplicate(&self) -> World {
        let copy = World::new(&[]).without_key();
        tool::run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(self.dir().join(".")).arg(copy.dir()));
        copy
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A path in the world: `path("/etc/dkms")` or `path("etc/dkms")`.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.dir().join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The module tree, `/var/lib/dkms`.
    pub fn tree(&self) -> PathBuf {
        self.path("var/lib/dkms")
    }

    /// A kernel's module directory, `/lib/modules/K`.
    pub fn modules(&self, kernel: &str) -> PathBuf {
        self.path("lib/modules").join(kernel)
    }

    /// Copies a package's sources to `/usr/src`, under the same name.
    pub fn copy_source(&self, from: &Path) {
        tool::run(Command::new("cp").arg("-a").arg(from).arg(self.path("usr/src")));
    }

    /// Puts a module file into a kernel's directory, as if it came with the
    /// kernel, and returns its path there.
    pub fn add_module(&self, kernel: &str, module: &Path) -> PathBuf {
        let location = self.modules(kernel).join("kernel/drivers/misc").join(module.file_name().expect("a file"));
        fs::copy(module, &location).unwrap_or_else(|e| panic!("cannot copy {}: {e}", module.display()));
        location
    }

    /// Writes a package's sources to `/usr/src/NAME-VERSION`.
    pub fn add_package(&self, package: &Package) -> PathBuf {
        let dir = self.path("usr/src").join(format!("{}-{}", package.name, package.version));
        package.write(&dir);
        dir
    }

    /// modsmith under its name `dkms`, with words as they would be typed.
    pub fn dkms(&self, line: &str) -> Output {
        self.program(self.path("bin/dkms")).words(line).run()
    }

    /// modsmith under its own name.
    pub fn modsmith(&self, line: &str) -> Output {
        self.program(modsmith()).words(line).run()
    }

    /// Debian's dkms, as a black box.
    pub fn peer(&self, line: &str) -> Output {
        self.program(tool::path("dkms")).words(line).run()
    }

    /// A shell in the world: several commands on the same mounts. `dkms` and
    /// `modsmith` are the program under test.
    pub fn shell(&self, script: &str) -> Invocation<'_> {
        self.program("/bin/sh").arg("-c").arg(script)
    }

    /// Any program.
    pub fn program(&self, program: impl Into<PathBuf>) -> Invocation<'_> {
        Invocation::new(self, program.into())
    }

    /// All files of the world, except the sources (which only `add` of a path
    /// may write to; see [`sources`](World::sources)).
    pub fn snapshot(&self) -> Snapshot {
        ["var/lib/dkms", "lib/modules", "etc/dkms", "etc/modprobe.d", "boot"]
            .iter()
            .fold(Snapshot::default(), |all, own| all.with(Snapshot::of(&self.path(own)).below(own)))
    }

    /// The registered sources, without the machine's headers.
    pub fn sources(&self) -> Snapshot {
        let headers = headers();
        let is_header = |p: &Path| p.iter().next().is_some_and(|top| headers.iter().any(|h| top == h.as_str()));
        Snapshot::of(&self.path("usr/src")).without(is_header).below("usr/src")
    }
}

/// The program under test.
///
/// # Panics
/// When it has not been built.
pub fn modsmith() -> PathBuf {
    let program = paths::programs().join("modsmith");
    assert!(program.exists(), "{} has not been built: run `make build`", program.display());
    program
}

/// The directories in `/usr/src` that kernels' `build` links lead to.
fn headers() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/usr/src") else { return Vec::new() };
    entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).filter(|name| name.starts_with("linux-")).collect()
}

/// Whether namespaces can be had without a user namespace, which a chroot refuses.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_writes_stays_in_the_world() {
        let world = World::generic();
        let out = world
            .shell("echo x > /var/lib/dkms/probe; echo x > /usr/src/probe; mkdir /lib/modules/probe; ls /usr/src")
            .run()
            .expect(0);
        assert!(world.path("var/lib/dkms/probe").exists());
        assert!(world.path("usr/src/probe").exists());
        assert!(world.path("lib/modules/probe").exists());
        assert!(!Path::new("/var/lib/dkms/probe").exists());
        assert!(!Path::new("/usr/src/probe").exists());
        assert!(!Path::new("/lib/modules/probe").exists());
        assert!(out.stdout.contains("linux-headers"), "headers are visible: {out}");
    }

    #[test]
    fn a_read_only_directory_refuses_and_a_small_one_fills_up() {
        let world = World::generic();
        let out = world.shell("touch /var/lib/dkms/x").read_only("/var/lib/dkms").run();
        assert_ne!(out.code, 0, "{out}");
        let out = world.shell("head -c 100000 /dev/zero > /var/lib/dkms/x").small("/var/lib/dkms", 64).run();
        assert!(out.stderr.contains("No space left"), "{out}");
    }

    #[test]
    fn kernels_find_their_headers() {
        let kernel = kernel::newest(kernel::Flavour::Generic);
        let world = World::new(std::slice::from_ref(&kernel));
        world.shell(&format!("test -d /lib/modules/{kernel}/build/include")).run().expect(0);
    }
}
