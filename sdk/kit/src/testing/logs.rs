//! The messages that a plugin logs while a case asks it.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

use modsmith_plugins::LOG_TARGET;

/// Does some work, and collects what plugins log meanwhile on this thread: a line for
/// each message, with its level.
pub fn during<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    let lines = Lines::default();
    let result = tracing::subscriber::with_default(registry().with(lines.clone()), work);
    let mut collected = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    (result, std::mem::take(&mut collected))
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == LOG_TARGET
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = format!("{}: ", event.metadata().level().as_str().to_lowercase());
        event.record(&mut Message(&mut line));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// Adds the message of an event to a text.
struct Message<'a>(&'a mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // Writing to a text does not fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_plugins_are_collected_and_no_others() {
        let (result, lines) = during(|| {
            assert!(tracing::enabled!(target: LOG_TARGET, tracing::Level::DEBUG));
            tracing::info!(target: LOG_TARGET, "the image is {}", "old");
            tracing::debug!(target: LOG_TARGET, "so it is made again");
            tracing::info!("the host's own");
            7
        });
        assert_eq!((result, lines), (7, vec!["info: the image is old".into(), "debug: so it is made again".into()]));
    }
}
