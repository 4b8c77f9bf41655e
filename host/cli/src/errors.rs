//! Errors as the user sees them.

use super::Persona;
use modsmith_core::error::{Error, Kind};
use modsmith_facts::text::line;

/// dkms's callers look for `Error! `; people at `modsmith` get the usual form.
pub fn render(error: &Error, persona: Persona) -> String {
    let mut out = String::new();
    let head = match (persona, error.kind) {
        (Persona::Dkms, Kind::Excluded) => "Warning: ",
        (Persona::Dkms, _) => "\nError! ",
        (Persona::Modsmith, Kind::Excluded) => "warning: ",
        (Persona::Modsmith, _) => "error: ",
    };
    out += &format!("{head}{}\n", line(&error.message));
    for detail in &error.details {
        out += &format!("{}\n", line(detail));
    }
    if persona == Persona::Modsmith && !error.hints.is_empty() {
        out.push('\n');
    }
    for hint in error.hints.iter().map(|hint| line(hint)) {
        out += &match persona {
            Persona::Dkms => format!("{hint}\n"),
            Persona::Modsmith => format!("hint: {hint}\n"),
        };
    }
    out
}
