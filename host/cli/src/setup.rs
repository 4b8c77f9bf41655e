//! Makes the system, its settings and its plugins from arguments.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::arguments::DirectoryArguments;
use super::scratch;
use modsmith_core::Environment;
use modsmith_core::conf::framework::Framework;
use modsmith_core::conf::{Origin, Slot, Variables};
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::event::Observer;
use modsmith_core::flow::{Env, Invocation, Mode, Options};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{OsRelease, Root, System, inside};
use modsmith_plan::Silent;
use modsmith_plugins::{Administration, FrameworkSettings, Plugins, SearchPath};

/// The system to work on, with framework.conf and the command line's trees
/// applied.
pub fn system(
    directories: &DirectoryArguments,
    os_release: Option<&Path>,
    environment: &Environment,
) -> Result<(Arc<System>, Framework)> {
    let root = match &directories.root {
        None => PathBuf::from("/"),
        Some(root) => std::fs::canonicalize(root)
            .map_err(|e| Error::io("use the root", root, e).hint("--root names an existing directory."))?,
    };
    inside::enter(&root);
    let os = match os_release {
        None => OsRelease::of_root(&root),
        Some(file) => OsRelease::read(file).map_err(|e| Error::io("read", file, e))?,
    };
    let mut system = System::new(&root, os);
    let further = directories.dkmsframework.as_deref().map(super::words::absolute).transpose()?;
    let framework =
        Framework::read(&etc_dkms(&system), further.as_deref(), &Variables::default(), for_settings(environment))?;
    let trees = [
        (Root::Tree, &directories.dkmstree, framework.dkms_tree()),
        (Root::SourceTree, &directories.sourcetree, framework.source_tree()),
        (Root::InstallTree, &directories.installtree, framework.install_tree()),
    ];
    for (name, given, configured) in trees {
        let path = match given {
            Some(path) => absolute(path)?,
            None => configured.to_path_buf(),
        };
        system.roots.set(name, system.outside(&path));
    }
    scratch::choose(&system, &framework, environment);
    Ok((Arc::new(system), framework))
}

fn etc_dkms(system: &System) -> PathBuf {
    system.roots.get(Root::Etc).unwrap_or(Path::new("/etc")).join("dkms")
}

/// The variables that settings may come from.
fn for_settings(environment: &Environment) -> impl Iterator<Item = (String, String)> {
    // Another user may own the directory that root's caller has.
    let root = rustix::process::geteuid().is_root();
    environment.texts().filter(move |(name, _)| !root || name != "TMPDIR")
}

/// The plugins of a system, with the settings that they get from framework.conf
/// and the environment. framework.conf is read again for a kernel whose release
/// it uses (`$kernelver` in a path); what cannot be read then counts as it was
/// read first.
pub fn plugins(
    system: &Arc<System>,
    framework: &Framework,
    directories: &DirectoryArguments,
    environment: &Environment,
) -> Plugins {
    plugins_of(SearchPath::from_environment(), system, framework, directories, environment)
}

/// As [`plugins`], with another search path.
pub fn plugins_of(
    search: SearchPath,
    system: &Arc<System>,
    framework: &Framework,
    directories: &DirectoryArguments,
    environment: &Environment,
) -> Plugins {
    let callers = environment.clone();
    let (etc, first) = (etc_dkms(system), framework.clone());
    let further = directories.dkmsframework.as_deref().and_then(|file| super::words::absolute(file).ok());
    let names_kernel = OnceLock::new();
    let of_kernel = move |kernel: &Kernel| {
        let again = *names_kernel.get_or_init(|| first.names_kernel());
        let variables = Variables {
            kernelver: kernel.release().to_owned(),
            arch: kernel.arch().to_owned(),
            ..Variables::default()
        };
        let read = || Framework::read(&etc, further.as_deref(), &variables, for_settings(&callers)).ok();
        again.then(read).flatten().map(|framework| plugin_settings(&framework))
    };
    Plugins::open(system.clone(), search, plugin_settings(framework))
        .with_environment(for_settings(environment))
        .with_settings_of_kernel(of_kernel)
        .compiling_isolated()
}

/// An invocation that only reads and prints nothing.
pub fn read_only(directories: &DirectoryArguments, environment: &Environment) -> Result<Invocation<'static>> {
    let (system, framework) = system(directories, None, environment)?;
    let plugins = Plugins::none(system.clone());
    let env = Env::new(system, framework, plugins, Options::default(), environment.clone());
    Ok(Invocation::new(env, &Silent, Mode::DryRun))
}

/// As [`read_only`], with plugins, which are asked and change nothing.
pub fn looking(directories: &DirectoryArguments, environment: &Environment) -> Result<Invocation<'static>> {
    Ok(Invocation::new(with_plugins(directories, environment, false)?, &Silent, Mode::DryRun))
}

/// As [`looking`], with options.
pub fn looking_with(
    directories: &DirectoryArguments,
    environment: &Environment,
    options: Options,
) -> Result<Invocation<'static>> {
    Ok(Invocation::new(with_options(directories, environment, false, options)?, &Silent, Mode::DryRun))
}

/// An invocation that builds for other machines: it does not sign, since each machine has a key of its own.
pub fn working_on_cell<'r>(
    directories: &DirectoryArguments,
    environment: &Environment,
    options: Options,
    observer: &'r dyn Observer,
) -> Result<Invocation<'r>> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let mut env = with_options(directories, environment, true, options)?;
    let never = Slot { value: "false".to_owned(), origin: Origin::CommandLine, reader: None };
    env.framework.settings.insert("try_sign_modules".to_owned(), never);
    Ok(Invocation::new(env, observer, Mode::Execute))
}

/// An invocation that carries plans out.
pub fn working<'r>(
    directories: &DirectoryArguments,
    environment: &Environment,
    observer: &'r dyn Observer,
) -> Result<Invocation<'r>> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    Ok(Invocation::new(with_plugins(directories, environment, true)?, observer, Mode::Execute))
}

fn with_plugins(directories: &DirectoryArguments, environment: &Environment, acting: bool) -> Result<Env> {
    with_options(directories, environment, acting, Options::default())
}

fn with_options(
    directories: &DirectoryArguments,
    environment: &Environment,
    acting: bool,
    options: Options,
) -> Result<Env> {
    let (system, framework) = system(directories, None, environment)?;
    let plugins =
        plugins(&system, &framework, directories, environment).acting(acting).on_problem(super::output::warning);
    Administration(&plugins).in_development().iter().for_each(|plugin| super::output::warning(&plugin.sentence()));
    Ok(Env::new(system, framework, plugins, options, environment.clone()))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|e| Error::io("use", path, e))?;
    if absolute.exists() && !absolute.is_dir() {
        return Err(Error::new(Kind::Usage, format!("{} is not a directory.", absolute.display()))
            .hint("--dkmstree, --sourcetree and --installtree name directories."));
    }
    Ok(absolute)
}

/// The settings of framework.conf that plugins may have: all that are not left at their defaults.
fn plugin_settings(framework: &Framework) -> FrameworkSettings {
    let set = framework.settings.iter().filter(|(_, slot)| slot.origin != Origin::Default);
    FrameworkSettings(set.map(|(name, slot)| (name.clone(), slot.value.clone())).collect())
}
