//! Questions to the plugins of a role, one after the other, and what becomes of their steps.

use modsmith_plan::Builder;

use crate::bindings::modsmith::plugin::types;
use crate::error::Error;
use crate::facade::answer::Answer;
use crate::facade::call::{self, Call, CallOutcome, Subject};
use crate::facade::{Candidates, Plugins};
use crate::imports::observed::Observer;
use crate::imports::{StepBuffer, roots_of};
use crate::index::IndexedPlugin;
use crate::manifest::Role;

impl Plugins {
    /// Asks one plugin after the other until one is responsible; a value needs
    /// no plan.
    pub(crate) fn ask<T>(
        &self,
        role: Role,
        subject: Subject,
        body: impl Fn(&mut Call) -> wasmtime::Result<Result<T, types::Error>>,
    ) -> Result<Answer<T>, Error> {
        let roots = roots_of(&self.system, subject.kernel.map(|k| k.as_ref()));
        let Candidates { entries, others: mut reasons, missed } = self.candidates(role);
        for entry in entries {
            let (result, _) = self.call(entry, role, subject, &roots, &body)?;
            match call::call_outcome(entry.id(), role.name(), subject, result)? {
                CallOutcome::Value(value) => return Ok(Answer::Given { plugin: entry.id().to_owned(), value }),
                CallOutcome::Unsupported(why) => reasons.push((entry.id().to_owned(), why)),
            }
        }
        missed.map_or(Ok(Answer::Unsupported(reasons)), Err)
    }

    /// As [`Plugins::ask`], for roles that add steps: those of the answering
    /// plugin are added to the plan, those of others are not.
    pub(crate) fn ask_steps<T>(
        &self,
        role: Role,
        subject: Subject,
        plan: &mut Builder,
        body: impl Fn(&mut Call, StepBuffer) -> wasmtime::Result<Result<T, types::Error>>,
    ) -> Result<Answer<T>, Error> {
        let Candidates { entries, others: mut reasons, missed } = self.candidates(role);
        for entry in entries {
            match self.steps_of(entry, role, subject, plan, &body)? {
                CallOutcome::Value(value) => return Ok(Answer::Given { plugin: entry.id().to_owned(), value }),
                CallOutcome::Unsupported(why) => reasons.push((entry.id().to_owned(), why)),
            }
        }
        missed.map_or(Ok(Answer::Unsupported(reasons)), Err)
    }

    /// Asks this very plugin for steps.
    pub(crate) fn steps_of<T>(
        &self,
        entry: &IndexedPlugin,
        role: Role,
        subject: Subject,
        plan: &mut Builder,
        body: impl Fn(&mut Call, StepBuffer) -> wasmtime::Result<Result<T, types::Error>>,
    ) -> Result<CallOutcome<T>, Error> {
        let buffer = || StepBuffer::after(plan.steps());
        let (result, steps) = self.call(entry, role, subject, plan.roots(), |call| body(call, buffer()))?;
        let call_outcome = call::call_outcome(entry.id(), role.name(), subject, result)?;
        if let CallOutcome::Value(_) = call_outcome {
            for step in steps {
                plan.push_step(step);
            }
        }
        Ok(call_outcome)
    }
}

/// Lets an observer collect what plugins learn from the system, in all later calls.
pub fn observed_by(mut plugins: Plugins, observer: &Observer) -> Plugins {
    plugins.observer = Some(observer.clone());
    plugins
}
