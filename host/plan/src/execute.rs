//! The executor: no other code changes the system.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::begin::{prepare, put_aside};
use crate::command::OnFailure;
use crate::error::{Error, Result};
use crate::explain::{explain, full_file_systems};
use crate::failure::Failure;
use crate::files::{Files, Links};
use crate::guard::Guard;
use crate::interrupt::{AtWork, INTERRUPTED};
use crate::jobs::Jobs;
use crate::journal::{Begun, Journal};
use crate::report::Reporter;
use crate::rerun::{Rerun, Reruns};
use crate::runner::Runner;
use crate::secrets::conceal_text;
use crate::step::{Announce, Origin, Plan, Step, Undo};
use crate::undo::{self, Stash};
use modsmith_facts::{Places, Root, System};

/// Runs plans: checks, journal, undo, progress.
pub struct Executor<'a> {
    pub system: &'a System,
    pub guard: &'a dyn Guard,
    pub reporter: &'a dyn Reporter,
    pub jobs: &'a Jobs,
    pub reruns: Reruns,
}

impl Executor<'_> {
    /// Runs a plan to its end, or takes back what it did.
    pub fn run(&self, plan: &Plan) -> Result<()> {
        let _at_work = AtWork::begin();
        let files = Files::new(plan.roots.clone());
        let places = Arc::new(Places::new(&self.system.root, plan.roots.clone()));
        let mut journal = Journal::create(&plan.title, &plan.roots, &self.system.root).map_err(|e| {
            Error::journal("write the journal in", plan.roots.get(Root::Tree).unwrap_or("".as_ref()), e)
        })?;
        let mut stash = Stash::new(journal.id());
        let mut begun: Vec<Begun> = Vec::new();
        for (index, step) in plan.steps.iter().enumerate() {
            let allowed = self.allowed(step, &places);
            let seen = match &step.origin {
                Origin::Host => files.following(Links::Beneath),
                plugin => files.watched_by(self.guard.watch(plugin, &places)),
            };
            let done = allowed.and_then(|()| self.step(index, step, &seen, &mut journal, &mut stash, &mut begun));
            if let Err(failure) = done {
                let full = full_file_systems(plan);
                if begun.iter().any(|begun| !begun.keep && !begun.undo.is_empty()) {
                    self.reporter.undoing(&plan.title);
                }
                let undone = self.undo(begun.iter().filter(|begun| !begun.keep), &files, &mut journal);
                self.clear_stashes(&files, journal.id());
                let _ = journal.close();
                let mut error = explain(plan, step, failure, &files);
                for path in full {
                    error = error.hint(format!("The file system of {path} is full: free space there."));
                }
                if !undone {
                    error = error.hint("Correct the cause of the warnings above, then run the command again.");
                }
                return Err(error);
            }
        }
        let committed = journal.commit(!stash.is_empty());
        self.clear_stashes(&files, journal.id());
        committed
            .and_then(|()| journal.close())
            .map_err(|e| Error::journal("close the journal in", plan.roots.get(Root::Tree).unwrap_or("".as_ref()), e))
    }

    fn step(
        &self,
        index: usize,
        step: &Step,
        files: &Files,
        journal: &mut Journal,
        stash: &mut Stash,
        begun: &mut Vec<Begun>,
    ) -> Result<(), Failure> {
        if INTERRUPTED.load(Ordering::SeqCst) {
            return Err(Failure::Interrupted);
        }
        let ops = prepare(step, files, stash)?;
        let keep = step.undo == Undo::Keep;
        journal.begin(index, &ops, keep, files.links())?;
        begun.push(Begun { step: index, undo: ops, keep, links: files.links() });
        let ops = &begun.last().expect("a step was just begun").undo;
        // A file that is put aside, or put back, is no source of the step.
        let aside = files.following(files.links());
        let verb = step.action.verb();
        put_aside(verb, ops, &aside)?;

        let runner = self.runner();
        let in_progress = self.announce(step, files);
        let outcome = verb.perform(files, &runner);
        if in_progress {
            self.reporter.end(match &outcome {
                Ok(()) => Ok(()),
                Err(Failure::Exit { status, .. }) => Err(*status),
                Err(_) => Err(1),
            });
        }
        let said = runner.said.take();
        if !said.is_empty() {
            self.reporter.output(&said);
        }
        match (outcome, &step.announce) {
            (Err(failure), _) => self.tolerate(step, failure)?,
            (Ok(()), Announce::Done(text)) => self.reporter.line(text),
            (Ok(()), _) => {}
        }
        verb.complete_stash(ops, &aside)?;
        journal.done(index)?;
        Ok(())
    }

    /// The plugin that asked for the step must still be granted it, as things are
    /// now.
    fn allowed(&self, step: &Step, places: &Arc<Places>) -> Result<(), Failure> {
        match step.origin {
            Origin::Host => Ok(()),
            Origin::Plugin { .. } => self.guard.permits(&step.origin, &step.action, places).map_err(Failure::Refused),
        }
    }

    fn runner(&self) -> Runner<'_> {
        Runner {
            system_root: &self.system.root,
            reporter: self.reporter,
            jobs: self.jobs,
            stops_on_signal: true,
            said: RefCell::default(),
        }
    }

    fn announce(&self, step: &Step, files: &Files) -> bool {
        match &step.announce {
            Announce::Silent | Announce::Done(_) => false,
            Announce::Line(text) => {
                self.reporter.line(&conceal_text(text));
                false
            }
            Announce::Lines(texts) => {
                self.reporter.lines(texts);
                false
            }
            Announce::Progress(text) => {
                let command = step.action.verb().view(files).command.unwrap_or_else(|| text.clone());
                self.reporter.begin(text, &command);
                true
            }
        }
    }

    /// A program or signature whose failure the plan allows for.
    fn tolerate(&self, step: &Step, failure: Failure) -> Result<(), Failure> {
        if !failure.is_of_program() {
            return Err(failure);
        }
        match step.action.verb().on_failure() {
            OnFailure::Abort => Err(failure),
            OnFailure::Ignore => Ok(()),
            OnFailure::Warn => {
                let what = step.failure_message.clone().unwrap_or_else(|| sentence(&step.reason));
                self.reporter.warning(&format!("{}: {failure}.", what.trim_end_matches('.')));
                if let Failure::Exit { output, .. } = &failure {
                    output.iter().for_each(|line| self.reporter.warning(line));
                }
                Ok(())
            }
        }
    }

    /// Takes back begun steps, last one first; false when something could not
    /// be taken back.
    pub(crate) fn undo<'b>(
        &self,
        steps: impl DoubleEndedIterator<Item = &'b Begun>,
        files: &Files,
        journal: &mut Journal,
    ) -> bool {
        let mut complete = true;
        let mut reruns = Vec::new();
        for begun in steps.rev() {
            let seen = files.following(begun.links);
            let taken = undo::undo(&begun.undo, &seen, &mut |rerun: &Rerun| reruns.push(rerun.clone()));
            if let Err(e) = taken.and_then(|()| journal.undone(begun.step)) {
                complete = false;
                self.reporter.warning(&format!("Part of the change could not be undone: {e}."));
            }
        }
        let runner = Runner { stops_on_signal: false, ..self.runner() };
        for rerun in reruns {
            let outcome = match (self.reruns)(&rerun, self.system) {
                Ok(command) => runner.run(&command, files).map_err(|e| e.to_string()),
                Err(why) => Err(why),
            };
            if let Err(why) = outcome {
                complete = false;
                self.reporter.warning(&format!("After undoing the change, {why}."));
            }
        }
        complete
    }

    /// Deletes the files that were put aside. A file that cannot be deleted is hidden and harmless: a
    /// warning names it.
    pub(crate) fn clear_stashes(&self, files: &Files, id: &str) {
        for root in Root::ALL.into_iter().filter(|root| !root.is_of_kernel()) {
            let stash = Stash::directory(id, root);
            if !matches!(files.kind(&stash), Ok(Some(_))) {
                continue;
            }
            if let Err(e) = files.remove(&stash) {
                let path = files.shown(&stash);
                self.reporter.warning(&format!(
                    "What was replaced or removed is still in {path}, which could not be deleted ({e}): delete it."
                ));
            }
        }
    }
}

fn sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_else(|| "A step failed".into())
}
