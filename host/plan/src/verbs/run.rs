//! Running a program. The step is the [`Command`] itself.

use std::io;

use crate::command::{Argument, Command, OnFailure, Program};
use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::secrets::conceal_text;
use crate::undo::{Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;

impl Verb for Command {
    fn name(&self) -> &'static str {
        "run"
    }

    fn words(&self) -> Vec<Word<'_>> {
        let program = match &self.program {
            Program::Named(name) => name.as_str().into(),
            Program::At(location) => location.into(),
        };
        let arguments = self.arguments.iter().map(Word::Argument);
        let input = self.input.iter().flat_map(|line| ["<<".into(), Word::Argument(line)]);
        std::iter::once(program).chain(arguments).chain(input).collect()
    }

    fn view(&self, files: &Files) -> StepView {
        let line = |line: &Argument| match line {
            Argument::Text(text) => conceal_text(text),
            Argument::Location(location) => files.shown(location),
        };
        StepView {
            command: Some(self.shown(files)),
            input: self.input.iter().map(line).collect(),
            failure: Some(self.failure),
            ..StepView::default()
        }
    }

    fn doing(&self, _: &Files) -> Option<String> {
        None
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Runs(self)]
    }

    fn on_failure(&self) -> OnFailure {
        self.failure
    }

    /// The effect of a program cannot be undone; the step may name a program that is run again.
    fn prepare(&self, _: &Files, _: &mut Stash) -> io::Result<Vec<UndoOp>> {
        Ok(Vec::new())
    }

    fn perform(&self, files: &Files, runner: &Runner<'_>) -> Result<(), Failure> {
        runner.run(self, files)
    }
}
