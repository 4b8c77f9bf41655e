//! How a package's recipe is confined: what the administrator wants, and what this system
//! comes to.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::conf::PackageConf;
use crate::conf::SettingsFile;
use crate::conf::confinement::{Demand, FILE, RecipeSettings, Settings};
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::tree::{MissingWall, Package, RecordedConfinement};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::kernel::kbuild::source_trees;
use modsmith_facts::{Location, inside};
use modsmith_plan::{Command, Environment, Surroundings, Walls, is_secret_variable};
use modsmith_sandbox::{Build, Confinement, Level, Readable, Rung, User, View, Wall, can_become_nobody};

/// The confinement of a build's programs.
pub(crate) struct Confined {
    walls: Walls,
    level: Level,
    /// Walls that the administrator has taken away for the package.
    lifted: Vec<Wall>,
    /// What programs get of the caller's environment.
    environment: Vec<(String, String)>,
    /// Directories that the administrator has opened to it.
    opened: Vec<PathBuf>,
}

/// A system user for builds, where the distribution's package has made one.
const BUILD_USER: &str = "_modsmith";

/// Variables of the caller's that steer builds, or say which language programs speak.
const PASSED: [&str; 24] = [
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "ARCH",
    "CROSS_COMPILE",
    "LLVM",
    "LLVM_IAS",
    "V",
    "W",
    "C",
    "KCFLAGS",
    "KCPPFLAGS",
    "KAFLAGS",
    "KRUSTFLAGS",
    "HOSTCC",
    "HOSTCXX",
    "HOSTCFLAGS",
    "HOSTCXXFLAGS",
    "RUSTC",
    "BINDGEN",
    "PAHOLE",
    "SOURCE_DATE_EPOCH",
    "MAKEFLAGS",
];

/// The same by how their names begin.
const PASSED_PREFIXES: [&str; 4] = ["LC_", "KBUILD_", "IGNORE_", "CCACHE_"];

/// Directories that no home covers.
const OF_THE_SYSTEM: [&str; 13] =
    ["/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/opt", "/proc", "/sbin", "/sys", "/usr", "/var"];

/// The confinement of a package's build, which works in `directory` and finds it at `at`. `None`
/// where the administrator has turned it off.
///
/// # Errors
/// `ConfinementMissing` where more is required than this system has; settings that cannot be used.
pub(crate) fn confinement(
    run: &Invocation<'_>,
    package: &Package,
    conf: &PackageConf,
    kernel: &Kernel,
    directory: &Location,
    at: &Location,
) -> Result<Option<Confined>> {
    let settings = Settings::read()?.recipe(&package.id.module);
    if settings.confinement == Demand::Off {
        return Ok(None);
    }
    let scene = Scene { run, package, conf, kernel, settings: &settings };
    // Where not everybody may enter the root itself, another user finds nothing.
    let can_change = !settings.as_root && can_become_nobody() && can_enter(run.env.build_root());
    let mut user = can_change.then(build_user);
    let mut level = scene.level(true, user)?;
    let view = level.has(Wall::View);
    if scene.is_out_of_reach(directory, view) {
        user = None;
    }
    if !view || user.is_none() {
        level = scene.level(view, user)?;
    }
    let lifted = settings.lifted();
    if settings.confinement == Demand::Require && level.rung(&lifted) < Rung::Confined {
        return Err(refusal(package, level, &lifted));
    }
    let walls = Walls {
        directory: directory.clone(),
        at: at.clone(),
        writable: existing(&settings.write),
        // What compilers answered one recipe is not believed by another one.
        own: run.runner.shims().map(|shims| shims.answers()).filter(|_| view),
        view: view.then(|| scene.surroundings(user.is_some())),
        readable: scene.limits_reading(user).then(|| scene.readable()),
        user,
        network: settings.network,
        required: level.walls().collect(),
    };
    let opened = [settings.read.as_slice(), &settings.write].concat();
    Ok(Some(Confined { walls, level, lifted, environment: scene.environment(), opened }))
}

impl Confined {
    /// The command behind the walls.
    pub fn apply(&self, command: &mut Command) {
        let (Environment::Clean(own) | Environment::Inherited(own)) = &command.environment;
        let environment = Environment::Clean([self.environment.as_slice(), own].concat());
        (command.environment, command.walls) = (environment, Some(self.walls.clone()));
    }

    /// The same for a program of the system that works on what a recipe has made.
    pub fn apply_to_tool(&self, command: &mut Command) {
        command.directory = Some(self.walls.directory.clone());
        command.walls = Some(Walls { own: None, ..self.walls.clone() });
    }

