//! `modsmith identity`: what goes into a build, and what differs between two builds.

use std::path::{Path, PathBuf};

use clap::Parser;
use serde::{Deserialize, Serialize};

use super::arguments::DirectoryArguments;
use super::output;
use super::setup::looking;
use modsmith_core::Environment;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{Described, identity};
use modsmith_core::tree::{PackageId, RecordedCompatible, Target, check_kernel_name};
use modsmith_facts::inside;
use modsmith_facts::kernel::{machine, running_release};
use modsmith_facts::text::line;
use modsmith_store::{Difference, Inputs, Value, digest};

/// Shows what goes into a build of a package: source, headers, compiler and the rest, with the
/// digest of all of it; for two kernels, or against a file, what differs.
#[derive(Debug, Parser)]
#[command(name = "modsmith identity")]
pub struct IdentityArguments {
    /// Package in the tree, as m/v
    #[arg(value_name = "MODULE")]
    package: String,
    /// Kernel release; default: the running one. Given twice, what differs is shown
    #[arg(short, long = "kernelver", value_name = "KERNEL", action = clap::ArgAction::Append)]
    kernels: Vec<String>,
    /// Architecture
    #[arg(short, long, value_name = "ARCH")]
    arch: Option<String>,
    /// Show what differs from what --json has written to this file
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Write JSON, with every file of the source
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    directories: DirectoryArguments,
}

/// `modsmith identity --json`; described by `docs/reference/identity-schema.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    schema_version: u32,
    builds: Vec<Build>,
    /// The differences of the second build from the first.
    #[serde(default, skip_serializing_if = "Option::is_none", skip_deserializing)]
    differences: Option<Vec<Difference>>,
}

/// One build, as it would be made now.
#[derive(Debug, Serialize, Deserialize)]
struct Build {
    module: String,
    version: String,
    kernel: String,
    arch: String,
    identity: String,
    /// Why such a build is not kept in the store; absent where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_kept: Option<String>,
    /// The build of other inputs that is in the tree in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compatible: Option<RecordedCompatible>,
    inputs: Inputs,
}

impl From<Described> for Build {
    fn from(described: Described) -> Self {
        let Described { id, target, identity, inputs, not_kept, compatible } = described;
        let PackageId { module, version } = id;
        let Target { kernel, arch } = target;
        Self { module, version, kernel, arch, identity: identity.to_string(), not_kept, compatible, inputs }
    }
}

/// Prints one identity with its inputs, or two and what differs.
pub fn run(arguments: &IdentityArguments, environment: &Environment) -> Result<()> {
    let id = package(&arguments.package)?;
    let targets = targets(arguments)?;
    let run = looking(&arguments.directories, environment)?;
    let mut builds: Vec<Build> = arguments.against.as_deref().map(read).transpose()?.into_iter().collect();
    for target in &targets {
        builds.push(identity(&run, &id, target)?.into());
    }
    let differences = match builds.as_slice() {
        [first, second] => Some(first.inputs.differences(&second.inputs)),
        _ => None,
    };
    if arguments.json {
        return output::json(&Document { schema_version: 1, builds, differences });
    }
    builds.iter().for_each(|build| output::lines(&line(&head(build))));
    match differences {
        None => builds.iter().for_each(|build| output::lines(&inputs(build))),
        Some(differences) => output::lines(&compared(&differences)),
    }
    Ok(())
}

/// A package with its version, as the command line has it.
pub(super) fn package(word: &str) -> Result<PackageId> {
    match word.split_once('/') {
        Some((module, version)) => PackageId::new(module, version),
        None if word.is_empty() => Err(Error::new(Kind::Usage, "The name of the package is empty.")
            .hint("Name module and version, as in `bbswitch/0.8`.")),
        None => Err(Error::new(Kind::Usage, format!("The version of {word} is missing."))
            .hint("Name both, as in `bbswitch/0.8`.")),
    }
}

