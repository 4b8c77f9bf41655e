//! Pieces of work: where each begins and how it ends, as events.

use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, Kind, Result};
use crate::event::{self, End, Failed, FailureCause, Job, Skip, Work};
use crate::flow::Invocation;
use crate::flow::estimate::last_duration;
use crate::tree::{Failures, PackageId, Target};

/// A piece of work that has begun, with the invocation that speaks about it.
pub(super) struct Working<'a> {
    pub(super) run: Invocation<'a>,
    /// `None`: a part of a larger piece of work.
    begun: Option<Instant>,
    id: PackageId,
    target: Target,
}

impl<'a> Invocation<'a> {
    /// Begins a piece of work; a part of another one is no work of its own.
    pub(super) fn begin_work(&self, job: Job, id: &PackageId, target: &Target) -> Working<'a> {
        let (id, target) = (id.clone(), target.clone());
        if self.runner.reporter.has_work() {
            return Working { run: self.clone(), begun: None, id, target };
        }
        let run = self.speaking_of(job, &id, &target);
        let builds = matches!(job, Job::Build | Job::Install) && run.runner.reporter.wants_estimates();
        let builds = builds && !run.env.tree.is_built(&id, &target);
        let expected = builds.then(|| last_duration(&run.env.tree, &id)).flatten();
        run.runner.reporter.event(event::Kind::Started { expected });
        Working { run, begun: Some(Instant::now()), id, target }
    }

    /// Does a piece of work from its beginning to its end.
    pub(super) fn work(
        &self,
        job: Job,
        id: &PackageId,
        target: &Target,
        body: impl FnOnce(&Invocation<'_>) -> Result<End>,
    ) -> Result<End> {
        let working = self.begin_work(job, id, target);
        let result = body(&working.run);
        working.end(&result);
        result
    }

    /// Says of work that could not begin why that is so.
    pub(super) fn skip_work(&self, job: Job, id: &PackageId, target: &Target, why: Skip, text: String) {
        self.speaking_of(job, id, target).runner.reporter.event(event::Kind::Skipped { why, text });
    }

    /// Says of work that could not begin that it failed.
    pub(super) fn fail_work(&self, job: Job, id: &PackageId, target: &Target, error: &Error) {
        self.speaking_of(job, id, target).begin_nothing(id, target).end(&Err(error.repeated()));
    }

    fn begin_nothing(self, id: &PackageId, target: &Target) -> Working<'a> {
        Working { begun: Some(Instant::now()), id: id.clone(), target: target.clone(), run: self }
    }

    fn speaking_of(&self, job: Job, id: &PackageId, target: &Target) -> Self {
        let number = self.runner.next_number();
        let work = Arc::new(Work { number, job, package: id.clone(), target: target.clone() });
        Invocation { runner: self.runner.about(work), ..self.clone() }
    }
}

impl Working<'_> {
    /// Says what came of it.
    pub(super) fn end(self, result: &Result<End>) {
        let Some(begun) = self.begun else { return };
        let took = begun.elapsed();
        let reporter = &self.run.runner.reporter;
        reporter.event(match result {
            Ok(End::Done(outcome)) => event::Kind::Finished { outcome: *outcome, took },
            Ok(End::Skipped(why)) => event::Kind::Skipped { why: *why, text: String::new() },
            Err(error) if error.kind == Kind::Excluded => {
                event::Kind::Skipped { why: Skip::Excluded, text: error.message.clone() }
            }
            Err(error) => {
                let cause = self.cause(error);
                event::Kind::Failed { failure: Box::new(Failed { error: error.repeated(), cause }), took }
            }
        });
    }

    /// The cause in the record of the failed build, if the record is about this error.
    fn cause(&self, error: &Error) -> Option<FailureCause> {
        let failure = Failures(&self.run.env.tree).of(&self.id, &self.target)?;
        (failure.record.message == error.message).then_some(FailureCause {
            class: failure.record.class,
            first_error: failure.record.first_error,
            remedy: failure.record.remedy,
            log: failure.log,
        })
    }
}
