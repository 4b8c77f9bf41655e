//! The first lines of make.log; the executor writes the rest.

use crate::DKMS_VERSION;

/// The first two lines: what the log is of, and when it was begun.
pub fn log_head(what: &str) -> String {
    let now = jiff::Zoned::now().strftime("%a %b %e %H:%M:%S %Z %Y");
    format!("DKMS (dkms-{DKMS_VERSION}) make.log for {what}\n{now}\n")
}

/// Whether a log's first line names this build.
pub fn begins_log_of(first_line: &str, what: &str) -> bool {
    first_line.starts_with("DKMS") && first_line.trim_end().ends_with(&format!("make.log for {what}"))
}
