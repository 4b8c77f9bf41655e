//! The last lines of a terminal, drawn anew while something goes on: a line for each piece of
//! work, and a bar for all of them.
//!
//! Not with a crate: those that there are fill each line up to the last column and have the
//! terminal wrap it, so that lines are torn when the window is resized.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::look::Look;
use super::super::{output, screen};
use super::sentences::{clock, span};
use modsmith_plan::{AT_REST, INTERRUPTED};

/// More pieces of work have no line of their own.
const ROWS: usize = 8;

/// On a narrower terminal, lines say less.
const NARROW: usize = 72;

/// The phase of what is taken back.
pub const UNDOING: &str = "undoing the change";

/// How wide the bar is.
const BAR: usize = 24;

/// How often the lines are looked at; they are drawn anew where their text has changed.
const BEAT: Duration = Duration::from_millis(250);

/// Whether an area is on the terminal.
static IS_DRAWN: AtomicBool = AtomicBool::new(false);

/// Has a signal that ends the program at once leave the terminal's last line to the area.
///
/// # Errors
/// When the signal cannot be handled.
pub fn keep_lines_whole(signal: i32) -> io::Result<()> {
    let end_line = || {
        let ends_now = AT_REST.load(Ordering::SeqCst) || INTERRUPTED.load(Ordering::SeqCst);
        if ends_now && IS_DRAWN.load(Ordering::SeqCst) {
            // SAFETY: write(2) is async-signal-safe; the buffer is static.
            unsafe { libc::write(libc::STDOUT_FILENO, b"\n".as_ptr().cast(), 1) };
        }
    };
    // Not from within a signal handler: both are made once.
    std::sync::LazyLock::force(&AT_REST);
    std::sync::LazyLock::force(&INTERRUPTED);
    // SAFETY: the handler only loads atomics and calls write(2).
    unsafe { signal_hook::low_level::register(signal, end_line) }.map(drop)
}

/// Draws an area until it is dropped.
pub struct Area {
    shared: Arc<Shared>,
    beat: Option<JoinHandle<()>>,
}

struct Shared {
    lines: Mutex<Lines>,
    stopped: Mutex<bool>,
    stop: Condvar,
}

struct Lines {
    look: Look,
    rows: BTreeMap<usize, Row>,
    /// Work that belongs to no package.
    beside: Option<Row>,
    /// How many of how many have ended.
    whole: Option<(usize, usize)>,
    /// The lines on the terminal.
    shown: Vec<String>,
}

/// A piece of work.
struct Row {
    name: String,
    kernel: String,
    phase: String,
    since: Instant,
    expected: Option<Duration>,
}

impl Area {
    pub fn new(look: Look) -> Self {
        IS_DRAWN.store(true, Ordering::SeqCst);
        let (rows, beside, whole, shown) = (BTreeMap::new(), None, None, Vec::new());
        let lines = Mutex::new(Lines { look, rows, beside, whole, shown });
        let shared = Arc::new(Shared { lines, stopped: Mutex::new(false), stop: Condvar::new() });
        let beating = shared.clone();
        // Without the thread, lines are drawn when something happens.
        let beat = std::thread::Builder::new().name("area".into()).spawn(move || beating.beat()).ok();
        Self { shared, beat }
    }

    /// A piece of work begins.
    pub fn begin(&self, number: usize, name: &str, kernel: &str, expected: Option<Duration>) {
        let mut lines = self.shared.lines();
        lines.rows.insert(number, Row::new(name, kernel, expected));
        lines.draw();
    }

    /// Shows the current phase of a piece of work. `None`: of work that belongs to no package.
    pub fn phase(&self, number: Option<usize>, phase: &str) {
        let mut lines = self.shared.lines();
        match number {
            Some(number) => {
                if let Some(row) = lines.rows.get_mut(&number) {
                    phase.clone_into(&mut row.phase);
                }
            }
            None => lines.beside = Some(Row::new(phase, "", None)),
        }
        lines.draw();
    }

