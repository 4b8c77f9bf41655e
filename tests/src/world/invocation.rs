//! A program that is run in a world.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{OWN, SETTINGS, World, headers, is_root};
use crate::terminal::Terminal;
use crate::{Output, kill, paths, refuse, tool};

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

impl<'w> Invocation<'w> {
    pub(super) fn new(world: &'w World, program: PathBuf) -> Self {
        Self {
            world,
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            mounts: String::new(),
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
        self.mounts.push_str(&format!("mount --bind '{}' /usr/local/sbin\n", programs.display()));
        self
    }

    /// Mounts a directory of the world over the machine's own.
    pub fn over(mut self, path: &str) -> Self {
        self.mounts.push_str(&format!("mount --bind '{}' '/{path}'\n", self.world.path(path).display()));
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
