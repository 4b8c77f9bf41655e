//! The resource `command` of the `plan` interface: a program that a plugin completes
//! before a step runs it.

use std::time::Duration;

use wasmtime::component::Resource;

use super::CallState;
use super::kept::completes;
use crate::bindings::modsmith::plugin::plan::HostCommand;
use crate::bindings::modsmith::plugin::types::{self, Argument as WitArgument, Error};
use crate::grant::program;
use crate::imports::observed::Observation;
use modsmith_facts::find_program;
use modsmith_plan::{Action, Argument, Command, Environment, OnFailure, Program};

/// A program to run, as a plugin completes it.
#[derive(Debug, Default)]
pub struct PlannedCommand {
    program: String,
    arguments: Vec<WitArgument>,
    variables: Vec<(String, String)>,
    directory: Option<types::Path>,
    lines: Vec<WitArgument>,
    seconds: Option<u32>,
    accepts: Vec<u8>,
    on_failure: Option<String>,
}

impl CallState {
    /// The path of a granted program, if the program is installed.
    pub(super) fn program(&self, name: &str) -> Option<Program> {
        let program = program::find(name, &self.grant, &self.settings, &self.system, &self.roots)?;
        let path = match &program {
            Program::Named(name) => {
                let inside = find_program(&self.system.root, name);
                inside.map(|path| self.system.root.join(path.strip_prefix("/").unwrap_or(&path)))
            }
            Program::At(location) => self.roots.path(location),
        };
        if let Some(path) = path {
            self.observe(|| Observation::Program(path));
        }
        Some(program)
    }

    /// The step that runs a program.
    pub(super) fn command(&self, given: PlannedCommand) -> Result<Action, Error> {
        let name = &given.program;
        // A program that is granted but not installed stays in the plan under
        // its name: running it says that it is missing.
        let program = self
            .program(name)
            .or_else(|| program::place(name, &self.grant, &self.settings, &self.system, &self.roots).map(Program::At))
            .unwrap_or_else(|| Program::Named(name.clone()));
        let argument = |argument| match argument {
            WitArgument::Text(text) if text.contains('\0') => {
                Err(Error::invalid("an argument contains a NUL character"))
            }
            WitArgument::Text(text) => Ok(Argument::Text(text)),
            WitArgument::Location(path) => self.location(&path).map(Argument::Location),
        };
        if let Some((variable, _)) = given.variables.iter().find(|(_, value)| value.contains('\0')) {
            return Err(Error::invalid(format!("the value of the variable `{variable}` contains a NUL character")));
        }
        let mut command = Command {
            program,
            arguments: given.arguments.into_iter().map(argument).collect::<Result<_, _>>()?,
            environment: Environment::Clean(given.variables),
            input: given.lines.into_iter().map(argument).collect::<Result<_, _>>()?,
            directory: given.directory.map(|path| self.location(&path)).transpose()?,
            failure: given.on_failure.as_deref().map_or(Ok(OnFailure::Abort), on_failure)?,
            accepts: given.accepts,
            ..Command::new("")
        };
        if let Some(seconds) = given.seconds {
            command.time_limit = Some(Duration::from_secs(seconds.into()));
        }
        command.pass = self.grant.passes(&command);
        command.runs_in = self.grant.place(&command);
        Ok(Action::Run(command))
    }
}

/// The meaning of a failure, by the name that the interface has for it.
pub(super) fn on_failure(rule: &str) -> Result<OnFailure, Error> {
    match rule {
        "abort" => Ok(OnFailure::Abort),
        "warn" => Ok(OnFailure::Warn),
        "ignore" => Ok(OnFailure::Ignore),
        other => Err(Error::unsupported(format!("`{other}` is no rule for a failure: abort, warn, ignore"))),
    }
}

impl HostCommand for CallState {
    fn new(&mut self, program: String) -> wasmtime::Result<Resource<PlannedCommand>> {
        self.keep(&[&program])?;
        self.push(PlannedCommand { program, ..PlannedCommand::default() })
    }

    completes!(argument(PlannedCommand, argument: WitArgument) |command| command.arguments.push(argument));
    completes!(variable(PlannedCommand, name: String, value: String) |command| command.variables.push((name, value)));
    completes!(directory(PlannedCommand, at: types::Path) |command| command.directory = Some(at));
    completes!(line(PlannedCommand, line: WitArgument) |command| command.lines.push(line));
    completes!(time_limit(PlannedCommand, seconds: u32) |command| command.seconds = Some(seconds));
    completes!(accept(PlannedCommand, code: u8) |command| command.accepts.push(code));
    completes!(on_failure(PlannedCommand, rule: String) |command| command.on_failure = Some(rule));

    fn drop(&mut self, this: Resource<PlannedCommand>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
