//! The `log` interface: events of plugins become those of the host.

use super::CallState;
use crate::bindings::modsmith::plugin::log::{Host, Level};
use crate::bindings::modsmith::plugin::types::Property;

/// The target under which plugins' events are filtered.
pub const TARGET: &str = "modsmith::plugin::guest";

/// Longer messages are cut: a log is for readers.
const LONGEST: usize = 4096;

impl Host for CallState {
    fn enabled(&mut self, level: Level) -> wasmtime::Result<bool> {
        Ok(match level {
            Level::Trace => tracing::enabled!(target: TARGET, tracing::Level::TRACE),
            Level::Debug => tracing::enabled!(target: TARGET, tracing::Level::DEBUG),
            Level::Info => tracing::enabled!(target: TARGET, tracing::Level::INFO),
            Level::Warn => tracing::enabled!(target: TARGET, tracing::Level::WARN),
            // Kept for the message of a failing call, whatever the filter says.
            Level::Error => true,
        })
    }

    fn emit(&mut self, level: Level, message: String, fields: Vec<Property>) -> wasmtime::Result<()> {
        let message = cut(message);
        let fields = cut(fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "));
        let message = if fields.is_empty() { message } else { format!("{message} ({fields})") };
        match level {
            Level::Trace => tracing::trace!(target: TARGET, "{message}"),
            Level::Debug => tracing::debug!(target: TARGET, "{message}"),
            Level::Info => tracing::info!(target: TARGET, "{message}"),
            Level::Warn => tracing::warn!(target: TARGET, "{message}"),
            Level::Error => {
                tracing::error!(target: TARGET, "{message}");
                self.last_error = Some(message);
            }
        }
        Ok(())
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let cut = cut("é".repeat(LONGEST));
        assert!(cut.len() <= LONGEST + '…'.len_utf8() && cut.ends_with('…'));
    }
}
