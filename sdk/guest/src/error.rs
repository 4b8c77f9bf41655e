//! Why a plugin does not answer.

pub use crate::bindings::imports::modsmith::plugin::types::Error;

/// The result of every role that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Not this plugin's business, and why: modsmith asks the next plugin that has
/// the role.
pub fn unsupported(reason: impl Into<String>) -> Error {
    Error::Unsupported(reason.into())
}

/// Facts or settings contradict each other. Shown to the user: say what is wrong
/// with which file or setting, and what to do.
pub fn invalid(message: impl Into<String>) -> Error {
    Error::Invalid(message.into())
}

/// Any other failure. Shown to the user.
pub fn other(message: impl Into<String>) -> Error {
    Error::Other(message.into())
}
