//! Why a plugin does not answer.

pub use crate::bindings::imports::modsmith::plugin::types::{Error, ErrorKind};

/// The result of every role that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Completes errors.
impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), code: None }
    }

    /// Adds what to do about it: a sentence.
    pub fn hint(mut self, sentence: impl Into<String>) -> Self {
        self.hints.push(sentence.into());
        self
    }

    /// Sets the program's exit code, 1 to 255, for roles of which the host takes one.
    pub fn exit_code(mut self, code: u8) -> Self {
        self.code = Some(code);
        self
    }
}

/// Not this plugin's business, and why: modsmith asks the next plugin that has
/// the role.
pub fn unsupported(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unsupported, reason)
}

/// Facts or settings contradict each other. Shown to the user: say what is wrong
/// with which file or setting, and what to do.
pub fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// Something that has to be there is not. Shown to the user.
pub fn missing(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Missing, message)
}

/// Any other failure. Shown to the user.
pub fn other(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Other, message)
}