    /// The same for one that works for all packages: what it has of its own is taken over.
    pub fn apply_in_copy(&self, directory: &Location, command: &mut Command) {
        self.apply(command);
        let walls = Walls { directory: directory.clone(), at: directory.clone(), ..self.walls.clone() };
        (command.directory, command.walls) = (Some(directory.clone()), Some(walls));
    }

    /// What programs get of the caller's environment.
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Why a build may depend on, or do, more than is declared, as a clause.
    pub fn undeclared(&self) -> Option<String> {
        let rung = self.level.rung(&[]);
        match self.opened.first() {
            Some(path) => Some(format!("{FILE} lets its recipe use {}", path.display())),
            None if rung < Rung::Confined => Some(format!("its recipe is confined at the level `{rung}` only")),
            None => None,
        }
    }

    /// In words, as logs and plans have it.
    pub fn words(&self) -> String {
        self.record().words()
    }

    /// As the record of the build has it.
    pub fn record(&self) -> RecordedConfinement {
        let missing = self.level.reasons().map(|(wall, why)| {
            let why = if self.lifted.contains(&wall) { format!("allowed in {FILE}") } else { why };
            MissingWall { wall: wall.to_string(), why }
        });
        RecordedConfinement { level: self.level.rung(&self.lifted).name().to_owned(), missing: missing.collect() }
    }
}

impl RecipeSettings {
    /// Walls that are not missed.
    fn lifted(&self) -> Vec<Wall> {
        let network = self.network.then_some(Wall::Network);
        network.into_iter().chain(self.as_root.then_some(Wall::Secrets)).collect()
    }
}

fn refusal(package: &Package, level: Level, lifted: &[Wall]) -> Error {
    let needed = [Wall::Network, Wall::Writes, Wall::Secrets, Wall::Privileges];
    let missing = level.reasons().filter(|(wall, _)| needed.contains(wall) && !lifted.contains(wall));
    let missing = missing.map(|(wall, why)| format!("{wall}: {why}"));
    let message = format!(
        "{} is not built: {FILE} requires that its recipe is confined, and this system reaches the level `{}` only.",
        package.id,
        level.rung(lifted)
    );
    Error::new(Kind::ConfinementMissing, message).details(missing).hint(format!(
        "Build where Landlock and seccomp are available, or write `confinement = \"best\"` below `[package.{}]` in {FILE}.",
        package.id.module
    ))
}

/// What is known of a build before it begins.
struct Scene<'s> {
    run: &'s Invocation<'s>,
    package: &'s Package,
    conf: &'s PackageConf,
    kernel: &'s Kernel,
    settings: &'s RecipeSettings,
}