fn targets(arguments: &IdentityArguments) -> Result<Vec<Target>> {
    let most = if arguments.against.is_some() { 1 } else { 2 };
    if arguments.kernels.len() > most {
        return Err(Error::new(Kind::Usage, "More than two builds cannot be compared.")
            .hint("Name two kernels, or one kernel and a file with --against."));
    }
    let named = match arguments.kernels.as_slice() {
        [] => vec![running_release()],
        kernels => kernels.to_vec(),
    };
    named.into_iter().map(|word| target(word, arguments.arch.clone())).collect()
}

/// A kernel, with its architecture after `/`, beside it, or that of this machine.
pub(super) fn target(word: String, arch: Option<String>) -> Result<Target> {
    let (kernel, arch) = match word.split_once('/') {
        Some((kernel, arch)) => (kernel.to_owned(), Some(arch.to_owned())),
        None => (word, arch),
    };
    let arch = arch.unwrap_or_else(machine);
    check_kernel_name("kernel", &kernel)?;
    check_kernel_name("architecture", &arch)?;
    Ok(Target { kernel, arch })
}

/// The first build of a document.
fn read(path: &Path) -> Result<Build> {
    let unfit = |why: String| {
        Error::new(Kind::Usage, format!("{} has no identity of a build: {why}.", path.display()))
            .hint("Write such a file with `modsmith identity MODULE/VERSION -k KERNEL --json`.")
    };
    let bytes = inside::read_file(path).map_err(|error| Error::io("read", path, error))?;
    let document: Document = serde_json::from_slice(&bytes).map_err(|error| unfit(error.to_string()))?;
    if document.schema_version != 1 {
        return Err(unfit(format!("its schema_version is {}, where 1 is needed", document.schema_version)));
    }
    document.builds.into_iter().next().ok_or_else(|| unfit("it lists no build".to_owned()))
}

fn head(build: &Build) -> String {
    let Build { module, version, kernel, arch, identity, not_kept, compatible, .. } = build;
    let compatible = compatible.as_ref().map(|of| format!(" (in its place is {}: {})", of.identity, of.reason));
    let compatible = compatible.unwrap_or_default();
    let not_kept = not_kept.as_ref().map(|why| format!(" (not kept in the store: {why})")).unwrap_or_default();
    format!("{module}/{version}, {kernel}, {arch}: {identity}{not_kept}{compatible}")
}

/// A line for each input; a tree has its digest, and its entries where they are few.
fn inputs(build: &Build) -> String {
    const MOST: usize = 8;
    let mut rows = Vec::new();
    for (name, value) in build.inputs.iter() {
        match value {
            Value::Text(text) => rows.push(format!("  {name}: {}", text.lines().last().unwrap_or_default())),
            Value::Tree(tree) if tree.is_empty() => rows.push(format!("  {name}: none")),
            Value::Tree(tree) => {
                let digest = digest(&serde_json::to_vec(tree).unwrap_or_default());
                rows.push(format!("  {name}: {} entries, {digest}", tree.len()));
                let few = if tree.len() > MOST { 0 } else { MOST };
                rows.extend(tree.iter().take(few).map(|(name, value)| match value {
                    Value::Text(text) => format!("    {name}: {text}"),
                    Value::Tree(tree) => format!("    {name}: {}", serde_json::to_string(tree).unwrap_or_default()),
                }));
            }
        }
    }
    rows.iter().map(|row| line(row)).collect::<Vec<_>>().join("\n")
}

fn compared(differences: &[Difference]) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "(none)".to_owned());
    let row = |difference: &Difference| {
        line(&format!("  {}: {} -> {}", difference.input.join(": "), text(&difference.first), text(&difference.second)))
            .into_owned()
    };
    match differences {
        [] => "Nothing differs.".to_owned(),
        _ => differences.iter().map(row).collect::<Vec<_>>().join("\n"),
    }
}
