//! Output to the caller's terminal, except for the reporter's: everything that is
//! written passes [`modsmith_facts::text`] here.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use modsmith_core::error::{Error, Kind, Result};
use modsmith_facts::text;

/// Lines on standard output.
pub fn lines(text: &str) {
    write_out(&format!("{}\n", text::lines(text)));
}

/// Text on standard output that ends as it does.
pub fn text(text: &str) {
    write_out(&text::lines(text));
}

/// The contents of a file on standard output: it need not be text.
pub fn file(contents: &[u8]) {
    write_out(&text::lines_of_bytes(contents));
}

/// Whether a JSON document is on standard output: a program reads one.
static ANSWERED: AtomicBool = AtomicBool::new(false);

pub fn has_answered() -> bool {
    ANSWERED.load(Ordering::Relaxed)
}

/// A value as JSON on standard output.
pub fn json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(Kind::System, format!("Could not write JSON: {e}.")))?;
    write_out(&format!("{}\n", text::json(&text)));
    ANSWERED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Text on standard error that ends as it does.
pub fn error(text: &str) {
    let _ = write!(std::io::stderr(), "{}", text::lines(text));
}

/// A warning: one line on standard error.
pub fn warning(text: &str) {
    let _ = writeln!(std::io::stderr(), "Warning: {}", text::line(text));
}

/// A closed pipe ends the program by its signal, a full disk is reported by who
/// redirected the output: nothing else to do.
fn write_out(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Standard error for the program's own log: each event is written in one piece.
#[derive(Debug, Clone, Copy)]
pub struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        std::io::stderr().write_all(text::lines_of_bytes(event).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
