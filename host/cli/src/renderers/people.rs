//! The form for people: what goes on now, a line for each piece of work that has ended, failures
//! last, and a summary.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::look::{Look, NARROWEST, WIDEST};
use super::super::styled::{Line, Paint};
use super::super::{output, screen};
use super::area::{Area, UNDOING};
use super::sentences::{Became, below, head, of_failure, quoted, summary};
use modsmith_core::error::{self, Error};
use modsmith_core::event::{Event, Kind, Level, Note, Observer, Progress, Work};
use modsmith_facts::text::line;
use modsmith_plan::INTERRUPTED;

/// Notices that are shown at the end; of more, the number is said.
const NOTICES: usize = 3;

/// Shows events to people.
pub struct People {
    look: Look,
    quiet: bool,
    verbose: bool,
    begun: Instant,
    state: Mutex<Display>,
}

#[derive(Default)]
struct Display {
    /// `None`: lines are printed one after the other.
    area: Option<Area>,
    counts: BTreeMap<Became, usize>,
    /// The lines of what failed.
    failed: Vec<Line>,
    /// Warnings of a piece of work that goes on.
    warnings: BTreeMap<usize, Vec<String>>,
    /// The output of scripts, by the number of their piece of work.
    output: BTreeMap<usize, Vec<String>>,
    notices: Vec<String>,
    advice: Vec<String>,
}

