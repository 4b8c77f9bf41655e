//! `modsmith store`: the builds that are kept on this machine.

use std::time::SystemTime;

use clap::{Parser, Subcommand};
use serde::Serialize;

use super::arguments::DirectoryArguments;
use super::invocation::handle_signals;
use super::output;
use super::renderers::{Dkms, Terminal};
use super::setup::{read_only, working};
use modsmith_core::Environment;
use modsmith_core::conf::bytes_of_size;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{
    Rebuilt, StoredBuild, UNUSED_DAYS, collect_headers, collect_store, rebuild, stored_builds, verify_store,
};
use modsmith_core::tree::{PackageId, Target, check_kernel_name};
use modsmith_facts::kernel::{machine, running_release};
use modsmith_facts::text::line;

/// Lists, verifies and removes the builds that are kept so that they are not made again.
#[derive(Debug, Parser)]
#[command(name = "modsmith store")]
pub struct StoreArguments {
    #[command(subcommand)]
    command: StoreCommand,
    #[command(flatten)]
    directories: DirectoryArguments,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// List the builds in the store, the one that was used last first
    List {
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove damaged builds, those that were not used for the longest time, and headers unpacked long ago
    Gc {
        /// Keep this much, such as `500 MiB`; default: what the settings say
        #[arg(long, value_name = "SIZE")]
        size: Option<String>,
    },
    /// Compare the files of all builds with their digests; with --rebuild, build a package twice and compare
    Verify {
        /// Package in the tree, as m/v
        #[arg(value_name = "MODULE", requires = "rebuild")]
        package: Option<String>,
        /// Build the package again, and compare with the store and with a second build
        #[arg(long, requires = "package")]
        rebuild: bool,
        /// Kernel release; default: the running one
        #[arg(short, long = "kernelver", value_name = "KERNEL", requires = "rebuild")]
        kernel: Option<String>,
        /// Architecture
        #[arg(short, long, value_name = "ARCH", requires = "rebuild")]
        arch: Option<String>,
        /// Write JSON
        #[arg(long, conflicts_with = "rebuild")]
        json: bool,
    },
}

/// `modsmith store list --json` and `verify --json`; described by `docs/reference/store-schema.json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema_version: u32,
    /// The size of all builds, in bytes.
    size: u64,
    builds: Vec<StoreRow<'a>>,
}

#[derive(Debug, Serialize)]
struct StoreRow<'a> {
    identity: String,
    used: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
}

/// Does what the command says.
pub fn run(arguments: &StoreArguments, environment: &Environment) -> Result<()> {
    let directories = &arguments.directories;
    match &arguments.command {
        StoreCommand::List { json } => show(&stored_builds(&read_only(directories, environment)?)?, *json),
        StoreCommand::Gc { size } => {
            let limit = size.as_deref().map(parse_size).transpose()?;
            let done = collect_store(&read_only(directories, environment)?, limit)?;
            output::lines(&format!(
                "Builds removed: {} ({}). Builds left: {} ({}).",
                done.removed,
                shown_size(done.freed),
                done.left,
                shown_size(done.size)
            ));
            let removed = collect_headers(&read_only(directories, environment)?)?;
            if removed > 0 {
                output::lines(&format!("Directories of headers removed, not used for {UNUSED_DAYS} days: {removed}."));
            }
            Ok(())
        }
        StoreCommand::Verify { package: Some(package), kernel, arch, .. } => {
            compare(directories, environment, package, kernel.as_deref(), arch.as_deref())
        }
        StoreCommand::Verify { json, .. } => {
            let builds = verify_store(&read_only(directories, environment)?)?;
            show(&builds, *json)?;
            match builds.iter().filter(|build| build.fault.is_some()).count() {
                0 => Ok(()),
                faults => Err(Error::new(Kind::System, format!("{faults} builds in the store are damaged."))
                    .hint("A damaged build is never used; `modsmith store gc` removes it.")),
            }
        }
    }
}

fn parse_size(text: &str) -> Result<u64> {
    bytes_of_size(text).ok_or_else(|| {
        Error::new(Kind::Usage, format!("`{text}` is no size."))
            .hint("Write a number and a unit: B, KiB, MiB, GiB or TiB, as in `500 MiB`.")
    })
}

fn show(builds: &[StoredBuild], json: bool) -> Result<()> {
    let sizes = builds.iter().filter_map(|build| build.facts.as_ref()).map(|facts| facts.size);
    let size = sizes.sum();
    if json {
        let builds = builds.iter().map(row).collect();
        return output::json(&Document { schema_version: 1, size, builds });
    }
    builds.iter().for_each(|build| output::lines(&line(&text(build))));
    let noun = if builds.len() == 1 { "build" } else { "builds" };
    output::lines(&format!("{} {noun}, {}", builds.len(), shown_size(size)));
    Ok(())
}

fn row(build: &StoredBuild) -> StoreRow<'_> {
    let facts = build.facts.as_ref();
    StoreRow {
        identity: build.identity.to_string(),
        used: time(build.used),
        package: facts.map(|facts| facts.package.as_str()),
        kernel: facts.map(|facts| facts.kernel.as_str()),
        arch: facts.map(|facts| facts.arch.as_str()),
        size: facts.map(|facts| facts.size),
        files: facts.map(|facts| facts.files.as_slice()),
        fault: build.fault.as_deref(),
    }
}

fn text(build: &StoredBuild) -> String {
    let what = match &build.facts {
        Some(facts) => format!("{}, {}, {}: {}", facts.package, facts.kernel, facts.arch, shown_size(facts.size)),
        None => "unknown".to_owned(),
    };
    let fault = build.fault.as_ref().map(|fault| format!(", damaged: {fault}")).unwrap_or_default();
    format!("{what}, used {}, {}{fault}", time(build.used), build.identity)
}

fn time(time: SystemTime) -> String {
    super::words::rfc3339(jiff::Timestamp::try_from(time).unwrap_or_default())
}

fn shown_size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        _ => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}

/// Builds a package again and compares.
fn compare(
    directories: &DirectoryArguments,
    environment: &Environment,
    package: &str,
    kernel: Option<&str>,
    arch: Option<&str>,
) -> Result<()> {
    let (module, version) = package.split_once('/').ok_or_else(|| {
        Error::new(Kind::Usage, format!("The version of {package} is missing."))
            .hint("Name both, as in `bbswitch/0.8`.")
    })?;
    let id = PackageId::new(module, version)?;
    let target = Target {
        kernel: kernel.map_or_else(running_release, str::to_owned),
        arch: arch.map_or_else(machine, str::to_owned),
    };
    check_kernel_name("kernel", &target.kernel)?;
    check_kernel_name("architecture", &target.arch)?;
    handle_signals();
    let lines = Dkms::new(false, false);
    let run = working(directories, environment, &lines)?;
    let outcome = rebuild(&run, &id, &target);
    Terminal::flush();
    let Rebuilt { stored, differing } = outcome?;
    let others = if stored { "the stored build and a second one" } else { "a second build: the store has none" };
    if differing.is_empty() {
        output::lines(&line(&format!("{id} for kernel {target} was built again, and is the same as {others}.")));
        return Ok(());
    }
    let message =
        format!("{id} for kernel {target} was built again, and differs from {others}: {}.", differing.join(", "));
    Err(Error::new(Kind::System, message).hint(
        "The recipe depends on something that is no input. Write `store = \"off\"` below its `[package.NAME]` in /etc/modsmith/store.toml.",
    ))
}
