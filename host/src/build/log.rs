//! The head of make.log; the blocks are the executor's.

use crate::DKMS_VERSION;

/// The first two lines: what the log is of, and when it was begun.
pub fn log_head(what: &str) -> String {
    let now = jiff::Zoned::now().strftime("%a %b %e %H:%M:%S %Z %Y");
    format!("DKMS (dkms-{DKMS_VERSION}) make.log for {what}\n{now}\n")
}
