//! Panics are logged with their place before they become a trap.

use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::log::{Level, emit};

/// Called at the start of every exported function.
pub(crate) fn enter() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(report)));
}

fn report(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("the payload is not text");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    emit(Level::Error, &format!("panicked: {message}"), &[("place".to_owned(), place)]);
}