    /// A piece of work has ended. `None`: work that belongs to no package.
    pub fn end(&self, number: Option<usize>) {
        let mut lines = self.shared.lines();
        match number {
            Some(number) => drop(lines.rows.remove(&number)),
            None => lines.beside = None,
        }
        lines.draw();
    }

    /// How many of several pieces of work have ended; once all have, there is no bar.
    pub fn whole(&self, done: usize, of: usize) {
        let mut lines = self.shared.lines();
        lines.whole = Some((done, of)).filter(|_| of > 1 && done < of);
        lines.draw();
    }

    /// Has something printed above the area.
    pub fn above(&self, print: impl FnOnce()) {
        let mut lines = self.shared.lines();
        lines.erase();
        print();
        lines.draw();
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        *self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.stop.notify_all();
        if let Some(beat) = self.beat.take() {
            let _ = beat.join();
        }
        self.shared.lines().erase();
        IS_DRAWN.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
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
        let width = screen::columns().filter(|columns| *columns > 0).unwrap_or(NARROW);
        let lines = self.texts(width);
        if lines != self.shown {
            output::frame(self.shown.len(), &lines);
            self.shown = lines;
        }
    }

    fn erase(&mut self) {
        if !self.shown.is_empty() {
            output::frame(self.shown.len(), &[]);
            self.shown.clear();
        }
    }

    fn texts(&self, width: usize) -> Vec<String> {
        let rows = self.rows.values().take(ROWS).chain(&self.beside).map(|row| row.text(width));
        let mut lines: Vec<String> = rows.collect();
        if let Some((done, of)) = self.whole {
            let more = self.rows.len().saturating_sub(ROWS);
            let more = if more > 0 { format!("; {more} more in work") } else { String::new() };
            lines.push(format!("  [{}] {done} of {of} done{more}", bar(done, of, self.look.unicode)));
        }
        lines.into_iter().map(|line| line.chars().take(width).collect()).collect()
    }
}

impl Row {
    fn new(name: &str, kernel: &str, expected: Option<Duration>) -> Self {
        let (name, kernel, phase) = (name.to_owned(), kernel.to_owned(), String::new());
        Self { name, kernel, phase, since: Instant::now(), expected }
    }

    fn text(&self, width: usize) -> String {
        let is_narrow = width < NARROW;
        let is_stopping = INTERRUPTED.load(Ordering::SeqCst) && self.phase != UNDOING;
        let phase = if is_stopping { "stopping" } else { &self.phase };
        let mut text = format!("  {}", self.name);
        if !is_narrow && !self.kernel.is_empty() {
            text += &format!("  {}", self.kernel);
        }
        if !phase.is_empty() {
            text += &format!("  {phase}");
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

/// A bar for the part that is done.
fn bar(done: usize, of: usize, unicode: bool) -> String {
    let full = (BAR * done.min(of)).checked_div(of).unwrap_or(0);
    let (sign, end) = if unicode { ("━", "╸") } else { ("=", ">") };
    let end = if full < BAR { end } else { "" };
    format!("{:BAR$}", format!("{}{end}", sign.repeat(full)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_has_one_width() {
        assert_eq!(bar(0, 4, false), format!(">{}", " ".repeat(23)));
        assert_eq!(bar(1, 2, false), format!("{}>{}", "=".repeat(12), " ".repeat(11)));
        assert_eq!(bar(4, 4, true), "━".repeat(24));
    }

    #[test]
    fn a_narrow_terminal_has_shorter_lines() {
        let row = Row { phase: "making".into(), ..Row::new("a/1", "6.1", Some(Duration::from_secs(90))) };
        assert_eq!(row.text(80), "  a/1  6.1  making of about 1 min 30 s");
        assert_eq!(row.text(60), "  a/1  making");
    }
}
