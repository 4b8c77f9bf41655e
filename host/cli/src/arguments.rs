//! The arguments of the command line, for clap.

mod empty;
mod health;
mod people;
mod plugins;

use std::path::PathBuf;

use clap::{ArgAction, ArgMatches, Args, FromArgMatches, Parser};

use super::Persona;
pub use empty::without_empty;
pub use health::{CheckArguments, KeysArguments, ReadyArguments};
pub use people::{ExplainArguments, Grouping, HelpArguments, View, ViewArguments};
pub use plugins::{AuthorArguments, DevelopmentArguments, PluginArguments, PluginCommand};

/// Builds, installs and maintains out-of-tree kernel modules.
#[derive(Debug, Default, Parser)]
#[command(
    name = "modsmith",
    disable_version_flag = true,
    // Callers add options to those that a variable of theirs has already.
    args_override_self = true,
    // Only `dkms` has this text: the help of `modsmith` is made from the table of commands.
    after_help = "Actions: add, build, install, uninstall, unbuild, remove, status, match, autoinstall,\n\
                  kernel_preinst, kernel_postinst, kernel_prerm, generate_mok.\n\
                  Modules are named m/v, -m m -v v, by a directory with a dkms.conf,\n\
                  or by an archive of one."
)]
pub struct Arguments {
    /// Action, and module as m, m/v, source directory, dkms.conf or archive
    #[arg(value_name = "ACTION|MODULE")]
    pub words: Vec<String>,
    /// Module, as m or m/v
    #[arg(short, long)]
    pub module: Option<String>,
    /// Version of the module
    #[arg(short = 'v', value_name = "VERSION")]
    pub module_version: Option<String>,
    /// Kernel release, or release/architecture; may be repeated
    #[arg(short, long = "kernelver", value_name = "KERNEL", action = ArgAction::Append)]
    pub kernels: Vec<String>,
    /// Architecture; may be repeated, once for each kernel
    #[arg(short, long = "arch", value_name = "ARCH", action = ArgAction::Append)]
    pub archs: Vec<String>,
    /// All kernels that the module is built for
    #[arg(long)]
    pub all: bool,
    /// Override version checks; build and install again
    #[arg(long)]
    pub force: bool,
    /// Override the version check only
    #[arg(long)]
    pub force_version_override: bool,
    /// The dkms.conf to use instead of the one in the source
    #[arg(short = 'c', value_name = "FILE")]
    pub conf: Option<PathBuf>,
    /// Kernel configuration to use
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory to use instead of the kernel's `build`
    #[arg(long, value_name = "DIR")]
    pub kernelsourcedir: Option<PathBuf>,
    /// Set a dkms.conf directive, as NAME=VALUE; may be repeated
    #[arg(long = "directive", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub directives: Vec<String>,
    /// Jobs for make; 0 for no limit
    #[arg(short, value_name = "JOBS")]
    pub jobs: Option<u32>,
    /// Do not run depmod
    #[arg(long)]
    pub no_depmod: bool,
    /// Do not regenerate the boot image
    #[arg(long)]
    pub no_initrd: bool,
    /// Of dkms 2: leave the source tree of a kernel before 2.6.5 as it is
    #[arg(long, hide = true)]
    pub no_prepare_kernel: bool,
    /// Of dkms 2: leave the source tree of such a kernel as it was built with
    #[arg(long, hide = true)]
    pub no_clean_kernel: bool,
    /// Load modules for this machine's devices after an install for the running kernel
    #[arg(long)]
    pub modprobe_on_install: bool,
    /// For package scriptlets: remove does nothing if the same upgrade has just added the package
    #[arg(long = "rpm_safe_upgrade")]
    pub rpm_safe_upgrade: bool,
    /// Link modules into the kernel's directory instead of copying
    #[arg(long)]
    pub symlink_modules: bool,
    /// Kernel whose modules are matched
    #[arg(long, value_name = "KERNEL")]
    pub templatekernel: Option<String>,
    #[command(flatten)]
    pub directories: DirectoryArguments,
    /// Read this file instead of the system's os-release
    #[arg(long, value_name = "FILE")]
    pub os_release: Option<PathBuf>,
    /// Show what would be done, and why; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write status and plans as JSON
    #[arg(long)]
    pub json: bool,
    /// Show commands
    #[arg(long)]
    pub verbose: bool,
    /// Log to standard error what is read and decided
    #[arg(long)]
    pub debug: bool,
    /// Print nothing
    #[arg(short, long)]
    pub quiet: bool,
    /// Print the version
    #[arg(short = 'V', long)]
    pub version: bool,
    /// The arguments that name the module or its version, in the order given: later ones
    /// count.
    #[arg(skip)]
    pub naming: Vec<PackageArg>,
    /// Only `modsmith` has these options.
    #[arg(skip)]
    pub view: ViewArguments,
}

/// A piece of the command line that names a module or its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageArg {
    /// `-m`: a module, or module and version.
    Module(String),
    /// `-v`
    Version(String),
    /// A word.
    Word(String),
}

