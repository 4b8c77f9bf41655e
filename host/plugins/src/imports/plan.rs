//! The `plan` interface: steps that a plugin asks for, checked as they come.

use wasmtime::component::Resource;

use super::State;
use crate::bindings::modsmith::plugin::plan::{
    ArchiveFormat, Command as WitCommand, Host, HostBuilder, OnFailure, Signature as WitSignature,
    SignatureAlgorithm as WitAlgorithm,
};
use crate::bindings::modsmith::plugin::types::{self, Argument as WitArgument, Compression, Error};
use crate::exceeded::Exceeded;
use crate::limits::Limits;
use crate::pattern::LONGEST_PATTERN;
use crate::program;
use modsmith_facts::Location;
use modsmith_plan::{
    Action, Announce, ArchiveFormat as Format, Argument, Bytes, Command, Environment, OnFailure as Failure, Origin,
    Program, Signature, SignatureAlgorithm, Step, Undo, verbs,
};

/// Steps of one call, not yet in the plan: a failing call leaves none.
#[derive(Debug, Default)]
pub struct StepBuffer {
    pub steps: Vec<Step>,
    /// How many steps plugins had added to the plan before.
    steps_before: usize,
    /// Bytes of content in all of theirs.
    content: usize,
}

impl StepBuffer {
    /// A draft of further steps for a plan that has some.
    pub fn after(steps: &[Step]) -> Self {
        let theirs = || steps.iter().filter(|step| step.origin != Origin::Host);
        Self {
            steps: Vec::new(),
            steps_before: theirs().count(),
            content: theirs().map(|step| step.action.verb().content()).sum(),
        }
    }

    /// The limit that one more step would exceed.
    fn exceeds(&self, action: &Action, limits: &Limits) -> Option<Exceeded> {
        if self.steps_before + self.steps.len() >= limits.steps {
            return Some(limits.no_steps());
        }
        let content = self.content.saturating_add(action.verb().content());
        (content > limits.content_mib.saturating_mul(1 << 20)).then(|| limits.no_content())
    }
}

type Outcome = wasmtime::Result<Result<(), Error>>;

impl Host for State {}

impl State {
    fn add(&mut self, plan: &Resource<StepBuffer>, action: Result<Action, Error>) -> Outcome {
        let action = match action {
            Ok(action) => action,
            Err(error) => {
                if let Error::Denied(refusal) = &error {
                    self.denied.get_or_insert_with(|| refusal.clone());
                }
                return Ok(Err(error));
            }
        };
        if let Err(refusal) = self.reach.permits(&action) {
            self.denied.get_or_insert_with(|| refusal.clone());
            return Ok(Err(Error::Denied(refusal)));
        }
        let limit = self.table.get(plan)?.exceeds(&action, &self.limits);
        if let Some(limit) = limit {
            return Ok(Err(Error::Other(self.exceed(limit).to_string())));
        }
        let step = Step {
            action,
            reason: format!("the plugin's role: {}", self.role),
            announce: Announce::Silent,
            origin: Origin::Plugin { id: self.plugin.clone(), role: self.role.to_owned() },
            undo: Undo::Revert,
            fails_as: None,
            failure_message: None,
            hints: Vec::new(),
        };
        let buffer = self.table.get_mut(plan)?;
        buffer.content += step.action.verb().content();
        buffer.steps.push(step);
        Ok(Ok(()))
    }

    fn one<V: Into<Action>>(
        &mut self,
        plan: &Resource<StepBuffer>,
        location: &types::Path,
        verb: impl FnOnce(Location) -> V,
    ) -> Outcome {
        let action = self.location(location).map(verb).map(Into::into);
        self.add(plan, action)
    }

    fn two<V: Into<Action>>(
        &mut self,
        plan: &Resource<StepBuffer>,
        from: &types::Path,
        to: &types::Path,
        verb: impl FnOnce(Location, Location) -> V,
    ) -> Outcome {
        let action = self.location(from).and_then(|from| Ok(verb(from, self.location(to)?).into()));
        self.add(plan, action)
    }

    fn command(&self, command: WitCommand, failure: OnFailure) -> Result<Action, Error> {
        let (name, grant, settings) = (&command.program, &self.grant, &self.settings);
        // A program that is granted but not installed stays in the plan under
        // its name: running it says that it is missing.
        let program = program::find(name, grant, settings, &self.system, &self.roots)
            .or_else(|| program::place(name, grant, settings, &self.system, &self.roots).map(Program::At))
            .unwrap_or_else(|| Program::Named(name.clone()));
        let argument = |argument| match argument {
            WitArgument::Text(text) if text.contains('\0') => {
                Err(Error::Invalid("an argument contains a NUL character".into()))
            }
            WitArgument::Text(text) => Ok(Argument::Text(text)),
            WitArgument::Location(path) => self.location(&path).map(Argument::Location),
        };
        if let Some((variable, _)) = command.environment.iter().find(|(_, value)| value.contains('\0')) {
            return Err(Error::Invalid(format!("the value of the variable `{variable}` contains a NUL character")));
        }
        let mut command = Command {
            program,
            arguments: command.arguments.into_iter().map(argument).collect::<Result<_, _>>()?,
            environment: Environment::Clean(command.environment),
            input: command.input.into_iter().map(argument).collect::<Result<_, _>>()?,
            directory: command.directory.map(|path| self.location(&path)).transpose()?,
            failure: failure.into(),
            ..Command::new("")
        };
        command.pass = self.grant.passes(&command);
        command.runs_in = self.grant.place(&command);
        Ok(Action::Run(command))
    }

