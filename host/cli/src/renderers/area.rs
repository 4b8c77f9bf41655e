//! The last lines of a terminal, drawn anew while something goes on: a line for each piece of
//! work, and a bar for all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::look::Look;
use super::super::screen;
use super::sentences::{clock, span};
use modsmith_facts::text::line;

/// More pieces of work have no line of their own.
const ROWS: usize = 8;

/// On a narrower terminal, lines say less.
const NARROW: usize = 72;

/// How often the lines are looked at; they are drawn anew where their text has changed.
const BEAT: Duration = Duration::from_millis(250);

/// Draws an area until it is dropped.
pub struct Area {
    shared: Arc<Shared>,
    beat: Option<JoinHandle<()>>,
}

struct Shared {
    bars: MultiProgress,
    lines: Mutex<Lines>,
    stopped: Mutex<bool>,
    stop: Condvar,
}

#[derive(Default)]
struct Lines {
    rows: BTreeMap<usize, Row>,
    /// What goes on beside all pieces of work.
    beside: Option<Row>,
    whole: Option<ProgressBar>,
}

struct Row {
    bar: ProgressBar,
    /// Package and kernel.
    name: String,
    kernel: String,
    phase: String,
    since: Instant,
    expected: Option<Duration>,
    shown: String,
}

impl Area {
    pub fn new() -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stdout_with_hz(10));
        let shared =
            Arc::new(Shared { bars, lines: Mutex::default(), stopped: Mutex::new(false), stop: Condvar::new() });
        let beating = shared.clone();
        // Without the thread, lines are drawn when something happens.
        let beat = std::thread::Builder::new().name("area".into()).spawn(move || beating.beat()).ok();
        Self { shared, beat }
    }

    /// A piece of work begins.
    pub fn begin(&self, number: usize, name: &str, kernel: &str, expected: Option<Duration>) {
        let mut lines = self.shared.lines();
        if lines.rows.len() < ROWS {
            let row = self.shared.row(&lines, name, kernel, expected);
            lines.rows.insert(number, row);
        }
        lines.draw();
    }

    /// What is done now; `None`: beside all pieces of work.
    pub fn phase(&self, number: Option<usize>, phase: &str) {
        let mut lines = self.shared.lines();
        match number {
            Some(number) => {
                if let Some(row) = lines.rows.get_mut(&number) {
                    row.phase = line(phase).into_owned();
                }
            }
            None => {
                if let Some(row) = lines.beside.take() {
                    self.shared.remove(&row);
                }
                lines.beside = Some(self.shared.row(&lines, phase, "", None));
            }
        }
        lines.draw();
    }

    /// A piece of work, or what went on beside all of them, has ended.
    pub fn end(&self, number: Option<usize>) {
        let mut lines = self.shared.lines();
        let row = match number {
            Some(number) => lines.rows.remove(&number),
            None => lines.beside.take(),
        };
        row.iter().for_each(|row| self.shared.remove(row));
    }

    /// How many of several pieces of work have ended.
    pub fn whole(&self, done: usize, of: usize, look: Look) {
        let mut lines = self.shared.lines();
        if of < 2 {
            return;
        }
        let whole = lines.whole.get_or_insert_with(|| self.shared.bars.add(ProgressBar::new(0).with_style(bar(look))));
        whole.set_length(of as u64);
        whole.set_position(done as u64);
    }

    /// Has something printed above the area.
    pub fn above(&self, print: impl FnOnce()) {
        // The lines are not changed meanwhile.
        let _lines = self.shared.lines();
        self.shared.bars.suspend(print);
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        *self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.stop.notify_all();
        if let Some(beat) = self.beat.take() {
            let _ = beat.join();
        }
        let mut lines = self.shared.lines();
        let rows = std::mem::take(&mut lines.rows);
        rows.values().chain(lines.beside.take().iter()).for_each(|row| self.shared.remove(row));
        if let Some(whole) = lines.whole.take() {
            whole.finish_and_clear();
        }
        let _ = self.shared.bars.clear();
    }
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line above the bar for the whole.
    fn row(&self, lines: &Lines, name: &str, kernel: &str, expected: Option<Duration>) -> Row {
        let bar = ProgressBar::new_spinner().with_style(one_line());
        let bar = match &lines.whole {
            Some(whole) => self.bars.insert_before(whole, bar),
            None => self.bars.add(bar),
        };
        let (name, kernel) = (line(name).into_owned(), line(kernel).into_owned());
        Row { bar, name, kernel, phase: String::new(), since: Instant::now(), expected, shown: String::new() }
    }

    fn remove(&self, row: &Row) {
        row.bar.finish_and_clear();
        self.bars.remove(&row.bar);
    }

    fn beat(&self) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stopped {
            stopped = self.stop.wait_timeout(stopped, BEAT).unwrap_or_else(PoisonError::into_inner).0;
            if !*stopped {
                self.lines().draw();
            }
        }
    }
}

impl Lines {
    fn draw(&mut self) {
        let width = screen::columns().unwrap_or(NARROW);
        for row in self.rows.values_mut().chain(self.beside.as_mut()) {
            row.draw(width);
        }
    }
}

impl Row {
    fn draw(&mut self, width: usize) {
        let text = self.text(width);
        if text != self.shown {
            self.bar.set_message(text.clone());
            // There are few changes: each is drawn.
            self.bar.tick();
            self.shown = text;
        }
    }

    fn text(&self, width: usize) -> String {
        let is_narrow = width < NARROW;
        let mut text = format!("  {}", self.name);
        if !is_narrow && !self.kernel.is_empty() {
            text += &format!("  {}", self.kernel);
        }
        if !self.phase.is_empty() {
            text += &format!("  {}", self.phase);
        }
        let seconds = self.since.elapsed().as_secs();
        if seconds > 0 {
            text += &format!("  {}", clock(seconds));
        }
        match self.expected {
            Some(expected) if !is_narrow && expected.as_secs() > 0 => text + &format!(" of about {}", span(expected)),
            _ => text,
        }
    }
}

fn one_line() -> ProgressStyle {
    // The text is one that the crate's own tests take: without it, the crate's usual line.
    ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn bar(look: Look) -> ProgressStyle {
    let style = ProgressStyle::with_template("  [{bar:24}] {pos} of {len} done");
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars(if look.unicode { "━╸ " } else { "=> " })
}
