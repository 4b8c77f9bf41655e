//! How host code adds steps to a plan.

use crate::command::{Argument, OnFailure};
use crate::error::FailureId;
use crate::step::{Announce, Origin, Plan, Step, Undo};
use crate::verbs::Action;
use modsmith_facts::Roots;

/// A plan under construction. Each `push` returns the new step, so that a flow
/// can say how it is announced and what its failure means.
#[derive(Debug, Default)]
pub struct Builder {
    plan: Plan,
}

impl Builder {
    pub fn new(title: impl Into<String>, roots: Roots) -> Self {
        Self { plan: Plan { title: title.into(), roots, steps: Vec::new() } }
    }

    pub fn roots(&self) -> &Roots {
        &self.plan.roots
    }

    /// A command's word as people read it.
    pub fn shown(&self, argument: &Argument) -> String {
        match argument {
            Argument::Text(text) => crate::secrets::conceal(text),
            Argument::Location(at) => self.roots().path(at).unwrap_or_default().display().to_string(),
        }
    }

    pub fn steps(&self) -> &[Step] {
        &self.plan.steps
    }

    /// Adds a step of the host's own.
    pub fn push(&mut self, action: impl Into<Action>, reason: impl Into<String>) -> &mut Step {
        self.push_step(Step {
            action: action.into(),
            reason: reason.into(),
            announce: Announce::Silent,
            origin: Origin::Host,
            undo: Undo::Revert,
            fails_as: None,
            failure_message: None,
            hints: Vec::new(),
        })
    }

    pub fn push_step(&mut self, step: Step) -> &mut Step {
        self.plan.steps.push(step);
        self.plan.steps.last_mut().expect("a step was just pushed")
    }

    /// Puts a step of the host's own behind each for which `next` has one.
    pub fn follow(&mut self, next: impl Fn(&Step) -> Option<(Action, &'static str)>) {
        for step in std::mem::take(&mut self.plan.steps) {
            let following = next(&step);
            self.push_step(step);
            if let Some((action, reason)) = following {
                self.push(action, reason);
            }
        }
    }

    /// Announces the steps from `index` on as one: with a line before the first.
    pub fn announce_from(&mut self, index: usize, text: impl Into<String>) {
        if let Some(first) = self.plan.steps.get_mut(index) {
            first.announce = Announce::Line(text.into());
        }
    }

    /// Says what the steps from `index` on have done: after the last of them, if it
    /// did not fail. `failed` begins the warning of one that fails and may.
    pub fn report_from(&mut self, index: usize, done: impl Into<String>, failed: &str) {
        for step in self.steps_from(index) {
            step.failure_message.get_or_insert_with(|| failed.to_owned());
        }
        if let Some(last) = self.steps_from(index).last_mut() {
            last.announce = Announce::Done(done.into());
        }
    }

    /// Prints the notes from `index` on when the plan comes to them.
    pub fn tell_notes_from(&mut self, index: usize) {
        for step in self.steps_from(index) {
            if let Action::Note(text) = &step.action {
                step.announce = Announce::Line(text.0.clone());
            }
        }
    }

    /// What a failure of the steps from `index` on means.
    pub fn fail_from(&mut self, index: usize, meaning: impl Into<FailureId>, message: impl Into<String>) {
        let (meaning, message) = (meaning.into(), message.into());
        for step in self.plan.steps.iter_mut().skip(index) {
            step.fails_as(meaning, message.clone());
        }
    }

    /// Leaves what the steps from `index` on did, should the plan fail or be
    /// killed, to another plan.
    pub fn leave_from(&mut self, index: usize) {
        for step in self.plan.steps.iter_mut().skip(index) {
            step.on_undo(Undo::Never);
        }
    }

    /// The steps from `index` on.
    pub fn steps_from(&mut self, index: usize) -> &mut [Step] {
        let from = index.min(self.plan.steps.len());
        &mut self.plan.steps[from..]
    }

    /// What to do about a failure of the steps from `index` on.
    pub fn hint_from(&mut self, index: usize, hint: &str) {
        for step in self.plan.steps.iter_mut().skip(index) {
            step.hint(hint);
        }
    }

    /// Lets programs of the steps from `index` on fail with a warning, which
    /// begins with the message.
    pub fn tolerate_from(&mut self, index: usize, message: &str) {
        for step in self.plan.steps.iter_mut().skip(index) {
            if let Action::Run(command) = &mut step.action
                && command.failure == OnFailure::Abort
            {
                command.failure = OnFailure::Warn;
                step.failure_message = Some(message.to_owned());
            }
        }
    }

    pub fn finish(self) -> Plan {
        self.plan
    }
}

impl Step {
    pub fn line(&mut self, text: impl Into<String>) -> &mut Self {
        self.announce = Announce::Line(text.into());
        self
    }

    /// As [`Step::line`], with several.
    pub fn lines(&mut self, texts: impl Into<Vec<String>>) -> &mut Self {
        self.announce = Announce::Lines(texts.into());
        self
    }

    pub fn progress(&mut self, text: impl Into<String>) -> &mut Self {
        self.announce = Announce::Progress(text.into());
        self
    }

    pub fn fails_as(&mut self, meaning: impl Into<FailureId>, message: impl Into<String>) -> &mut Self {
        self.fails_as = Some(meaning.into());
        self.failure_message = Some(message.into());
        self
    }

    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hints.push(hint.into());
        self
    }

    pub fn on_undo(&mut self, undo: Undo) -> &mut Self {
        self.undo = undo;
        self
    }
}
