//! The lines of dkms on standard output, with dots while something goes on.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::{output, screen};
use modsmith_facts::text::line;

/// Prints to standard output; warnings to standard error. Every text is one line:
/// what would make more of it is escaped.
pub struct Terminal {
    quiet: bool,
    verbose: bool,
    interactive: bool,
    state: Mutex<Screen>,
}

#[derive(Default)]
struct Screen {
    /// The line that is not ended yet.
    open: Option<Progress>,
    /// The other tasks in progress; only on a terminal.
    overview: String,
    noticed: BTreeSet<String>,
}

struct Progress {
    shown: String,
    command: String,
    ticks: usize,
    /// Whether something else was printed since, on the next line.
    left: bool,
}

impl Terminal {
    pub fn new(quiet: bool, verbose: bool) -> Self {
        Self { quiet, verbose, interactive: screen::is_there(), state: Mutex::default() }
    }

    pub fn flush() {
        let _ = std::io::stdout().flush();
    }

    fn state(&self) -> MutexGuard<'_, Screen> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complain(&self, text: &str) {
        if !self.quiet {
            if let Some(open) = self.state().open.as_mut().filter(|open| !open.left) {
                open.left = true;
                self.print("\n");
            }
            output::error(&format!("{}\n", line(text)));
        }
    }

    fn print(&self, text: &str) {
        if !self.quiet {
            // A closed pipe ends the program by its signal; nothing else to do.
            let _ = write!(std::io::stdout(), "{text}");
            Self::flush();
        }
    }

    /// The open line again, followed by the other tasks in progress.
    fn redraw(&self, state: &Screen) {
        if let Some(Progress { shown, ticks, left: false, .. }) = &state.open {
            self.print(&format!("\r\x1b[K{shown}...{}{}", ".".repeat(*ticks), state.overview));
        }
    }
}

/// Output in dkms's form.
impl Terminal {
    /// Several lines, all at once.
    pub fn lines(&self, texts: &[String]) {
        // All at once: a thousand packages are as many lines.
        let lines = texts.iter().map(|text| line(text) + "\n").collect::<String>();
        self.print(&lines);
    }

    /// Something that takes a while begins.
    pub fn begin(&self, text: &str, command: &str) {
        let command = line(command).into_owned();
        let shown = if self.verbose { command.clone() } else { line(text).into_owned() };
        let mut state = self.state();
        self.print(&format!("{shown}...{}", state.overview));
        state.open = Some(Progress { shown, command, ticks: 0, left: false });
    }

    /// Shows that the program still runs.
    pub fn tick(&self) {
        let mut state = self.state();
        let bare = state.overview.is_empty();
        if let Some(open) = state.open.as_mut().filter(|open| self.interactive && !open.left) {
            open.ticks += 1;
            if bare { self.print(".") } else { self.redraw(&state) }
        }
    }

    /// Shows that the program has ended: `Err` holds the exit status.
    pub fn end(&self, outcome: Result<(), i32>) {
        let mut state = self.state();
        let overview = std::mem::take(&mut state.overview);
        if !overview.is_empty() {
            self.redraw(&state);
        }
        state.overview = overview;
        let command = state.open.take().map(|open| open.command).unwrap_or_default();
        match outcome {
            Ok(()) => self.print(" done.\n"),
            Err(status) => self.print(&format!("(bad exit status: {status})\nFailed command:\n{command}\n")),
        }
    }

    /// To standard error.
    pub fn warning(&self, text: &str) {
        self.complain(&format!("Warning: {text}"));
    }

    /// To standard error, without a prefix; each text is shown once.
    pub fn notice(&self, text: &str) {
        if self.state().noticed.insert(text.to_owned()) {
            self.complain(text);
        }
    }

    /// Several things are going on: how many of how many are done, and the names of those in work.
    pub fn overview(&self, done: usize, of: usize, in_work: &[String]) {
        if !self.interactive {
            return;
        }
        const SHOWN: usize = 3;
        let names = line(&in_work[..in_work.len().min(SHOWN)].join(", ")).into_owned();
        let more = in_work.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let mut state = self.state();
        state.overview =
            if in_work.len() < 2 { String::new() } else { format!(" [{done} of {of} done; running: {names}{more}]") };
        self.redraw(&state);
    }
}
