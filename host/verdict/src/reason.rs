//! Why an answer is what it is.

use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Grade};

/// A reason for an answer other than *safe*.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The answer that this reason alone gives.
    pub answer: Answer,
    pub grade: Grade,
    /// The subject of the reason: a module, an image.
    pub subject: String,
    /// The evidence and its place.
    pub evidence: String,
    /// The remedy, as one sentence.
    pub remedy: Option<String>,
    /// `PLUGIN/FINDING`, where a plugin found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
}

impl Reason {
    /// Something fails.
    pub fn failure(grade: Grade, subject: &str, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            answer: grade.failure(),
            grade,
            subject: subject.to_owned(),
            evidence: evidence.into(),
            remedy: Some(remedy.into()),
            finding: None,
        }
    }

    /// Whether something fails is not known.
    pub fn doubt(grade: Grade, subject: &str, evidence: impl Into<String>) -> Option<Self> {
        let answer = grade.doubt()?;
        Some(Self {
            answer,
            grade,
            subject: subject.to_owned(),
            evidence: evidence.into(),
            remedy: None,
            finding: None,
        })
    }
}

/// The answer about one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub answer: Answer,
    /// The weightiest first: by their answer, then by what depends on their subject.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// The weightiest reason decides.
    pub fn of(mut reasons: Vec<Reason>) -> Self {
        let weight = |reason: &Reason| (std::cmp::Reverse(reason.answer), reason.grade, reason.subject.clone());
        reasons.sort_by_key(weight);
        reasons.dedup();
        Self { answer: reasons.first().map_or(Answer::Safe, |reason| reason.answer), reasons }
    }
}
