//! Whether the running kernel would load what was signed.

use crate::keys::Half;
use modsmith_plugin::prelude::*;

pub fn status(kernel: &Kernel, certificate: &Half) -> EnrolmentStatus {
    let accepted = accepts_unknown_signatures(kernel).then_some(true);
    let file = match certificate {
        Half::Text(text) => text.clone(),
        Half::At(path) if path.root == "tree" => format!("/var/lib/dkms/{}", path.relative),
        Half::At(path) => format!("/{path}"),
    };
    let advice = if accepted == Some(true) {
        Vec::new()
    } else {
        vec![
            format!("With Secure Boot, the certificate has to be enrolled once: mokutil --import {file}"),
            "Choose a password, reboot, and confirm the enrolment in the screen that the firmware shows.".into(),
        ]
    };
    EnrolmentStatus { accepted, advice }
}

/// Only told where it can be: on the running kernel with Secure Boot off, which
/// then locks nothing down, unless its configuration insists on signatures.
fn accepts_unknown_signatures(kernel: &Kernel) -> bool {
    let insists = kernel.config("MODULE_SIG_FORCE").is_some();
    kernel.running() && !insists && probe("secure-boot").is_ok_and(|state| state.contains("SecureBoot disabled"))
}
