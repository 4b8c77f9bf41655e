//! The hook scripts that a dkms.conf names.

use crate::kernel::{Kernel, Toolchain};
use crate::plan::{Command, Environment, LogBlock, OnFailure, Place, Program};
use crate::system::Location;
use crate::tree::Package;

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
/// is where it runs; the others are arguments, split at blanks. `None` for a
/// script that is empty or would be outside the directory.
pub fn command(script: &str, directory: &Location, environment: Environment) -> Option<Command> {
    let mut words = script.split_whitespace();
    let program = directory.join(words.next()?).ok()?;
    let mut command = Command::of(Program::At(program)).args(words);
    command.directory = Some(directory.clone());
    command.environment = environment;
    command.time_limit = None;
    command.place = Place::Either;
    command.optional = true;
    Some(command)
}

/// The same with its output kept in a log.
pub fn logged(mut command: Command, log: &Location, description: &str, text: &str) -> Command {
    command.log = Some(LogBlock { at: log.clone(), description: description.to_owned(), command: text.to_owned() });
    command
}

/// The same with failure of no consequence.
pub fn ignored(mut command: Command) -> Command {
    command.failure = OnFailure::Ignore;
    command
}
