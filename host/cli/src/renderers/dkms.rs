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
    /// Those that have ended, and are not the first one.
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

    /// The first piece of work has ended: the next ones follow, as far as they have come.
    fn next(&self, turns: &mut Turns) {
        while turns.begun.front().is_some_and(|first| turns.ended.remove(first)) {
            turns.begun.pop_front();
            let Some(first) = turns.begun.front() else { return };
            turns.waiting.remove(first).iter().flatten().for_each(|kind| self.show(kind));
        }
    }
}

impl Observer for Dkms {
    fn event(&self, event: Event) {
        let Some(number) = event.work.map(|work| work.number) else { return self.show(&event.kind) };
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        match event.kind {
            Kind::Started { .. } => turns.begun.push_back(number),
            Kind::Finished { .. } | Kind::Failed { .. } | Kind::Skipped { .. } => {
                if turns.begun.contains(&number) {
                    turns.ended.insert(number);
                    self.next(&mut turns);
                }
            }
            kind if turns.begun.front() == Some(&number) => self.show(&kind),
            Kind::Progress(Progress::Tick) => {}
            kind => turns.waiting.entry(number).or_default().push(kind),
        }
    }
}
