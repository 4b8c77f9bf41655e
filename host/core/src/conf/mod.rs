//! dkms.conf, its override files and framework.conf → typed values.
//!
//! Two stages. [`evaluate`] gives each directive's slots as text, with where
//! each came from, through one of two readers that agree: the plain reader
//! (no shell) where the file is simple enough, else real bash in a restricted
//! child. [`PackageConf::from_evaluated`] validates and types them.

pub(crate) mod confinement;
pub(crate) mod criticality;
pub mod directives;
mod environment;
mod evaluate;
mod exclusive;
pub mod framework;
mod make;
mod package;
mod pattern;
mod placeholder;
pub mod report;
pub(crate) mod revoked;
mod settings;
pub(crate) mod signing_policy;
mod source;
pub(crate) mod store;
mod sysconfig;
mod user;
mod validate;
pub mod version;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use directives::DIRECTIVES;
pub use evaluate::{TIME_LIMIT, evaluate, evaluate_within};
pub use make::{default_make_command, make_command, only_jobserver_tells};
pub use placeholder::Placeholder;
pub(crate) use settings::SettingsFile;
pub use source::{Reading, check_readable};
pub use store::bytes_of_size;
pub use sysconfig::addon_modules_dir;

/// The shell variables that a dkms.conf may read.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    pub kernelver: String,
    pub arch: String,
    pub kernel_source_dir: String,
    pub kernel_config: String,
    pub dkms_tree: String,
    pub source_tree: String,
    pub install_tree: String,
    pub module: String,
    pub module_version: String,
}

/// What to evaluate.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The package's dkms.conf.
    pub conf: &'a Path,
    /// Override files that may exist, in order; later ones win per slot. See
    /// [`override_files`].
    pub overrides: Vec<PathBuf>,
    pub variables: &'a Variables,
    /// `--directive NAME=VALUE`, applied last, to slot 0.
    pub directives: &'a [(String, String)],
    pub reader: ReaderChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReaderChoice {
    /// Plain where the file allows it, else bash.
    #[default]
    Auto,
    Plain,
    Bash,
}

/// Which reader read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    Plain,
    Bash,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    File(PathBuf),
    /// A `DKMS_DIRECTIVE*` environment variable.
    Environment,
    /// `--directive`.
    CommandLine,
    Default,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub value: String,
    pub origin: Origin,
    /// `None` for values that no file reader produced.
    pub reader: Option<Reader>,
}

/// All directives with their slots, as text.
#[derive(Debug, Clone, Default)]
pub struct Evaluated {
    pub directives: BTreeMap<String, BTreeMap<u32, Slot>>,
    /// The dkms.conf that was read.
    pub file: PathBuf,
    /// What the shell printed on standard error while reading.
    pub stderr: String,
    /// How each file was read, in order.
    pub readings: Vec<Reading>,
    /// `MAKE_<x>` directives of the 1.x format that the file seems to set.
    pub make_1x: Vec<String>,
}

/// Which checks a validation makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// For taking installed modules away: wrong values that matter only to a build or an
    /// installation are passed over, so that a package that became invalid can still go.
    Removal,
    /// For looking at many packages: no notices, no duplicates.
    Lenient,
    /// For add, build and install: duplicates too, and notices of deprecation.
    Strict,
}

/// One kernel module that the package makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRecord {
    /// Base name of the file that make produces, without suffix.
    pub built_name: String,
    /// Directory of that file below the build directory; empty for the top.
    pub built_location: String,
    /// Base name of the installed file.
    pub dest_name: String,
    /// Where the package wants it, as written: `/kernel/drivers/x`.
    pub dest_location: String,
    pub strip: bool,
}

/// A patch, in order of application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    pub file: String,
    /// Unanchored ERE on the kernel release; empty matches all.
    pub matches: String,
}

/// The hook scripts: a program below the build or source directory and its
/// arguments, unsplit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scripts {
    pub post_add: Option<String>,
    pub pre_build: Option<String>,
    pub post_build: Option<String>,
    pub pre_install: Option<String>,
    pub post_install: Option<String>,
    pub post_remove: Option<String>,
}

/// One slot of the BUILD_EXCLUSIVE_* family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusive {
    pub kernel: Option<String>,
    pub kernel_min: Option<String>,
    pub kernel_max: Option<String>,
    pub arch: Option<String>,
    pub config: Vec<String>,
}

/// A validated dkms.conf.
#[derive(Debug, Clone, Default)]
pub struct PackageConf {
    pub name: String,
    pub version: String,
    pub modules: Vec<ModuleRecord>,
    /// The make command as written, before any rewriting; `None` for the
    /// default command.
    pub make: Option<String>,
    /// The patches whose match applies to the kernel.
    pub patches: Vec<Patch>,
    pub scripts: Scripts,
    /// The slots that demand something: slot 0 is about the whole package, each other slot about
    /// its module. Source: dkms 3.3.0.
    pub exclusive: BTreeMap<u32, Exclusive>,
    /// Modules that are not for the kernel, each with the reason; they are not among
    /// `modules`. See [`PackageConf::exclude`].
    pub excluded: Vec<(ModuleRecord, String)>,
    pub build_depends: Vec<String>,
    pub build_depends_rebuild: bool,
    pub obsolete_by: Option<String>,
    pub autoinstall: bool,
    pub no_weak_modules: bool,
    pub remake_initrd: bool,
    /// All slots as evaluated, for plugins and `modsmith conf`.
    pub evaluated: Evaluated,
    /// Notices for add, build and install, such as deprecated directives.
    pub notices: Vec<String>,
    /// Placeholders that no program has filled in; the notices explain them.
    pub placeholders: Vec<Placeholder>,
}

/// The override files of a module in order, whether they exist or not; later
/// ones win. Source: dkms 3.2.2 (the last two since 3.1.6).
pub fn override_files(etc_dkms: &Path, module: &str, version: &str, kernel: &str, arch: &str) -> Vec<PathBuf> {
    [
        format!("{module}.conf"),
        format!("{module}-{version}.conf"),
        format!("{module}-{version}-{kernel}.conf"),
        format!("{module}-{version}-{kernel}-{arch}.conf"),
        format!("{module}--{kernel}.conf"),
        format!("{module}--{kernel}-{arch}.conf"),
    ]
    .into_iter()
    .map(|name| etc_dkms.join(name))
    .collect()
}

/// Whether an override file is there. A directory of its name is none: dkms ignores it, too.
pub(crate) fn is_override(path: &Path) -> bool {
    modsmith_facts::inside::metadata(path).is_ok_and(|metadata| !metadata.is_dir())
}

/// How many processors this process may use. Asked once: it takes a look at
/// control groups.
pub(crate) fn processors() -> u32 {
    static PROCESSORS: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let count = || std::thread::available_parallelism().ok().and_then(|n| u32::try_from(n.get()).ok()).unwrap_or(1);
    *PROCESSORS.get_or_init(count)
}