impl Arguments {
    /// The arguments, with their order where that matters.
    ///
    /// # Errors
    /// Takes the arguments from clap.
    pub fn of(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut naming = Vec::new();
        for (id, wrap) in [
            ("module", PackageArg::Module as fn(String) -> PackageArg),
            ("module_version", PackageArg::Version),
            ("words", PackageArg::Word),
        ] {
            let values = matches.get_many::<String>(id).into_iter().flatten().cloned();
            naming.extend(matches.indices_of(id).into_iter().flatten().zip(values.map(wrap)));
        }
        naming.sort_by_key(|(index, _)| *index);
        let naming = naming.into_iter().map(|(_, naming)| naming).collect();
        // The command line of `dkms` does not have these options; the one of `modsmith` has a value for each flag.
        let view = match matches.try_get_one::<bool>("failed") {
            Ok(Some(_)) => ViewArguments::from_arg_matches(matches)?,
            Ok(None) | Err(_) => ViewArguments::default(),
        };
        Ok(Self { naming, view, ..Self::from_arg_matches(matches)? })
    }

    /// Takes out a word that has been understood.
    pub fn take_word(&mut self, word: &str) {
        if let Some(index) = self.words.iter().position(|given| given == word) {
            self.words.remove(index);
        }
        if let Some(index) = self.naming.iter().position(|given| *given == PackageArg::Word(word.into())) {
            self.naming.remove(index);
        }
    }
}

/// The options for directories.
#[derive(Debug, Clone, Default, Args)]
pub struct DirectoryArguments {
    /// The module tree (default /var/lib/dkms)
    #[arg(long, value_name = "DIR")]
    pub dkmstree: Option<PathBuf>,
    /// Where sources are registered (default /usr/src)
    #[arg(long, value_name = "DIR")]
    pub sourcetree: Option<PathBuf>,
    /// Where kernels keep their modules (default /lib/modules)
    #[arg(long, value_name = "DIR")]
    pub installtree: Option<PathBuf>,
    /// Settings to read after framework.conf
    #[arg(long, value_name = "FILE")]
    pub dkmsframework: Option<PathBuf>,
    /// Work on the system below this directory
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// Shows what a dkms.conf says: each directive, its value, where it came from
/// and which reader read it.
#[derive(Debug, Parser)]
#[command(name = "modsmith conf")]
pub struct ConfArguments {
    /// A module in the tree or source tree as m/v, or a dkms.conf or its directory
    pub what: String,
    /// Kernel release to evaluate for
    #[arg(short, long = "kernelver", value_name = "KERNEL")]
    pub kernel: Option<String>,
    /// Architecture
    #[arg(short, long)]
    pub arch: Option<String>,
    /// Set a directive, as NAME=VALUE; may be repeated
    #[arg(long = "directive", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub directives: Vec<String>,
    /// Read with this reader only
    #[arg(long, value_enum, default_value = "auto")]
    pub reader: ReaderArgument,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub directories: DirectoryArguments,
}

/// Shows the log of a build: of a failed one, with when and why it failed and
/// what to do; of a successful one, as it was kept.
#[derive(Debug, Parser)]
#[command(name = "modsmith log")]
pub struct LogArguments {
    /// Package in the tree, as m/v, or as m if it has one version only
    #[arg(value_name = "MODULE")]
    pub package: String,
    /// Kernel release; default: that of the newest build
    #[arg(short, long = "kernelver", value_name = "KERNEL")]
    pub kernel: Option<String>,
    /// Architecture
    #[arg(short, long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// The build before that one
    #[arg(long)]
    pub previous: bool,
    /// Show the log of a build that is going on, as it grows
    #[arg(short, long, conflicts_with_all = ["json", "path", "previous"])]
    pub follow: bool,
    /// Print the path of the log only
    #[arg(long, conflicts_with = "json")]
    pub path: bool,
    /// Write JSON, without the log's text
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub directories: DirectoryArguments,
}

/// Says whether kernels would load built modules: each check of the kernel's loader,
/// with yes, no or unknown.
#[derive(Debug, Parser)]
#[command(name = "modsmith verify")]
pub struct VerifyArguments {
    /// Package in the tree, as m/v, or as m for all its versions; default: every package
    #[arg(value_name = "MODULE")]
    pub package: Option<String>,
    /// Kernel release; default: the running one
    #[arg(short, long = "kernelver", value_name = "KERNEL")]
    pub kernel: Option<String>,
    /// Architecture
    #[arg(short, long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// All kernels that modules are built for
    #[arg(long, conflicts_with = "kernel")]
    pub all: bool,
    /// Write JSON, with the evidence of each check
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub directories: DirectoryArguments,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum ReaderArgument {
    /// Without a shell where the file allows it, else bash
    Auto,
    Plain,
    Bash,
}

/// Prints the completion script of a shell.
#[derive(Debug, Parser)]
#[command(name = "modsmith completion")]
pub struct CompletionArguments {
    #[arg(value_enum)]
    pub shell: ShellArgument,
    /// Which of the program's names to complete
    #[arg(long, value_enum, default_value = "modsmith")]
    pub name: Persona,
    /// Print a short script that asks for the other one when it is first needed:
    /// actions of plugins that are installed later are then completed too
    #[arg(long)]
    pub on_demand: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum ShellArgument {
    Bash,
    Zsh,
    Fish,
}

/// Prints a manual page, for `man -l -`.
#[derive(Debug, Parser)]
#[command(name = "modsmith manual")]
pub struct ManualArguments {
    /// What to describe: the program by one of its names, or dkms.conf
    #[arg(long, value_enum, default_value = "modsmith")]
    pub name: ManualPage,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum ManualPage {
    Modsmith,
    Dkms,
    #[value(name = "dkms.conf")]
    DkmsConf,
}
