//! How a flow and the executor report: each call becomes an event of the work that is going on.

use std::sync::Arc;

use crate::event::{Event, Kind, Level, Note, Observer, Progress, Work};
use modsmith_plan::Reporter;

/// Reports about a piece of work, or about the invocation: cheap to clone.
#[derive(Clone)]
pub struct TaskReporter<'a> {
    to: &'a dyn Observer,
    work: Option<Arc<Work>>,
}

impl<'a> TaskReporter<'a> {
    pub(crate) fn new(to: &'a dyn Observer) -> Self {
        Self { to, work: None }
    }

    /// The same reporter about a piece of work.
    pub(crate) fn about(&self, work: Arc<Work>) -> Self {
        Self { to: self.to, work: Some(work) }
    }

    /// Whether it speaks about a piece of work.
    pub(crate) fn has_work(&self) -> bool {
        self.work.is_some()
    }

    pub(crate) fn wants_estimates(&self) -> bool {
        self.to.wants_estimates()
    }

    pub(crate) fn event(&self, kind: Kind) {
        self.to.event(Event { work: self.work.clone(), kind });
    }

    /// A line of dkms's ordinary output.
    pub fn line(&self, text: &str) {
        self.lines(&[text.to_owned()]);
    }

    /// Several such lines.
    pub fn lines(&self, lines: &[String]) {
        self.note(Level::Line, lines.to_vec(), false);
    }

    /// Not an error, but to be known.
    pub fn warning(&self, text: &str) {
        self.note(Level::Warning, vec![text.to_owned()], false);
    }

    /// A warning without a prefix; each is reported once.
    pub fn notice(&self, text: &str) {
        self.note(Level::Notice, vec![text.to_owned()], false);
    }

    /// What the user is advised to do.
    pub(crate) fn advice(&self, lines: &[String]) {
        self.note(Level::Advice, lines.to_vec(), false);
    }

    /// A warning or notice that says what another event says: dkms has a line for it.
    pub(crate) fn echo(&self, level: Level, text: &str) {
        self.note(level, vec![text.to_owned()], true);
    }

    fn note(&self, level: Level, lines: Vec<String>, is_echo: bool) {
        self.event(Kind::Note(Note { level, lines, is_echo }));
    }

    fn progress(&self, progress: Progress) {
        self.event(Kind::Progress(progress));
    }

    /// The progress of several pieces of work: how many are done, and the names of those in work.
    pub(crate) fn overall(&self, done: usize, of: usize, in_work: &[&str]) {
        let in_work = in_work.iter().map(|name| (*name).to_owned()).collect();
        self.progress(Progress::Overall { done, of, in_work });
    }
}

impl Reporter for TaskReporter<'_> {
    fn line(&self, text: &str) {
        TaskReporter::line(self, text);
    }

    fn lines(&self, texts: &[String]) {
        TaskReporter::lines(self, texts);
    }

    fn begin(&self, text: &str, command: &str) {
        self.progress(Progress::Begun { text: text.to_owned(), command: command.to_owned() });
    }

    fn tick(&self) {
        self.progress(Progress::Tick);
    }

    fn end(&self, outcome: Result<(), i32>) {
        self.progress(Progress::Ended(outcome));
    }

    fn output(&self, lines: &[String]) {
        self.progress(Progress::Output(lines.to_vec()));
    }

    fn undoing(&self, title: &str) {
        self.progress(Progress::Undoing { title: title.to_owned() });
    }

    fn warning(&self, text: &str) {
        TaskReporter::warning(self, text);
    }

    fn notice(&self, text: &str) {
        TaskReporter::notice(self, text);
    }
}
