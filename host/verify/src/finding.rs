//! The answer of a rule about a module, as it is shown.

use serde::Serialize;

use crate::answer::{Refusal, Verdict};
use crate::fact::Unknown;
use crate::rule::{Gate, Rule};

/// Whether the kernel would load a module, as far as one rule goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Yes,
    No,
    Unknown,
}

impl Answer {
    pub fn word(self) -> &'static str {
        match self {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Unknown => "unknown",
        }
    }
}

/// The answer of one rule about one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    pub title: &'static str,
    pub answer: Answer,
    /// The values that were compared; for *unknown*, the missing fact.
    pub evidence: String,
    /// Whether a *no* keeps the module from being installed.
    pub stops: bool,
    #[serde(flatten)]
    pub refusal: Option<RefusalText>,
}

/// The texts of a *no*, without the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusalText {
    /// The line that the kernel writes to its log.
    pub kernel: String,
    pub errno: &'static str,
    pub cause: String,
    pub remedy: String,
}

impl Finding {
    pub(crate) fn of(rule: &Rule, outcome: Result<Verdict, Unknown>) -> Self {
        let stops = rule.gate == Gate::Stops;
        let (answer, evidence, refusal) = match outcome {
            Ok(Verdict::Yes(evidence)) => (Answer::Yes, evidence, None),
            Err(Unknown(why)) => (Answer::Unknown, why, None),
            Ok(Verdict::No(refusal)) => {
                let Refusal { words, errno, evidence, cause, remedy } = *refusal;
                (Answer::No, evidence, Some(RefusalText { kernel: words, errno, cause, remedy }))
            }
        };
        Self { rule: rule.id, title: rule.title, answer, evidence, stops, refusal }
    }

    /// Whether this finding keeps the module from being installed.
    pub fn refuses(&self) -> bool {
        self.stops && self.answer == Answer::No
    }
}