    fn signature(&self, given: WitSignature, failure: OnFailure) -> Result<Action, Error> {
        Ok(Action::AppendSignature(Signature {
            file: self.location(&given.file)?,
            key: self.location(&given.key)?,
            algorithm: match given.algorithm {
                WitAlgorithm::RsaPkcs1Sha256 => SignatureAlgorithm::RsaPkcs1Sha256,
                WitAlgorithm::RsaPkcs1Sha384 => SignatureAlgorithm::RsaPkcs1Sha384,
                WitAlgorithm::RsaPkcs1Sha512 => SignatureAlgorithm::RsaPkcs1Sha512,
            },
            public_key: Bytes(given.public_key),
            before: Bytes(given.before),
            after: Bytes(given.after),
            failure: failure.into(),
        }))
    }
}

impl From<OnFailure> for Failure {
    fn from(given: OnFailure) -> Self {
        match given {
            OnFailure::Abort => Failure::Abort,
            OnFailure::Warn => Failure::Warn,
            OnFailure::Ignore => Failure::Ignore,
        }
    }
}

impl HostBuilder for State {
    fn note(&mut self, plan: Resource<StepBuffer>, text: String) -> wasmtime::Result<()> {
        // A note has no result: its limit is reported when the call returns.
        self.add(&plan, Ok(verbs::Note(text).into())).map(|_| ())
    }

    fn make_directory(&mut self, plan: Resource<StepBuffer>, location: types::Path) -> Outcome {
        self.one(&plan, &location, |location| verbs::MakeDirectory { location })
    }

    fn write_file(
        &mut self,
        plan: Resource<StepBuffer>,
        location: types::Path,
        contents: Vec<u8>,
        mode: u32,
    ) -> Outcome {
        if mode & !0o777 != 0 {
            let refusal = format!("the mode {mode:o} of a file has more than permission bits");
            return self.add(&plan, Err(Error::Invalid(refusal)));
        }
        self.one(&plan, &location, |location| verbs::WriteFile { location, contents: Bytes(contents), mode })
    }

    fn copy(&mut self, plan: Resource<StepBuffer>, from: types::Path, to: types::Path) -> Outcome {
        self.two(&plan, &from, &to, |from, to| verbs::Copy { from, to })
    }

    fn rename(&mut self, plan: Resource<StepBuffer>, from: types::Path, to: types::Path) -> Outcome {
        if from.root != to.root {
            return self.add(&plan, Err(Error::Invalid("a rename stays within one root".into())));
        }
        self.two(&plan, &from, &to, |from, to| verbs::Rename { from, to })
    }

    fn symlink(&mut self, plan: Resource<StepBuffer>, location: types::Path, target: String) -> Outcome {
        self.one(&plan, &location, |location| verbs::Symlink { location, target })
    }

    fn remove(&mut self, plan: Resource<StepBuffer>, location: types::Path) -> Outcome {
        self.one(&plan, &location, |location| verbs::Remove { location })
    }

    fn back_up(&mut self, plan: Resource<StepBuffer>, location: types::Path, suffix: String) -> Outcome {
        self.one(&plan, &location, |location| verbs::BackUp { location, suffix })
    }

    fn pack(
        &mut self,
        plan: Resource<StepBuffer>,
        tree: types::Path,
        to: types::Path,
        format: ArchiveFormat,
        compress: Option<Compression>,
    ) -> Outcome {
        let format = match format {
            ArchiveFormat::Tar => Format::Tar,
        };
        self.two(&plan, &tree, &to, |tree, to| verbs::Pack { tree, to, format, compress: compress.map(Into::into) })
    }

    fn unpack(&mut self, plan: Resource<StepBuffer>, archive: types::Path, to: types::Path) -> Outcome {
        self.two(&plan, &archive, &to, |archive, to| verbs::Unpack { archive, to })
    }

    fn append_signature(&mut self, plan: Resource<StepBuffer>, signature: WitSignature, failure: OnFailure) -> Outcome {
        let action = self.signature(signature, failure);
        self.add(&plan, action)
    }

    fn run(&mut self, plan: Resource<StepBuffer>, command: WitCommand, failure: OnFailure) -> Outcome {
        let action = self.command(command, failure);
        self.add(&plan, action)
    }

    fn collect(&mut self, plan: Resource<StepBuffer>, from: types::Path, glob: String, to: types::Path) -> Outcome {
        let too_long = glob.len() > LONGEST_PATTERN;
        if glob.is_empty() || too_long || glob.contains('/') || globset::Glob::new(&glob).is_err() {
            return self.add(&plan, Err(Error::Invalid(format!("`{glob:.60}` is not a glob over file names"))));
        }
        self.two(&plan, &from, &to, |from, to| verbs::Collect { from, glob, to })
    }

    fn drop(&mut self, plan: Resource<StepBuffer>) -> wasmtime::Result<()> {
        self.table.delete(plan)?;
        Ok(())
    }
}
