//! Diagnostics. modsmith adds plugin, role, module and kernel to each event.

pub use crate::bindings::imports::modsmith::plugin::log::{Level, emit, enabled};

/// Logs at `debug`: facts that the plugin found, and reasons of its decisions. The message is only
/// built if this level is logged.
#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => { $crate::__log!(Debug, $($message)+) };
}

/// Logs at `info`.
#[macro_export]
macro_rules! info {
    ($($message:tt)+) => { $crate::__log!(Info, $($message)+) };
}

/// Logs at `warn`: something that a user should know though nothing failed.
#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => { $crate::__log!(Warn, $($message)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($message:tt)+) => {
        if $crate::log::enabled($crate::log::Level::$level) {
            $crate::log::emit($crate::log::Level::$level, &::std::format!($($message)+), &[]);
        }
    };
}
