//! Events as JSON, one a line; described by `docs/reference/events-schema.json`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::super::errors::ErrorView;
use super::super::output;
use build_diagnosis::{Class, ErrorLine};
use modsmith_core::error::Error;
use modsmith_core::event::{Event, Failed, Kind, Note, Observer, Progress, Work};

/// Writes each event at once.
#[derive(Default)]
pub struct Events {
    quiet: bool,
    finished: AtomicUsize,
    failed: AtomicUsize,
    skipped: AtomicUsize,
}

#[derive(Serialize)]
struct Row<'a> {
    schema_version: u32,
    time: String,
    event: &'static str,
    #[serde(flatten)]
    work: Option<WorkView<'a>>,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
struct WorkView<'a> {
    work: usize,
    action: &'static str,
    module: &'a str,
    version: &'a str,
    kernel: &'a str,
    arch: &'a str,
}

impl<'a> From<&'a Work> for WorkView<'a> {
    fn from(work: &'a Work) -> Self {
        Self {
            work: work.number,
            action: work.job.name(),
            module: &work.package.module,
            version: &work.package.version,
            kernel: &work.target.kernel,
            arch: &work.target.arch,
        }
    }
}

/// The members of each event.
#[derive(Serialize)]
#[serde(untagged)]
enum What<'a> {
    Started {
        #[serde(skip_serializing_if = "Option::is_none")]
        expected_seconds: Option<u64>,
    },
    Begun {
        state: &'static str,
        text: &'a str,
        command: &'a str,
    },
    Ended {
        state: &'static str,
        exit_status: i32,
    },
    /// A line of output, or what is undone.
    Text {
        state: &'static str,
        text: &'a str,
    },
    Overall {
        state: &'static str,
        done: usize,
        of: usize,
    },
    Finished {
        outcome: &'static str,
        seconds: f64,
    },
    Failed {
        error: ErrorView<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<CauseView<'a>>,
        seconds: f64,
    },
    Skipped {
        reason: &'static str,
        #[serde(skip_serializing_if = "str::is_empty")]
        text: &'a str,
    },
    Note {
        level: &'static str,
        text: &'a str,
    },
    End {
        exit_code: u8,
        finished: usize,
        failed: usize,
        skipped: usize,
    },
}

#[derive(Serialize)]
struct CauseView<'a> {
    class: Class,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_error: Option<&'a ErrorLine>,
    remedy: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

impl Events {
    pub fn new(quiet: bool) -> Self {
        Self { quiet, ..Self::default() }
    }

    fn write(&self, event: &'static str, work: Option<&Work>, what: What<'_>) {
        if !self.quiet {
            let time = jiff::Timestamp::now().to_string();
            output::json_line(&Row { schema_version: 1, time, event, work: work.map(Into::into), what });
        }
    }

    /// A warning that belongs to no piece of work.
    pub fn warn(&self, text: &str) {
        self.write("note", None, What::Note { level: "warning", text });
    }

    /// The last line of an invocation that succeeded. That of one that failed is the error, as
    /// with `--json`.
    pub fn finish(&self, error: Option<&Error>) {
        if error.is_none() {
            let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
            let (finished, failed, skipped) = (count(&self.finished), count(&self.failed), count(&self.skipped));
            self.write("finished", None, What::End { exit_code: 0, finished, failed, skipped });
        }
    }

    fn progress(&self, work: Option<&Work>, progress: &Progress) {
        let what = match progress {
            Progress::Tick => return,
            Progress::Begun { text, command } => What::Begun { state: "begun", text, command },
            Progress::Ended(outcome) => What::Ended { state: "ended", exit_status: outcome.err().unwrap_or(0) },
            Progress::Output(lines) => {
                return lines
                    .iter()
                    .for_each(|text| self.write("progress", work, What::Text { state: "output", text }));
            }
            Progress::Undoing { title } => What::Text { state: "undoing", text: title },
            Progress::Overall { done, of, .. } => What::Overall { state: "overall", done: *done, of: *of },
        };
        self.write("progress", work, what);
    }

    fn note(&self, work: Option<&Work>, note: &Note) {
        for text in note.lines.iter().filter(|text| !note.is_echo && !text.trim().is_empty()) {
            self.write("note", work, What::Note { level: note.level.name(), text });
        }
    }

    fn failed(&self, work: Option<&Work>, failed: &Failed, took: Duration) {
        let cause = failed.cause.as_ref().map(|cause| CauseView {
            class: cause.class,
            first_error: cause.first_error.as_ref(),
            remedy: &cause.remedy,
            log: cause.log.as_ref().map(|log| log.display().to_string()),
        });
        self.write(
            "failed",
            work,
            What::Failed { error: ErrorView::new(&failed.error), cause, seconds: seconds(took) },
        );
    }
}

impl Observer for Events {
    fn event(&self, event: Event) {
        let work = event.work.as_deref();
        let count = |counter: &AtomicUsize| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        match &event.kind {
            Kind::Started { expected } => {
                let expected_seconds = expected.map(|expected| expected.as_secs());
                self.write("started", work, What::Started { expected_seconds });
            }
            Kind::Progress(progress) => self.progress(work, progress),
            Kind::Finished { outcome, took } => {
                count(&self.finished);
                self.write("finished", work, What::Finished { outcome: outcome.name(), seconds: seconds(*took) });
            }
            Kind::Failed { failure, took } => {
                count(&self.failed);
                self.failed(work, failure, *took);
            }
            Kind::Skipped { why, text } => {
                count(&self.skipped);
                self.write("skipped", work, What::Skipped { reason: why.name(), text });
            }
            Kind::Note(note) => self.note(work, note),
        }
    }
}

/// With milliseconds.
fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1000.0).round() / 1000.0
}
