//! Arguments that only `modsmith` has: how it shows things to people.

use clap::{Args, CommandFactory, Parser};

use super::Arguments;

/// Who reads the output, and what `status` shows.
#[derive(Debug, Clone, Default, Args)]
pub struct ViewArguments {
    /// Who reads it: people, or scripts that know the lines of dkms; default: people on a terminal, else dkms
    #[arg(long, value_enum, value_name = "READER")]
    pub view: Option<View>,
    /// Write what happens while it happens: JSON, one event a line
    #[arg(long)]
    pub events: bool,
    /// Group packages by kernel, or kernels by package
    #[arg(long, value_enum, value_name = "GROUP")]
    pub by: Option<Grouping>,
    /// Only builds that failed
    #[arg(long)]
    pub failed: bool,
    /// Only what was built or has failed since then: a date, a time, or how long ago, as '2 days'
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum View {
    People,
    Dkms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Grouping {
    Package,
    Kernel,
}

/// `--color`, which is taken out before the command line is parsed: here for the help and
/// for completion.
#[derive(Debug, Args)]
struct ColorArgument {
    /// When to use colours: auto, always or never
    #[arg(long, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    color: Option<String>,
}

impl Arguments {
    /// The command line of `modsmith`: that of `dkms` and what only people need.
    pub fn for_people() -> clap::Command {
        let shared = Self::command();
        // Groups of arguments bring their descriptions.
        let about = shared.get_about().cloned().unwrap_or_default();
        let command = ColorArgument::augment_args(ViewArguments::augment_args(shared)).about(about);
        command.mut_args(|arg| if arg.get_id() == "kernels" { arg.alias("kernel") } else { arg })
    }
}

/// Shows the help of a command or of a topic.
#[derive(Debug, Parser)]
#[command(name = "modsmith help")]
pub struct HelpArguments {
    /// A command, or trees, kernels, signing, plugins, undo, dkms, exit codes
    #[arg(value_name = "COMMAND|TOPIC")]
    pub words: Vec<String>,
}

/// Says what an error means, what causes it and what to do.
#[derive(Debug, Parser)]
#[command(name = "modsmith explain")]
pub struct ExplainArguments {
    /// Id of an error, or an exit code; default: list all ids
    #[arg(value_name = "ID|EXIT-CODE")]
    pub id: Option<String>,
}
