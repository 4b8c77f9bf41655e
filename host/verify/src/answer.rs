//! The result of a rule.

use crate::fact::Unknown;

/// A proof that the kernel refuses a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the kernel writes to its log, or, where it writes nothing, the error that
    /// `insmod` prints.
    pub words: String,
    /// The name of the error that the kernel returns, such as `ENOEXEC`.
    pub errno: &'static str,
    /// The values that were compared, and their source.
    pub evidence: String,
    pub cause: String,
    /// The remedy, in one sentence.
    pub remedy: String,
}

/// The verdict of a rule when all facts are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The rule refuses nothing; with what was compared.
    Yes(String),
    No(Box<Refusal>),
}

impl Verdict {
    pub fn yes(evidence: impl Into<String>) -> Result<Self, Unknown> {
        Ok(Verdict::Yes(evidence.into()))
    }
}

impl Refusal {
    /// The refusal as the answer of a rule.
    pub fn no(self) -> Result<Verdict, Unknown> {
        Ok(Verdict::No(Box::new(self)))
    }
}
