//! The arguments of commands about the state of the system.

use clap::Parser;

use super::DirectoryArguments;

/// Finds broken states of the tree and of installed modules, each with what was read and
/// what to do about it.
#[derive(Debug, Parser)]
#[command(name = "modsmith check")]
pub struct CheckArguments {
    /// Package in the tree, as m/v, or as m for all its versions; default: every package
    #[arg(value_name = "MODULE")]
    pub package: Option<String>,
    /// Kernel release; default: every kernel
    #[arg(short, long = "kernelver", value_name = "KERNEL")]
    pub kernel: Option<String>,
    /// Architecture
    #[arg(short, long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// Repair what can be repaired without losing anything, and check again
    #[arg(long)]
    pub repair: bool,
    /// Jobs for make; 0 for no limit
    #[arg(short, value_name = "JOBS")]
    pub jobs: Option<u32>,
    /// With --repair: show what would be done, and why; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub directories: DirectoryArguments,
}

/// Says whether a restart is safe: safe, degraded, unsafe or unknown, as exit codes 0 to 3.
#[derive(Debug, Parser)]
#[command(name = "modsmith ready")]
pub struct ReadyArguments {
    /// Kernel release
    #[arg(short, long = "kernelver", value_name = "KERNEL")]
    pub kernel: Option<String>,
    /// The kernel that the boot loader starts next; the default
    #[arg(long, conflicts_with = "kernel")]
    pub next: bool,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
    /// Write metrics for monitoring, in the form of OpenMetrics
    #[arg(long, conflicts_with = "json")]
    pub openmetrics: bool,
    #[command(flatten)]
    pub directories: DirectoryArguments,
}

/// Lists the keys that signatures of modules are checked with, and which kernels trust them.
#[derive(Debug, Parser)]
#[command(name = "modsmith keys")]
pub struct KeysArguments {
    /// Kernel release; default: every installed kernel
    #[arg(short, long = "kernelver", value_name = "KERNEL")]
    pub kernel: Option<String>,
    /// Write JSON, also with issuers, serial numbers and key ids
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub directories: DirectoryArguments,
}
