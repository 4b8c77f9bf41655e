//! The arguments of `modsmith plugin`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Builds, tests, lists and examines plugins.
#[derive(Debug, Parser)]
#[command(name = "modsmith plugin")]
pub struct PluginArguments {
    #[command(subcommand)]
    pub command: PluginCommand,
    /// For the system below this directory, with this machine's plugins and grants;
    /// install, update and remove change the plugins of that system
    #[arg(long, value_name = "DIR", global = true)]
    pub root: Option<PathBuf>,
    /// With --root: the plugins, grants and policy are that system's own
    #[arg(long, global = true, requires = "root")]
    pub of_root: bool,
    /// Read this file instead of the system's os-release
    #[arg(long, value_name = "FILE", global = true)]
    pub os_release: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Compile plugins to components
    #[command(disable_help_flag = true)]
    Build(AuthorArguments),
    /// Test plugins: their cases, and laws that hold for every plugin
    #[command(disable_help_flag = true)]
    Test(AuthorArguments),
    /// Check a plugin for unused rights, unknown settings and keys, and different versions
    #[command(disable_help_flag = true)]
    Check(AuthorArguments),
    /// Start a plugin: a folder with code, a test case and a CI file
    #[command(disable_help_flag = true)]
    New(AuthorArguments),
    /// Make a plugin from what a compiler of any language made
    #[command(disable_help_flag = true)]
    Pack(AuthorArguments),
    /// Print the plugin interface, for generators of bindings
    #[command(disable_help_flag = true)]
    Wit(AuthorArguments),
    /// Put a plugin into an OCI registry, signed
    #[command(disable_help_flag = true)]
    Publish(AuthorArguments),
    /// Install plugins; that grants them nothing
    Install {
        /// A file, a directory of files, an https address, or a reference HOST/NAME[:TAG]
        source: String,
    },
    /// Install what the sources of installed plugins have now, if it is newer
    Update {
        /// Ids; else all plugins that were installed
        #[arg(value_name = "PLUGIN")]
        plugins: Vec<String>,
        /// Also a version that asks for more than was granted; it is not used without a new grant
        #[arg(long)]
        more_rights: bool,
    },
    /// Look for plugins in sources; none is installed
    Search {
        /// Part of the id, the description or a role; in a registry, the name of the repository
        word: Option<String>,
        /// A file, directory, https address or reference; else the sources of registries.toml
        #[arg(long = "in", value_name = "SOURCE")]
        sources: Vec<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Use a plugin for some time without a grant, as root; it is built first
    Dev(DevelopmentArguments),
    /// Remove a plugin that was installed, and its grant
    Remove {
        /// Id of a plugin that was installed
        plugin: String,
    },
    /// Print a page about a plugin, in Markdown
    #[command(disable_help_flag = true)]
    Docs(AuthorArguments),
    /// Show what a plugin would do on this system, granted or not
    #[command(disable_help_flag = true)]
    Plan(AuthorArguments),
    /// Record what a plugin sees and answers on this system, as cases of its tests
    #[command(disable_help_flag = true)]
    Record(AuthorArguments),
    /// List the plugins that are used on this system
    List {
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a plugin: what it requests and what it is granted
    Inspect {
        /// Id of an installed plugin, or a file
        plugin: String,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// List or write the hook files that run modsmith when kernels are installed or removed
    HookFiles {
        /// Id of an installed plugin; else those that serve this system
        plugin: Option<String>,
        /// Write the files below this directory
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
        /// Directory of the program, as written in the files
        #[arg(long, value_name = "DIR", default_value = "/usr/sbin")]
        sbindir: String,
        /// Directory of the program's own scripts, as written in the files
        #[arg(long, value_name = "DIR", default_value = "/usr/lib")]
        libdir: String,
    },
    /// Grant a plugin what its manifest requests; valid for its present file only
    Grant {
        /// Id of an installed plugin
        plugin: String,
    },
    /// Revoke the grant of a plugin
    Revoke {
        /// Id of a plugin that was granted
        plugin: String,
    },
}

/// Which plugin is in development, and how long.
#[derive(Debug, Clone, Args)]
pub struct DevelopmentArguments {
    /// The source folder of one plugin, or a plugin file
    #[arg(required_unless_present = "stop")]
    pub plugin: Option<PathBuf>,
    /// How long it is used, such as 90s, 30m or 1h; a day at most
    #[arg(long = "for", value_name = "TIME", default_value = "1h", conflicts_with = "stop")]
    pub time: String,
    /// End the use of the plugin of this id, or of all
    #[arg(long, value_name = "PLUGIN", num_args = 0..=1, conflicts_with = "plugin")]
    pub stop: Option<Option<String>>,
}

/// The words for the program of authors, which reads them.
#[derive(Debug, Clone, Args)]
pub struct AuthorArguments {
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<std::ffi::OsString>,
}
