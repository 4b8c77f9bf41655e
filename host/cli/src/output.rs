//! Output to the caller's terminal, except for the reporter's: everything that is
//! written passes [`modsmith_facts::text`] here.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::look::Look;
use super::pager;
use super::styled::Line;
use modsmith_core::Environment;
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

/// Lines for people on standard output, in colour where colours are shown. Text of a line is never
/// taken for a colour.
pub fn styled(lines: &[Line], look: Look) {
    write_out(&rendered(lines, look.colour));
}

fn rendered(lines: &[Line], colour: bool) -> String {
    let mut out = String::new();
    for line in lines {
        let start = out.len();
        for (paint, piece) in line.pieces() {
            let piece = text::line(piece);
            match paint.sgr().filter(|_| colour && !piece.trim().is_empty()) {
                Some(sgr) => out.extend([sgr, &piece, "\x1b[0m"]),
                None => out += &piece,
            }
        }
        // A line ends where its text does.
        out.truncate(start + out[start..].trim_end_matches(' ').len());
        out.push('\n');
    }
    out
}

/// Lines on the terminal in the place of the last `drawn` ones, in one piece. The cursor is left
/// at the end of the last line.
///
/// Control sequences of ECMA-48 (up, erase in line, erase below) and of DEC terminals (no
/// wrapping meanwhile: a line that is too long ends in the last column).
pub fn frame(drawn: usize, lines: &[String]) {
    let up = if drawn > 1 { format!("\x1b[{}A", drawn - 1) } else { String::new() };
    let lines: Vec<String> = lines.iter().map(|line| format!("{}\x1b[K", text::line(line))).collect();
    write_out(&format!("\x1b[?7l\r{up}{}\x1b[J\x1b[?7h", lines.join("\r\n")));
}

/// The contents of a file on standard output: it need not be text.
pub fn file(contents: &[u8]) {
    write_out(&text::lines_of_bytes(contents));
}

/// The contents of a file that may be long: on a terminal, the program that PAGER names shows them.
pub fn paged(contents: &[u8], environment: &Environment) {
    let text = text::lines_of_bytes(contents);
    if !Look::of(environment).terminal || !pager::show(&text, environment) {
        write_out(&text);
    }
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

/// A value as one line of JSON on standard output.
pub fn json_line(value: &impl serde::Serialize) {
    // The values have no keys but texts, so they can always be JSON.
    if let Ok(text) = serde_json::to_string(value) {
        write_out(&format!("{}\n", text::json(&text)));
    }
}

/// The messages of errors that were printed: none of them is printed again at the end.
static PRINTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes that an error was printed.
pub fn note_printed(error: &Error) {
    printed_message(&error.message);
}

/// Notes that a message was printed.
pub fn printed_message(message: &str) {
    PRINTED.lock().unwrap_or_else(PoisonError::into_inner).push(message.to_owned());
}

pub fn was_printed(error: &Error) -> bool {
    PRINTED.lock().unwrap_or_else(PoisonError::into_inner).contains(&error.message)
}

/// Text on standard error that ends as it does.
pub fn error(text: &str) {
    let _ = write!(std::io::stderr(), "{}", text::lines(text));
}

/// A warning: one line on standard error.
pub fn warning(text: &str) {
    let _ = writeln!(std::io::stderr(), "Warning: {}", text::line(text));
}

/// Errors are ignored: a closed pipe ends the program by a signal, and nothing can be done about a full disk.
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

#[cfg(test)]
mod tests {
    use super::super::styled::Paint;
    use super::*;

    #[test]
    fn the_only_escapes_in_a_line_are_those_of_its_colours() {
        let lines = [Line::bold("a\x1b[2Jb").add(Paint::Plain, " \rc  ")];
        assert_eq!(rendered(&lines, false), "a\\u{1b}[2Jb \\rc\n");
        assert_eq!(rendered(&lines, true), "\x1b[1ma\\u{1b}[2Jb\x1b[0m \\rc\n");
    }
}
