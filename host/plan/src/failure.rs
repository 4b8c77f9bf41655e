//! Why a step failed.

use std::io;

use crate::watch::refusal;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Io(io::Error),
    #[error("missing: {}", .0.join(", "))]
    Missing(Vec<String>),
    /// A program's exit status, with the end of what it said.
    #[error("`{command}` ended with exit status {status}")]
    Exit { command: String, status: i32, output: Vec<String> },
    #[error("`{program}` is not installed{place}")]
    NoProgram { program: String, place: String },
    #[error("could not start {program}: {error}")]
    NotStarted { program: String, error: io::Error },
    #[error("{script}: {why}")]
    NoInterpreter { script: String, why: String },
    #[error("`{command}` took longer than {seconds} s and was stopped")]
    TimeLimit { command: String, seconds: u64 },
    #[error("interrupted by a signal")]
    Interrupted,
    #[error("{0}")]
    Refused(String),
    /// Why a key does not sign.
    #[error("{0}")]
    Key(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match refusal(&error) {
            Some(why) => Self::Refused(why),
            None => Self::Io(error),
        }
    }
}

impl Failure {
    /// Whether a program, or a key, is the one that failed: what a plan can allow
    /// for. All else happened to this program or to the system, before, beside or
    /// after it, and would come back as something that is silently missing.
    pub fn is_of_program(&self) -> bool {
        match self {
            Failure::Exit { .. }
            | Failure::NoProgram { .. }
            | Failure::NotStarted { .. }
            | Failure::NoInterpreter { .. }
            | Failure::TimeLimit { .. }
            | Failure::Key(_) => true,
            Failure::Io(_) | Failure::Missing(_) | Failure::Interrupted | Failure::Refused(_) => false,
        }
    }

    /// The system's refusal that is behind it.
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            Failure::Io(error) | Failure::NotStarted { error, .. } => Some(error),
            _ => None,
        }
    }
}
