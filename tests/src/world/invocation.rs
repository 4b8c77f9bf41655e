//! A program that is run in a world.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::mounts::Mounts;
use super::{OWN, SETTINGS, World, headers};
use crate::terminal::Terminal;
use crate::{Output, kill, paths, refuse};

/// A program about to be run in a [`World`]: with an environment of its own, no
/// input, and the world's directories over the machine's.
pub struct Invocation<'w> {
    world: &'w World,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    mounts: Mounts,
    /// The script that a shell runs before it becomes the program.
    before: String,
    chroot: Option<String>,
    refused: &'static [libc::c_long],
}

impl<'w> Invocation<'w> {
    pub(super) fn new(world: &'w World, program: PathBuf) -> Self {
        Self {
            world,
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            mounts: Mounts::default(),
            before: String::new(),
            chroot: None,
            refused: &[],
        }
    }
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
        self.mounts.bind(&programs, Path::new("/usr/local/sbin"));
        self
    }

    /// Mounts a directory of the world over the machine's own.
    pub fn over(mut self, path: &str) -> Self {
        self.mounts.bind(&self.world.path(path), &Path::new("/").join(path));
        self
    }

    /// Mounts a directory of the world read-only.
    pub fn read_only(mut self, path: &str) -> Self {
        self.before.push_str(&format!("mount --bind {path} {path}; mount -o remount,ro,bind {path}\n"));
        self
    }

    /// Mounts an empty file system of limited size over a directory. Its
    /// contents are gone when the program has ended.
    pub fn small(mut self, path: &str, kilobytes: u32) -> Self {
        self.before.push_str(&format!("mount -t tmpfs -o size={kilobytes}k,mode=755 small {path}\n"));
        self
    }

    /// Runs the program inside a chroot whose `/` is a plain directory, as builders of
    /// images have it: the machine's own directories are mounted there, `/proc` on request.
    pub fn in_chroot(mut self, has_proc: bool) -> Self {
        let root = self.world.path("chroot");
        fs::create_dir_all(&root).expect("scratch directory is writable");
        let without = if has_proc { "" } else { "[ $dir != proc ] || continue; " };
        self.before.push_str(&format!(
            "cd /; for dir in *; do {without}if [ -h \"$dir\" ]; then cp -a \"$dir\" '{0}'; \
             elif [ -d \"$dir\" ]; then mkdir -p '{0}/'\"$dir\"; mount --rbind \"/$dir\" '{0}/'\"$dir\"; fi; done\n",
            root.display()
        ));
        self.chroot = Some(format!("chroot '{}' ", root.display()));
        self
    }

    /// Mounts an empty `/tmp` that no program can be run from.
    pub fn with_tmp_noexec(mut self) -> Self {
        self.before.push_str("mount -t tmpfs -o noexec,mode=1777 tmp /tmp\n");
        self
    }

    /// Has the kernel not know some system calls, as an older one would.
    pub fn refusing(mut self, calls: &'static [libc::c_long]) -> Self {
        self.refused = calls;
        self
    }

    /// As `refusing`, but only inside of modsmith, which stays in its place.
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
        let (shown, mut command) = self.command();
        let out = command.output().unwrap_or_else(|e| panic!("cannot run {shown}: {e}"));
        Output::new(shown, out)
    }

    /// Starts the program, which says nothing; it ends when the test ends it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(self) -> Child {
        let (shown, mut command) = self.command();
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        started.unwrap_or_else(|e| panic!("cannot start {shown}: {e}"))
    }

    /// Starts the program on a terminal of its own, which has these rows and columns.
    ///
    /// # Panics
    /// When there are no terminals or mount namespaces to be had.
    pub fn on_terminal(self, rows: u16, columns: u16) -> Terminal {
        let has_kind = self.environment.iter().any(|(name, _)| name == "TERM");
        let (shown, command) = if has_kind { self } else { self.env("TERM", "xterm") }.command();
        Terminal::start(shown, command, rows, columns)
    }

    /// The command line, and what runs it.
    fn command(self) -> (String, Command) {
        let world = self.world;
        let shown = std::iter::once(self.program.display().to_string()).chain(self.arguments.iter().cloned());
        let shown = shown.collect::<Vec<_>>().join(" ");
        let mut mounts = self.table();
        mounts.extend(self.mounts);
        let mut command = match self.before.is_empty() {
            true => Command::new(&self.program),
            false => {
                let chroot = self.chroot.as_deref().unwrap_or_default();
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("set -e\n{}exec {chroot}\"$@\"", self.before), "world"]).arg(&self.program);
                shell
            }
        };
        command
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
        mounts.lay(&mut command);
        refuse::refuse(&mut command, self.refused);
        (shown, command)
    }

    /// The table of mounts: the world's directories, with the machine's headers in them, and its
    /// files over the machine's `/etc`.
    fn table(&self) -> Mounts {
        let (world, mut mounts) = (self.world.dir(), Mounts::default());
        // The headers stay where their own Makefiles look for them.
        for name in headers() {
            let place = self.world.path("usr/src").join(&name);
            fs::create_dir_all(&place).expect("scratch directory is writable");
            mounts.bind(&Path::new("/usr/src").join(name), &place);
        }
        let etc = self.world.path("etc/os-release").exists();
        let over = self.world.path(SETTINGS);
        if !etc && over.is_dir() {
            mounts.overlay(&over, Path::new("/etc"));
        }
        let in_etc = |own: &&&str| etc && own.starts_with("etc/");
        let own = OWN.iter().filter(|own| Path::new("/").join(own).is_dir() && !in_etc(own));
        for own in etc.then_some(&"etc").into_iter().chain(own) {
            mounts.bind(&world.join(own), &Path::new("/").join(own));
        }
        mounts
    }
}