impl People {
    pub fn new(look: Look, quiet: bool, verbose: bool, has_area: bool) -> Self {
        let state = Display { area: has_area.then(|| Area::new(look)), ..Display::default() };
        Self { look, quiet, verbose, begun: Instant::now(), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, Display> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How wide lines are now: a window is resized meanwhile.
    fn width(&self) -> usize {
        let columns = if self.look.terminal { screen::columns() } else { None };
        columns.map_or(self.look.width, |columns| columns.clamp(NARROWEST, WIDEST))
    }

    fn print(&self, state: &Display, lines: &[Line]) {
        state.above(|| output::styled(lines, self.look));
    }

    /// A warning that belongs to no piece of work.
    pub fn warn(&self, text: &str) {
        if !self.quiet {
            self.state().above(|| output::warning(text));
        }
    }

    /// The end of the invocation: annotations, then failures, then the summary.
    pub fn finish(&self, error: Option<&Error>) {
        let mut state = self.state();
        state.area = None;
        if self.quiet {
            return;
        }
        let mut lines = self.annotations(&state);
        lines.append(&mut state.failed);
        if !state.counts.is_empty() {
            lines.push(summary(&state.counts, self.begun.elapsed()));
        }
        output::styled(&lines, self.look);
        // The lines of the packages have the same message.
        if let Some(error) = error.filter(|error| error.kind == error::Kind::AutoinstallFailed)
            && state.counts.contains_key(&Became::Failed)
        {
            output::note_printed(error);
        }
    }

    /// Annotations that are the same for many packages: each once.
    fn annotations(&self, state: &Display) -> Vec<Line> {
        let width = self.width();
        let mut lines = Vec::new();
        for notice in state.notices.iter().take(NOTICES) {
            lines.extend(below(notice, Paint::Dim, width));
        }
        if let Some(more @ 1..) = state.notices.len().checked_sub(NOTICES) {
            let text = format!("{more} more such notices: `modsmith conf MODULE/VERSION` shows those of a package.");
            lines.extend(below(&text, Paint::Dim, width));
        }
        // Below packages, the first line is enough.
        match state.advice.first() {
            Some(first) if !state.counts.is_empty() => {
                lines.extend(below(&format!("{first} `modsmith help signing` says more."), Paint::Warn, width));
            }
            _ => lines.extend(state.advice.iter().map(Line::plain)),
        }
        lines
    }

    fn ended(&self, state: &mut Display, work: &Work, became: Became, took: Option<Duration>, annotations: Vec<Line>) {
        *state.counts.entry(became).or_default() += 1;
        if let Some(area) = &state.area {
            area.end(Some(work.number));
        }
        let mut lines = vec![head(work, became, took, self.look.unicode)];
        lines.extend(annotations);
        for line in state.output.remove(&work.number).unwrap_or_default() {
            lines.push(quoted(&line));
        }
        for warning in state.warnings.remove(&work.number).unwrap_or_default() {
            lines.extend(below(&format!("Warning: {warning}"), Paint::Warn, self.width()));
        }
        match became {
            Became::Failed | Became::Stopped => state.failed.extend(lines),
            Became::Done(_) | Became::Skipped(_) => self.print(state, &lines),
        }
    }

    fn note(&self, state: &mut Display, work: Option<&Work>, note: Note) {
        if note.is_echo {
            return;
        }
        match (note.level, work) {
            // dkms's words about a piece of work: its line says what became of it.
            (Level::Line, Some(_)) => {}
            (Level::Line, None) => {
                let lines: Vec<Line> =
                    note.lines.into_iter().filter(|text| !text.is_empty()).map(Line::plain).collect();
                self.print(state, &lines);
            }
            (Level::Warning, Some(work)) => state.warnings.entry(work.number).or_default().extend(note.lines),
            (Level::Warning, None) => state.above(|| note.lines.iter().for_each(|text| output::warning(text))),
            (Level::Notice, _) => {
                note.lines.into_iter().for_each(|text| {
                    if !state.notices.contains(&text) {
                        state.notices.push(text);
                    }
                });
            }
            (Level::Advice, _) => state.advice.extend(note.lines),
        }
    }

    fn progress(&self, state: &mut Display, work: Option<&Work>, progress: &Progress) {
        match progress {
            Progress::Tick => {}
            Progress::Begun { text, command } => {
                self.phase(state, work, &in_a_sentence(text));
                if self.verbose {
                    self.print(state, &[Line::default().add(Paint::Dim, format!("    {}", line(command)))]);
                }
            }
            Progress::Ended(outcome) => {
                if let (None, Some(area)) = (work, &state.area) {
                    area.end(None);
                }
                // The exit status of a piece of work is in its line.
                if let (Err(status), None) = (outcome, work) {
                    state.above(|| output::warning(&format!("the program ended with exit status {status}.")));
                }
            }
            Progress::Output(lines) => match work {
                // Below its line, which names it: several go on at the same time.
                Some(work) => state.output.entry(work.number).or_default().extend_from_slice(lines),
                None => self.print(state, &lines.iter().map(Line::plain).collect::<Vec<_>>()),
            },
            Progress::Undoing { title } if INTERRUPTED.load(Ordering::SeqCst) => {
                self.phase(state, work, UNDOING);
                self.print(state, &[Line::default().add(Paint::Warn, format!("Interrupted. Undoing: {title}"))]);
            }
            Progress::Undoing { .. } => self.phase(state, work, UNDOING),
            Progress::Overall { done, of, .. } => {
                if let Some(area) = &state.area {
                    area.whole(*done, *of);
                }
            }
        }
    }

    /// Shows the current phase: in the area, or as a line if there is no area.
    fn phase(&self, state: &Display, work: Option<&Work>, phase: &str) {
        match (&state.area, work) {
            (Some(area), work) => area.phase(work.map(|work| work.number), phase),
            (None, Some(work)) => {
                let text = format!("  {}  {}  {phase}", work.package, work.target.kernel);
                self.print(state, &[Line::default().add(Paint::Dim, text)]);
            }
            (None, None) => self.print(state, &[Line::default().add(Paint::Dim, format!("  {phase}"))]),
        }
    }
}

impl Observer for People {
    fn event(&self, event: Event) {
        if self.quiet {
            return;
        }
        let mut state = self.state();
        let work = event.work.as_deref();
        match (event.kind, work) {
            (Kind::Note(note), work) => self.note(&mut state, work, note),
            (Kind::Progress(progress), work) => self.progress(&mut state, work, &progress),
            (Kind::Started { expected }, Some(work)) => {
                if let Some(area) = &state.area {
                    area.begin(work.number, &work.package.to_string(), &work.target.kernel, expected);
                }
            }
            (Kind::Finished { outcome, took }, Some(work)) => {
                self.ended(&mut state, work, Became::Done(outcome), Some(took), Vec::new());
            }
            (Kind::Failed { failure, took }, Some(work)) => {
                output::note_printed(&failure.error);
                let annotations = of_failure(work, &failure, self.width());
                self.ended(&mut state, work, Became::of_failure(&failure), Some(took), annotations);
            }
            (Kind::Skipped { why, text }, Some(work)) => {
                output::printed_message(&text);
                let annotations = below(&text, Paint::Dim, self.width());
                self.ended(&mut state, work, Became::Skipped(why), None, annotations);
            }
            // These events always name a piece of work.
            (Kind::Started { .. } | Kind::Finished { .. } | Kind::Failed { .. } | Kind::Skipped { .. }, None) => {}
        }
    }
}

impl Display {
    /// Has something printed above the area.
    fn above(&self, print: impl FnOnce()) {
        match &self.area {
            Some(area) => area.above(print),
            None => print(),
        }
    }
}

/// dkms's sentence for something that begins, as a part of a line.
fn in_a_sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
