//! How host code adds steps to a plan.

use crate::command::Argument;
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
            Argument::Location(location) => self.roots().path(location).unwrap_or_default().display().to_string(),
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

    /// The steps from the given number on.
    pub(crate) fn added_since(&mut self, first: usize) -> &mut [Step] {
        let first = first.min(self.plan.steps.len());
        &mut self.plan.steps[first..]
    }

    /// Takes the steps from the given number on out of the plan.
    pub(crate) fn take_since(&mut self, first: usize) -> Vec<Step> {
        self.plan.steps.split_off(first.min(self.plan.steps.len()))
    }

    pub fn finish(self) -> Plan {
        self.plan
    }
}
