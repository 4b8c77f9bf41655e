//! Failed builds in the output of `status`, as text and as JSON.

use serde::Serialize;

use build_diagnosis::{Class, ErrorLine};
use modsmith_core::tree::{Failure, RecordedConfinement};

/// The object `failed` of `status --json` and `log --json`.
#[derive(Debug, Serialize)]
pub struct FailedView<'a> {
    time: String,
    class: Class,
    exit_code: u8,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_error: Option<&'a ErrorLine>,
    remedy: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    confinement: Option<&'a RecordedConfinement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

impl<'a> FailedView<'a> {
    pub fn new(failure: &'a Failure) -> Self {
        let record = &failure.record;
        Self {
            time: record.time.to_string(),
            class: record.class,
            exit_code: record.exit_code,
            message: &record.message,
            first_error: record.first_error.as_ref(),
            remedy: &record.remedy,
            confinement: record.confinement.as_ref(),
            log: failure.log.as_ref().map(|log| log.display().to_string()),
        }
    }
}

/// The lines below those of `status`. Each is indented or ends in a colon, so that none can be
/// taken for the line of a package.
pub fn annotations(failures: &[Failure]) -> Vec<String> {
    if failures.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), "Failed builds:".to_owned()];
    for Failure { id, target, record, .. } in failures {
        lines.push(format!("  {id} for kernel {target} - {}", record.class.title()));
        lines.push(format!("    {}", record.reason()));
        lines.push(format!("    {}", record.remedy));
        lines.push(format!("    Log: modsmith log {id} -k {}", target.kernel));
    }
    lines
}
