//! The one executor: nothing else changes the system.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::files::Files;
use super::interrupt::{AtWork, INTERRUPTED};
use super::jobs::Jobs;
use super::journal::{Begun, Journal};
use super::perform::{Failure, perform};
use super::report::Reporter;
use super::rerun::Rerun;
use super::run::{Runner, command_text};
use super::secrets::conceal_text;
use super::step::{Action, Announce, OnFailure, Plan, Step, Undo};
use super::undo::{self, Stash};
use super::{Guard, Origin};
use crate::error::{Cause, Error, Result};
use modsmith_facts::{Places, Root, System};

/// Runs plans: checks, journal, undo, progress.
pub struct Executor<'a> {
    pub system: &'a System,
    pub guard: &'a dyn Guard,
    pub reporter: &'a dyn Reporter,
    pub jobs: &'a Jobs,
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
            let seen = files.of(&step.origin, self.guard, &places);
            let done = allowed.and_then(|()| self.step(index, step, &seen, &mut journal, &mut stash, &mut begun));
            if let Err(failure) = done {
                let full = full_file_systems(plan);
                let undone = self.undo(begun.iter().filter(|begun| !begun.keep), &files, &mut journal);
                clear_stashes(&files, journal.id());
                let _ = journal.close();
                let mut error = explain(plan, step, failure, &files);
                for path in full {
                    error = error.hint(format!("The file system of {path} is full: free space there."));
                }
                if !undone {
                    error = error.hint("Run the command again once the cause of the warnings above is mended.");
                }
                return Err(error);
            }
        }
        let committed = journal.commit(!stash.is_empty());
        clear_stashes(&files, journal.id());
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
        let ops = undo::prepare(step, files, stash)?;
        let keep = step.undo == Undo::Keep;
        journal.begin(index, &ops, keep, files.links())?;
        begun.push(Begun { step: index, undo: ops, keep, links: files.links() });
        let ops = &begun.last().expect("a step was just begun").undo;
        // What is put aside and back is no source of the step's.
        let aside = files.following(files.links());
        undo::stash_away(&step.action, ops, &aside)?;

        let runner = self.runner();
        let in_progress = self.announce(step, files);
        let outcome = perform(&step.action, files, &runner);
        if in_progress {
            self.reporter.end(match &outcome {
                Ok(()) => Ok(()),
                Err(Failure::Exit { status, .. }) => Err(*status),
                Err(_) => Err(1),
            });
        }
        match (outcome, &step.announce) {
            (Err(failure), _) => self.tolerate(step, failure)?,
            (Ok(()), Announce::Done(text)) => self.reporter.line(text),
            (Ok(()), _) => {}
        }
        undo::keep_backup(&step.action, ops, &aside)?;
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
        Runner { system_root: &self.system.root, reporter: self.reporter, jobs: self.jobs, heeds_signals: true }
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
                let command = match &step.action {
                    Action::Run(command) => command_text(command, files),
                    _ => text.clone(),
                };
                self.reporter.begin(text, &command);
                true
            }
        }
    }

    /// A program or signature whose failure the plan allows for.
    fn tolerate(&self, step: &Step, failure: Failure) -> Result<(), Failure> {
        let allowed = match &step.action {
            Action::Run(command) => command.failure,
            Action::AppendSignature(signature) => signature.failure,
            _ => return Err(failure),
        };
        if !failure.is_of_program() {
            return Err(failure);
        }
        match allowed {
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
    pub(super) fn undo<'b>(
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
        let runner = Runner { heeds_signals: false, ..self.runner() };
        for rerun in reruns {
            let outcome = match rerun.command(self.system) {
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
}

pub(super) fn clear_stashes(files: &Files, id: &str) {
    for root in Root::ALL {
        if files.roots().get(root).is_some() {
            // What cannot be deleted is hidden and harmless.
            let _ = files.remove(&Stash::directory(id, root));
        }
    }
}

fn sentence(reason: &str) -> String {
    let mut chars = reason.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_else(|| "A step failed".into())
}

/// Directories of the plan whose file systems have no room for another block.
fn full_file_systems(plan: &Plan) -> Vec<String> {
    let roots = [Root::Tree, Root::Modules, Root::Boot].into_iter().filter_map(|root| plan.roots.get(root));
    let full = roots.filter(|path| {
        rustix::fs::statvfs(*path)
            .is_ok_and(|fs| fs.f_blocks > 0 && fs.f_bavail.saturating_mul(fs.f_frsize) < (64 << 10))
    });
    full.map(|path| path.display().to_string()).collect()
}

fn explain(plan: &Plan, step: &Step, failure: Failure, files: &Files) -> Error {
    let status = match &failure {
        Failure::Exit { status, .. } => Some(*status),
        _ => None,
    };
    let denied = failure.io().is_some_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied);
    let cause = match &failure {
        Failure::Interrupted => Cause::Interrupted,
        Failure::Refused(_) => Cause::Refused,
        _ => Cause::Step { meaning: step.fails_as, status, denied },
    };
    let message = match &step.failure_message {
        Some(message) if !matches!(failure, Failure::Interrupted | Failure::Refused(_)) => message.clone(),
        _ => match doing(&step.action, files).filter(|_| matches!(failure, Failure::Io(_))) {
            Some(doing) => format!("Could not {}: {doing} failed: {failure}.", plan.title),
            None => format!("Could not {}: {failure}.", plan.title),
        },
    };
    let mut error = Error::new(cause, message);
    let told = matches!(failure, Failure::Exit { .. } | Failure::Interrupted | Failure::Refused(_));
    if step.failure_message.is_some() && !told {
        error = error.detail(format!("{failure}."));
    }
    if let Failure::Exit { output, .. } = &failure {
        error = error.details(output.iter().cloned());
    }
    if let Some(e) = failure.io() {
        error = match e.kind() {
            std::io::ErrorKind::StorageFull => {
                error.hint("Free space on that file system, then run the command again.")
            }
            std::io::ErrorKind::ReadOnlyFilesystem => {
                error.hint("Remount that file system read-write, or name other trees.")
            }
            std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => {
                error.hint("Move away the file that is where a directory belongs.")
            }
            std::io::ErrorKind::PermissionDenied => error.hint("Run it as root, or name trees that you may write."),
            _ => error,
        };
    }
    error.hints.extend(step.hints.iter().cloned());
    error
}

/// What a step was at when the system refused.
fn doing(action: &Action, files: &Files) -> Option<String> {
    let path = |at| files.path(at).display().to_string();
    Some(match action {
        Action::MakeDirectory { at } => format!("making the directory {}", path(at)),
        Action::WriteFile { at, .. } | Action::Record { at, .. } => format!("writing {}", path(at)),
        Action::Copy { from, to } | Action::Import { from, to } => format!("copying {} to {}", path(from), path(to)),
        Action::Rename { from, to } => format!("renaming {} to {}", path(from), path(to)),
        Action::Symlink { at, .. } => format!("making the link {}", path(at)),
        Action::Remove { at } | Action::Prune { at, .. } => format!("removing {}", path(at)),
        Action::BackUp { at, .. } => format!("backing up {}", path(at)),
        Action::Pack { to, .. } => format!("writing the archive {}", path(to)),
        Action::Unpack { archive, .. } => format!("unpacking {}", path(archive)),
        Action::Collect { to, .. } => format!("copying to {}", path(to)),
        Action::AppendSignature(signature) => format!("signing {}", path(&signature.file)),
        Action::Note(_) | Action::Run(_) | Action::Expect { .. } => return None,
    })
}
