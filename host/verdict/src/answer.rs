//! The answers, and how much depends on what fails.

use serde::{Deserialize, Serialize};

/// Whether a restart is safe; later ones outweigh earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Safe,
    Degraded,
    Unknown,
    Unsafe,
}

impl Answer {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Answer::Safe => "safe",
            Answer::Degraded => "degraded",
            Answer::Unsafe => "unsafe",
            Answer::Unknown => "unknown",
        }
    }
}

/// The use of a module, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// The start of the system.
    BootCritical,
    /// The administrator's access: network, screen, keyboard.
    SessionCritical,
    /// The module is loaded now, or the configuration asks for it.
    Present,
    /// Nothing that is known.
    Idle,
}

impl Grade {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Grade::BootCritical => "boot-critical",
            Grade::SessionCritical => "session-critical",
            Grade::Present => "present",
            Grade::Idle => "idle",
        }
    }

    /// The answer where something of this grade is proven to fail.
    pub fn failure(self) -> Answer {
        match self {
            Grade::BootCritical | Grade::SessionCritical => Answer::Unsafe,
            Grade::Present | Grade::Idle => Answer::Degraded,
        }
    }

    /// The answer where it is not known whether something of this grade works; `None`
    /// where nothing depends on it.
    pub fn doubt(self) -> Option<Answer> {
        (self != Grade::Idle).then_some(Answer::Unknown)
    }
}
