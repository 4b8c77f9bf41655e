//! Orders the reports of tasks that run at the same time: one task after the other.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::report::Reporter;

/// Gives each of several tasks a reporter; their reports are printed in the order in which
/// they began, the first one at once and the others when it is their turn.
pub struct OrderedReporter<'a> {
    to: &'a dyn Reporter,
    turns: Mutex<Turns>,
}

#[derive(Default)]
struct Turns {
    /// The task whose reports are printed.
    current: usize,
    /// The number of the next task.
    next: usize,
    /// The reports of the other tasks, and whether each task has ended.
    waiting: BTreeMap<usize, (Vec<Event>, bool)>,
}

enum Event {
    Line(String),
    Begin(String, String),
    End(Result<(), i32>),
    Warning(String),
    Notice(String),
}

impl Event {
    fn report_to(&self, to: &dyn Reporter) {
        match self {
            Event::Line(text) => to.line(text),
            Event::Begin(text, command) => to.begin(text, command),
            Event::End(outcome) => to.end(*outcome),
            Event::Warning(text) => to.warning(text),
            Event::Notice(text) => to.notice(text),
        }
    }
}

impl<'a> OrderedReporter<'a> {
    pub fn new(to: &'a dyn Reporter) -> Self {
        Self { to, turns: Mutex::default() }
    }

    /// A reporter whose events follow those of all tasks that began before.
    pub fn voice(&self) -> TaskReporter<'_> {
        let mut turns = self.turns();
        turns.next += 1;
        TaskReporter { ordered: self, place: turns.next - 1 }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One speaker; dropped at the end of its speech.
pub struct TaskReporter<'o> {
    ordered: &'o OrderedReporter<'o>,
    place: usize,
}

impl TaskReporter<'_> {
    fn say(&self, said: Event) {
        let mut turns = self.ordered.turns();
        if turns.current == self.place {
            said.report_to(self.ordered.to);
        } else {
            turns.waiting.entry(self.place).or_default().0.push(said);
        }
    }
}

impl Reporter for TaskReporter<'_> {
    fn line(&self, text: &str) {
        self.say(Event::Line(text.to_owned()));
    }

    fn begin(&self, text: &str, command: &str) {
        self.say(Event::Begin(text.to_owned(), command.to_owned()));
    }

    fn tick(&self) {
        if self.ordered.turns().current == self.place {
            self.ordered.to.tick();
        }
    }

    fn end(&self, outcome: Result<(), i32>) {
        self.say(Event::End(outcome));
    }

    fn warning(&self, text: &str) {
        self.say(Event::Warning(text.to_owned()));
    }

    fn notice(&self, text: &str) {
        self.say(Event::Notice(text.to_owned()));
    }
}

impl Drop for TaskReporter<'_> {
    fn drop(&mut self) {
        let mut turns = self.ordered.turns();
        if turns.current != self.place {
            turns.waiting.entry(self.place).or_default().1 = true;
            return;
        }
        loop {
            turns.current += 1;
            let current = turns.current;
            let Some((said, ended)) = turns.waiting.remove(&current) else { return };
            said.iter().for_each(|said| said.report_to(self.ordered.to));
            if !ended {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Reporter for Heard {
        fn line(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
        fn begin(&self, _: &str, _: &str) {}
        fn end(&self, _: Result<(), i32>) {}
        fn warning(&self, _: &str) {}
        fn notice(&self, _: &str) {}
    }

    #[test]
    fn speakers_are_heard_one_after_the_other() {
        let heard = Heard::default();
        let ordered = OrderedReporter::new(&heard);
        let (first, second, third) = (ordered.voice(), ordered.voice(), ordered.voice());
        third.line("c1");
        first.line("a1");
        second.line("b1");
        drop(third);
        first.line("a2");
        assert_eq!(*heard.0.lock().unwrap(), ["a1", "a2"]);
        drop(first);
        assert_eq!(*heard.0.lock().unwrap(), ["a1", "a2", "b1"]);
        second.line("b2");
        let fourth = ordered.voice();
        fourth.line("d1");
        drop(second);
        assert_eq!(*heard.0.lock().unwrap(), ["a1", "a2", "b1", "b2", "c1", "d1"]);
    }
}
