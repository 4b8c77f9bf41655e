//! The reporter of the command line.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};

use crate::plan::Reporter;

/// Prints to standard output; warnings to standard error.
pub struct Terminal {
    quiet: bool,
    verbose: bool,
    interactive: bool,
    /// Whether a progress line is open.
    open: Cell<bool>,
    command: Cell<Option<String>>,
    noticed: RefCell<BTreeSet<String>>,
}

impl Terminal {
    pub fn new(quiet: bool, verbose: bool) -> Self {
        Self {
            quiet,
            verbose,
            interactive: std::io::stdout().is_terminal(),
            open: Cell::new(false),
            command: Cell::new(None),
            noticed: RefCell::default(),
        }
    }

    pub fn flush() {
        let _ = std::io::stdout().flush();
    }

    fn complain(&self, text: &str) {
        if !self.quiet {
            if self.open.replace(false) {
                self.print("\n");
            }
            eprintln!("{text}");
        }
    }

    fn print(&self, text: &str) {
        if !self.quiet {
            // A closed pipe ends the program by its signal; nothing else to do.
            let _ = write!(std::io::stdout(), "{text}");
            Self::flush();
        }
    }
}

impl Reporter for Terminal {
    fn line(&self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    fn begin(&self, text: &str, command: &str) {
        let shown = if self.verbose { command } else { text };
        self.print(&format!("{shown}..."));
        self.open.set(true);
        self.command.set(Some(command.to_owned()));
    }

    fn tick(&self) {
        if self.interactive && self.open.get() {
            self.print(".");
        }
    }

    fn end(&self, outcome: Result<(), i32>) {
        self.open.set(false);
        let command = self.command.take().unwrap_or_default();
        match outcome {
            Ok(()) => self.print(" done.\n"),
            Err(status) => self.print(&format!("(bad exit status: {status})\nFailed command:\n{command}\n")),
        }
    }

    fn warning(&self, text: &str) {
        self.complain(&format!("Warning: {text}"));
    }

    fn notice(&self, text: &str) {
        if self.noticed.borrow_mut().insert(text.to_owned()) {
            self.complain(text);
        }
    }
}