impl Scene<'_> {
    fn tree(&self) -> PathBuf {
        real(self.run.env.tree.path())
    }

    /// Whether it is chosen what programs may read: modes of files do not restrict the caller. What
    /// is public in another system is not known here.
    fn limits_reading(&self, user: Option<User>) -> bool {
        user.is_none() && !self.settings.as_root && self.run.env.build_root() == Path::new("/")
    }

    /// The level that programs reach, with a view of their own or without.
    fn level(&self, view: bool, user: Option<User>) -> Result<Level> {
        let root = self.run.env.build_root();
        let readable = self.limits_reading(user).then(Readable::default);
        let own_view = view.then(View::new);
        let build = Build {
            root,
            directory: Path::new("/"),
            writable: Vec::new(),
            readable: readable.as_ref(),
            view: own_view.as_ref(),
            user,
            network: self.settings.network,
            open: Vec::new(),
        };
        let probe = || Confinement::build(&build).and_then(Confinement::probe);
        let question = (view, user.is_some(), readable.is_some(), self.settings.network);
        let level = self.run.facts.confinement_level(question, probe);
        level.map_err(|e| Error::new(Kind::System, format!("The confinement of builds could not be tried: {e}.")))
    }

    /// Directories that the build has a use for beside its own, whatever is hidden above them.
    fn used(&self) -> Vec<PathBuf> {
        let Self { run, package, kernel, settings, .. } = self;
        let tree = self.tree();
        let open = |path: &PathBuf| [path.clone(), path.join(&package.id.version)].iter().all(|path| can_enter(path));
        let own = Some(tree.join(&package.id.module)).filter(open);
        let needed = self.conf.build_depends.iter().map(|name| tree.join(name));
        let mut used: Vec<PathBuf> = own.into_iter().chain(needed).collect();
        used.push(package.source.clone());
        used.push(run.env.overrides_dir().join(&package.id.module));
        used.extend(run.env.framework.build_environment().map(Path::to_path_buf));
        used.extend(run.runner.shims().map(|shims| shims.directory().to_path_buf()));
        used.extend(kernel_directories(kernel));
        used.extend(settings.read.iter().cloned());
        existing(&used)
    }

    fn surroundings(&self, other_user: bool) -> Surroundings {
        let tree = self.tree();
        let mut kept = self.used();
        let mut hidden = vec![tree.clone(), PathBuf::from("/root")];
        hidden.extend(self.home());
        if other_user {
            hidden.extend(kept.iter().chain([&tree]).filter_map(|path| self.closed_above(path)));
        }
        let root = self.run.env.build_root();
        hidden.retain(|path| path.starts_with(root));
        kept.retain(|path| path.starts_with(root));
        Surroundings { hidden: existing(&hidden), kept }
    }

    /// Whether another user than root would not come to where the build works, or to the kernel's
    /// headers. A view of its own leads past the directories above them.
    fn is_out_of_reach(&self, directory: &Location, view: bool) -> bool {
        let closed = |path: &PathBuf| !can_enter(path) || (!view && self.closed_above(path).is_some());
        let works_in = real(&self.run.env.tree.real(directory));
        (!view && self.closed_above(&works_in).is_some()) || kernel_directories(self.kernel).iter().any(closed)
    }

    /// The outermost directory above a path that others may not enter.
    fn closed_above(&self, path: &Path) -> Option<PathBuf> {
        let mut above: Vec<&Path> = path.ancestors().skip(1).filter(|path| path.parent().is_some()).collect();
        above.reverse();
        above.into_iter().find(|path| path.is_dir() && !can_enter(path)).map(Path::to_path_buf)
    }

    /// The caller's home, where it is a directory of its own.
    fn home(&self) -> Option<PathBuf> {
        let home = real(Path::new(self.run.env.environment.var("HOME")?));
        (home.is_absolute() && !OF_THE_SYSTEM.iter().any(|path| home == Path::new(path))).then_some(home)
    }

    /// What one may read that stays the caller.
    fn readable(&self) -> Readable {
        let mut readable = Readable::system(false);
        for path in self.used().iter().chain(&self.settings.write) {
            if path.is_dir() { readable.and_directory(path) } else { readable.and_file(path) }
        }
        kernel_directories(self.kernel)
            .iter()
            .for_each(|path| crate::conf::confinement::open_kernel(&mut readable, path));
        readable
    }

    /// The caller's variables that programs get. Without one of `LC_ALL`, the caller's language counts.
    fn environment(&self) -> Vec<(String, String)> {
        let passes = |name: &str| {
            PASSED.contains(&name)
                || PASSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                || self.settings.environment.iter().any(|asked| asked == name)
        };
        // A PIN is for the program that signs, whatever the settings say.
        let callers = self.run.env.environment.texts().filter(|(name, _)| passes(name) && !is_secret_variable(name));
        std::iter::once(("LC_ALL".to_owned(), String::new())).chain(callers).collect()
    }
}

/// Where a kernel's modules, headers and source are, links resolved. Parts of the headers can be
/// elsewhere, behind links and where their makefile goes on.
fn kernel_directories(kernel: &Kernel) -> Vec<PathBuf> {
    let headers = kernel.headers().map(Path::to_path_buf);
    let entries = headers.iter().filter_map(|headers| std::fs::read_dir(headers).ok()).flatten().flatten();
    let parts: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_symlink()).collect();
    let links = ["build", "source"].map(|name| kernel.module_dir().join(name));
    let source = headers.iter().map(|headers| headers.join("source")).collect::<Vec<_>>();
    let makefile = headers.iter().filter_map(|headers| inside::read_configuration_text(&headers.join("Makefile")).ok());
    let parts = parts.into_iter().chain(makefile.flat_map(|text| source_trees(&text))).collect::<Vec<_>>();
    let all = [kernel.module_dir().to_path_buf(), kernel.source_dir().to_path_buf()];
    existing(&all.into_iter().chain(headers).chain(links).chain(source).chain(parts).collect::<Vec<_>>())
}

/// Those that exist, links resolved, each once.
fn existing(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
    found.sort();
    found.dedup();
    found
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// Whether everybody may enter a directory.
fn can_enter(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
}

/// The user whom root becomes to build. Source: passwd(5).
fn build_user() -> User {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of_line = |line: &str| {
        let mut fields = line.strip_prefix(BUILD_USER)?.strip_prefix(':')?.split(':').skip(1);
        Some(User { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    };
    users.lines().find_map(of_line).filter(|user| user.uid != 0 && user.gid != 0).unwrap_or(User::NOBODY)
}
