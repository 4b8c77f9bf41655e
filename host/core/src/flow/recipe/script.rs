//! The hook scripts that a dkms.conf names.

use std::path::Path;

use crate::build::Toolchain;
use crate::flow::Invocation;
use crate::tree::Package;
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Location, Root};
use modsmith_plan::{Command, Environment, LogBlock, OnFailure, Program, RunsIn};

/// What scripts and make find in their environment, beside the caller's own.
pub fn environment(package: &Package, kernel: &Kernel, toolchain: &Toolchain) -> Environment {
    let mut variables = vec![
        ("kernelver".to_owned(), kernel.release().to_owned()),
        ("arch".to_owned(), kernel.arch().to_owned()),
        ("module".to_owned(), package.id.module.clone()),
        ("module_version".to_owned(), package.id.version.clone()),
    ];
    variables.extend(toolchain.variables.iter().cloned());
    Environment::Inherited(variables)
}

/// The command for a script: its first word is a file below `directory`, which
/// is where it runs, or one that the administrator has put in its place; the
/// others are arguments, split at blanks. `None` for a script that is empty or
/// would be outside the directory.
pub(crate) fn script_command(
    run: &Invocation<'_>,
    package: &Package,
    script: &str,
    directory: &Location,
    environment: Environment,
) -> Option<Command> {
    let mut words = script.split_whitespace();
    let name = words.next()?;
    let program = directory.join(name).ok()?;
    let program = administrators(run, package, Path::new(name)).unwrap_or(program);
    Some(command(program, words, directory, environment))
}

/// A file of this name that the administrator has put below
/// `/etc/dkms/MODULE/`: it counts instead of the source's. Source: dkms 3.4.0.
pub(crate) fn administrators(run: &Invocation<'_>, package: &Package, name: &Path) -> Option<Location> {
    let directory = Location::new(Root::Etc, "dkms").and_then(|location| location.join(&package.id.module));
    let location = directory.and_then(|location| location.join(name)).ok()?;
    run.env.system.roots.path(&location).filter(|path| path.is_file()).map(|_| location)
}

fn command<'w>(
    program: Location,
    words: impl Iterator<Item = &'w str>,
    directory: &Location,
    environment: Environment,
) -> Command {
    let mut command = Command::of(Program::At(program)).args(words);
    command.directory = Some(directory.clone());
    command.environment = environment;
    command.time_limit = None;
    command.runs_in = RunsIn::Either;
    command.optional = true;
    command
}

/// The command, with its output kept in a log.
pub fn logged(mut command: Command, log: &Location, description: &str, text: &str) -> Command {
    command.log =
        Some(LogBlock { location: log.clone(), description: description.to_owned(), command: text.to_owned() });
    command
}

/// The command, with its failure ignored.
pub fn ignored(mut command: Command) -> Command {
    command.failure = OnFailure::Ignore;
    command
}
