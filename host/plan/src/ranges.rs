//! To go: sections of a plan described after they were added, by the number of their first
//! step. Write [`Builder::section`] and [`Builder::described`]; this file is deleted once no
//! flow calls it any more.

use crate::builder::Builder;
use crate::command::OnFailure;
use crate::error::FailureId;
use crate::step::{Announce, Step, Undo};
use crate::verbs::Action;

impl Builder {
    /// Announces the steps from `index` on as one: with a line before the first.
    pub fn announce_from(&mut self, index: usize, text: impl Into<String>) {
        if let Some(first) = self.added_since(index).first_mut() {
            first.announce = Announce::Line(text.into());
        }
    }

    /// Says what the steps from `index` on have done: after the last of them, if it
    /// did not fail. `failed` begins the warning of one that fails and may.
    pub fn report_from(&mut self, index: usize, done: impl Into<String>, failed: &str) {
        for step in self.added_since(index) {
            step.failure_message.get_or_insert_with(|| failed.to_owned());
        }
        if let Some(last) = self.added_since(index).last_mut() {
            last.announce = Announce::Done(done.into());
        }
    }

    /// Prints the notes from `index` on when the plan comes to them.
    pub fn tell_notes_from(&mut self, index: usize) {
        for step in self.added_since(index) {
            if let Action::Note(text) = &step.action {
                step.announce = Announce::Line(text.0.clone());
            }
        }
    }

    /// What a failure of the steps from `index` on means.
    pub fn fail_from(&mut self, index: usize, meaning: impl Into<FailureId>, message: impl Into<String>) {
        let (meaning, message) = (meaning.into(), message.into());
        for step in self.added_since(index) {
            step.fails_as(meaning, message.clone());
        }
    }

    /// Leaves what the steps from `index` on did, should the plan fail or be
    /// killed, to another plan.
    pub fn leave_from(&mut self, index: usize) {
        for step in self.added_since(index) {
            step.on_undo(Undo::Never);
        }
    }

    /// The steps from `index` on.
    pub fn steps_from(&mut self, index: usize) -> &mut [Step] {
        self.added_since(index)
    }

    /// What to do about a failure of the steps from `index` on.
    pub fn hint_from(&mut self, index: usize, hint: &str) {
        for step in self.added_since(index) {
            step.hint(hint);
        }
    }

    /// Lets programs of the steps from `index` on fail with a warning, which
    /// begins with the message.
    pub fn tolerate_from(&mut self, index: usize, message: &str) {
        for step in self.added_since(index) {
            if let Action::Run(command) = &mut step.action
                && command.failure == OnFailure::Abort
            {
                command.failure = OnFailure::Warn;
                step.failure_message = Some(message.to_owned());
            }
        }
    }
}
