//! A scratch machine: the directories that a module builder works on, laid over
//! the machine's own in a mount namespace for as long as one program runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::fixture::{self, Package};
use crate::terminal::Terminal;
use crate::{Output, Snapshot, kernel, kill, paths, refuse, tool};

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
    /// A machine with a tree that is empty and the given kernels, each with its
    /// headers and one module of its own.
    pub fn new(kernels: &[String]) -> World {
        let dir = tempfile::Builder::new().prefix("world-").tempdir_in(paths::cache("worlds")).expect("a directory");
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
        world
    }

    /// A machine with the newest generic kernel.
    pub fn generic() -> World {
        World::new(&[kernel::newest(kernel::Flavour::Generic)])
    }

    /// The same with an `/etc` of its own, which has this os-release and little
    /// else.
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
        let copy = World::new(&[]);
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
        Invocation {
            world: self,
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            mounts: String::new(),
            chroot: None,
            refused: &[],
        }
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

/// A program about to be run in a [`World`]: with an environment of its own, no
/// input, and the world's directories over the machine's.
pub struct Invocation<'w> {
    world: &'w World,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    mounts: String,
    chroot: Option<String>,
    refused: &'static [libc::c_long],
}

impl Invocation<'_> {
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Several arguments, separated by blanks.
    pub fn words(mut self, line: &str) -> Self {
        self.arguments.extend(line.split_whitespace().map(String::from));
        self
    }

    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Kills the program, where it is modsmith, at this point of its journal,
    /// counted from one.
    pub fn kill_at(self, point: u32) -> Self {
        self.env(kill::VARIABLE, point.to_string()).env("LD_PRELOAD", kill::library().display().to_string())
    }

    /// Mounts a directory of the world over `/usr/local/sbin`, where programs are found first.
    pub fn with_programs(mut self, path: &str) -> Self {
        let programs = self.world.path(path);
        self.mounts.push_str(&format!("mount --bind '{}' /usr/local/sbin\n", programs.display()));
        self
    }

    /// Mounts a directory of the world read-only.
    pub fn read_only(mut self, path: &str) -> Self {
        self.mounts.push_str(&format!("mount --bind {path} {path}; mount -o remount,ro,bind {path}\n"));
        self
    }

    /// Mounts an empty file system of limited size over a directory. Its
    /// contents are gone when the program has ended.
    pub fn small(mut self, path: &str, kilobytes: u32) -> Self {
        self.mounts.push_str(&format!("mount -t tmpfs -o size={kilobytes}k,mode=755 small {path}\n"));
        self
    }

    /// Runs the program inside a chroot whose `/` is a plain directory, as builders of
    /// images have it: the machine's own directories are mounted there, `/proc` on request.
    pub fn in_chroot(mut self, has_proc: bool) -> Self {
        let root = self.world.path("chroot");
        fs::create_dir_all(&root).expect("scratch directory is writable");
        let without = if has_proc { "" } else { "[ $dir != proc ] || continue; " };
        self.mounts.push_str(&format!(
            "cd /; for dir in *; do {without}if [ -h \"$dir\" ]; then cp -a \"$dir\" '{0}'; \
             elif [ -d \"$dir\" ]; then mkdir -p '{0}/'\"$dir\"; mount --rbind \"/$dir\" '{0}/'\"$dir\"; fi; done\n",
            root.display()
        ));
        self.chroot = Some(format!("chroot '{}' ", root.display()));
        self
    }

    /// Mounts an empty `/tmp` that no program can be run from.
    pub fn with_tmp_noexec(mut self) -> Self {
        self.mounts.push_str("mount -t tmpfs -o noexec,mode=1777 tmp /tmp\n");
        self
    }

    /// Has the kernel not know some system calls, as an older one would.
    pub fn refusing(mut self, calls: &'static [libc::c_long]) -> Self {
        self.refused = calls;
        self
    }

    /// The same for modsmith alone, which is then in the place that it has.
    pub fn refusing_inside(self, calls: &[libc::c_long]) -> Self {
        let numbers: Vec<String> = calls.iter().map(ToString::to_string).collect();
        match numbers.is_empty() {
            true => self,
            false => {
                // Where every user can read it.
                fs::copy(refuse::library(), self.world.path("usr/src/refuse.so"))
                    .expect("scratch directory is writable");
                self.env(refuse::VARIABLE, numbers.join(" ")).env("LD_PRELOAD", "/usr/src/refuse.so")
            }
        }
    }

    /// Runs the program to its end.
    ///
    /// # Panics
    /// When there are no mount namespaces to be had.
    pub fn run(self) -> Output {
        let (shown, mut command, _table) = self.command();
        let out = command.output().unwrap_or_else(|e| panic!("cannot run {shown}: {e}"));
        Output::new(shown, out)
    }

    /// Starts the program, which says nothing; it ends when the test ends it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(self) -> Child {
        let (shown, mut command, table) = self.command();
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        // The world's directory goes at the test's end, and the file with it.
        table.keep().expect("scratch directory is writable");
        started.unwrap_or_else(|e| panic!("cannot start {shown}: {e}"))
    }

    /// Starts the program on a terminal of its own, which has these rows and columns.
    ///
    /// # Panics
    /// When there are no terminals or mount namespaces to be had.
    pub fn on_terminal(self, rows: u16, columns: u16) -> Terminal {
        let has_kind = self.environment.iter().any(|(name, _)| name == "TERM");
        let (shown, command, table) = if has_kind { self } else { self.env("TERM", "xterm") }.command();
        Terminal::start(shown, command, table, rows, columns)
    }

    /// The command line, what runs it, and the file with its mounts, which is needed until it has ended.
    fn command(self) -> (String, Command, tempfile::NamedTempFile) {
        let world = self.world;
        let shown = std::iter::once(self.program.display().to_string()).chain(self.arguments.iter().cloned());
        let shown = shown.collect::<Vec<_>>().join(" ");
        let table = tempfile::NamedTempFile::new_in(world.dir()).expect("scratch directory is writable");
        fs::write(table.path(), self.table()).expect("just made");
        let mut command = Command::new(tool::path("unshare"));
        command.arg("--mount");
        if !is_root() {
            command.arg("--map-root-user");
        }
        command
            .args(["--", "/bin/sh", "-c", &self.namespace(table.path()), "world"])
            .arg(&self.program)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", world.path("bin").display()))
            .env("HOME", world.dir())
            .env("LC_ALL", "C.UTF-8")
            // Plugins are compiled once for all tests, and not into the machine's cache.
            .env("MODSMITH_CACHE_DIR", paths::cache("plugins"))
            .envs(self.environment)
            .current_dir("/")
            .stdin(Stdio::null());
        refuse::refuse(&mut command, self.refused);
        (shown, command, table)
    }

    /// What is mounted where, as fstab(5) has it: one program does it all, since
    /// this is run thousands of times.
    fn table(&self) -> String {
        let world = self.world.dir().display();
        // The headers stay where their own Makefiles look for them.
        let inside =
            headers().into_iter().map(|name| format!("/usr/src/{name} {world}/usr/src/{name} none bind 0 0\n"));
        let etc = self.world.path("etc/os-release").exists();
        let over = self.world.path(SETTINGS);
        let settings =
            (!etc && over.is_dir()).then(|| format!("overlay /etc overlay lowerdir={}:/etc 0 0\n", over.display()));
        let in_etc = |own: &&&str| etc && own.starts_with("etc/");
        let own = OWN.iter().filter(|own| Path::new("/").join(own).is_dir() && !in_etc(own));
        let own = etc.then_some(&"etc").into_iter().chain(own);
        let own = own.map(|own| format!("{world}/{own} /{own} none rbind 0 0\n"));
        inside.chain(settings).chain(own).collect()
    }

    /// The script that lays the world over the machine and becomes the program.
    fn namespace(&self, table: &Path) -> String {
        let sources = self.world.path("usr/src");
        let places: String = headers().iter().map(|name| format!(" '{}/{name}'", sources.display())).collect();
        // What the program prints is all that is told.
        format!(
            "set -e\nmkdir -p '{}'{places}\nmount -a -T '{}'\n{}exec {}\"$@\"\n",
            sources.display(),
            table.display(),
            self.mounts,
            self.chroot.as_deref().unwrap_or_default()
        )
    }
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
