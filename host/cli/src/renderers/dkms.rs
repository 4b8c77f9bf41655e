//! dkms's lines: pieces of work that go on at the same time are shown one after the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::terminal::Terminal;
use modsmith_core::event::{Event, Kind, Level, Note, Observer, Progress};

/// Shows events as dkms's lines. Events of the piece of work that began first are shown at once,
/// those of the others when it is their turn.
pub struct Dkms {
    terminal: Terminal,
    turns: Mutex<Turns>,
}

#[derive(Default)]
struct Turns {
    /// Pieces of work in the order in which they began; the first one is shown.
    begun: VecDeque<usize>,
    /// The pieces of work that have ended, without the first one.
    ended: BTreeSet<usize>,
    /// The events of the others.
    waiting: BTreeMap<usize, Vec<Kind>>,
}

impl Dkms {
    pub fn new(quiet: bool, verbose: bool) -> Self {
        Self { terminal: Terminal::new(quiet, verbose), turns: Mutex::default() }
    }

    fn show(&self, kind: &Kind) {
        match kind {
            Kind::Progress(progress) => self.show_progress(progress),
            Kind::Note(note) => self.show_note(note),
            Kind::Started { .. } | Kind::Finished { .. } | Kind::Failed { .. } | Kind::Skipped { .. } => {}
        }
    }

    fn show_progress(&self, progress: &Progress) {
        match progress {
            Progress::Begun { text, command } => self.terminal.begin(text, command),
            Progress::Tick => self.terminal.tick(),
            Progress::Ended(outcome) => self.terminal.end(*outcome),
            Progress::Output(lines) => self.terminal.lines(lines),
            Progress::Overall { done, of, in_work } => self.terminal.overview(*done, *of, in_work),
            Progress::Undoing { .. } => {}
        }
    }

    fn show_note(&self, Note { level, lines, .. }: &Note) {
        match level {
            Level::Line | Level::Advice => self.terminal.lines(lines),
            Level::Warning => lines.iter().for_each(|line| self.terminal.warning(line)),
            Level::Notice => lines.iter().for_each(|line| self.terminal.notice(line)),
        }
    }
}

impl Turns {
    /// An event of a piece of work has come: the events that are to be shown now.
    fn take(&mut self, number: usize, kind: Kind) -> Vec<Kind> {
        match kind {
            Kind::Started { .. } => self.begun.push_back(number),
            Kind::Finished { .. } | Kind::Failed { .. } | Kind::Skipped { .. } => {
                if self.begun.contains(&number) {
                    self.ended.insert(number);
                    return self.next();
                }
            }
            kind if self.begun.front() == Some(&number) => return vec![kind],
            Kind::Progress(Progress::Tick) => {}
            kind => self.waiting.entry(number).or_default().push(kind),
        }
        Vec::new()
    }

    /// The events so far of the next pieces of work, once the first one has ended.
    fn next(&mut self) -> Vec<Kind> {
        let mut shown = Vec::new();
        while self.begun.front().is_some_and(|first| self.ended.remove(first)) {
            self.begun.pop_front();
            let waiting = self.begun.front().and_then(|first| self.waiting.remove(first));
            shown.extend(waiting.into_iter().flatten());
        }
        shown
    }
}

impl Observer for Dkms {
    fn event(&self, event: Event) {
        let Some(number) = event.work.map(|work| work.number) else { return self.show(&event.kind) };
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Others wait: lines of two pieces of work are not mixed.
        turns.take(number, event.kind).iter().for_each(|kind| self.show(kind));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use modsmith_core::event::Outcome;

    /// The lines to show after a piece of work said a line.
    fn say(turns: &mut Turns, number: usize, line: &str) -> Vec<String> {
        lines(turns.take(number, Kind::Note(Note { level: Level::Line, lines: vec![line.into()], is_echo: false })))
    }

    fn end(turns: &mut Turns, number: usize) -> Vec<String> {
        lines(turns.take(number, Kind::Finished { outcome: Outcome::Built, took: Duration::ZERO }))
    }

    fn lines(kinds: Vec<Kind>) -> Vec<String> {
        let of = |kind| if let Kind::Note(note) = kind { note.lines } else { Vec::new() };
        kinds.into_iter().flat_map(of).collect()
    }

    #[test]
    fn pieces_of_work_are_shown_one_after_the_other() {
        let mut turns = Turns::default();
        for number in [0, 1, 2] {
            assert!(turns.take(number, Kind::Started { expected: None }).is_empty());
        }
        assert!(say(&mut turns, 2, "c1").is_empty());
        assert_eq!(say(&mut turns, 0, "a1"), ["a1"]);
        assert!(say(&mut turns, 1, "b1").is_empty());
        assert!(end(&mut turns, 2).is_empty());
        assert_eq!(end(&mut turns, 0), ["b1"]);
        assert_eq!(say(&mut turns, 1, "b2"), ["b2"]);
        turns.take(3, Kind::Started { expected: None });
        assert!(say(&mut turns, 3, "d1").is_empty());
        assert_eq!(end(&mut turns, 1), ["c1", "d1"]);
        // Work that could not begin has only an end.
        assert!(end(&mut turns, 9).is_empty());
    }
}
