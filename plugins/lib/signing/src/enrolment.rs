//! Whether the running kernel would load what was signed.
//!
//! The kernel refuses modules with unknown signatures when its configuration says
//! so (CONFIG_MODULE_SIG_FORCE), when it was started so (module.sig_enforce), or
//! when it is locked down, as it is by Secure Boot (kernel_lockdown(7)). Otherwise
//! it loads them and is tainted. Which certificates it knows is the firmware's
//! list of machine owner keys.

use crate::Half;
use modsmith_plugin::prelude::*;
use sha1::{Digest, Sha1};

/// Whether a kernel insists on signatures that it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Enforcement {
    /// It does, and why: a clause.
    On(String),
    Off,
    /// It is not the running one, or the system does not tell.
    Unknown,
}

/// Whether the kernel takes signed modules only, by the facts of this system. A fact that cannot be
/// read counts as unknown.
fn enforcement(kernel: &Kernel) -> Enforcement {
    let on = |why: &str| Enforcement::On(why.to_owned());
    if kernel.config("MODULE_SIG_FORCE").is_some() {
        return on("CONFIG_MODULE_SIG_FORCE");
    }
    if !kernel.running() {
        return Enforcement::Unknown;
    }
    let enforced = said_by_kernel("module/module/parameters/sig_enforce");
    if enforced.as_deref() == Some("Y") {
        return on("module.sig_enforce");
    }
    let lockdown = said_by_kernel("kernel/security/lockdown");
    if let Some(mode) = ["integrity", "confidentiality"].into_iter().find(|mode| selected(&lockdown, mode)) {
        return Enforcement::On(format!("lockdown: {mode}"));
    }
    let has_lockdown = kernel.config("SECURITY_LOCKDOWN_LSM").is_some() || kernel.config("MODULES").is_none();
    if enforced.as_deref() == Some("N") && (selected(&lockdown, "none") || !has_lockdown) {
        return Enforcement::Off;
    }
    match probe("secure-boot") {
        Ok(state) if state.contains("SecureBoot enabled") => on("Secure Boot"),
        Ok(state) if state.contains("SecureBoot disabled") => Enforcement::Off,
        _ => Enforcement::Unknown,
    }
}

/// A file of the running kernel's, below `/sys`.
fn said_by_kernel(file: &str) -> Option<String> {
    Some(Path::sys(file).read_text().ok()??.trim().to_owned())
}

/// The lockdown file shows all modes, with the one that holds in brackets.
fn selected(lockdown: &Option<String>, mode: &str) -> bool {
    lockdown.as_ref().is_some_and(|text| text.contains(&format!("[{mode}]")))
}

/// The status of a certificate, and what an administrator has to do.
pub fn enrolment(kernel: &Kernel, certificate: &Half) -> EnrolmentStatus {
    let release = kernel.release();
    let file = certificate.shown();
    let how = [
        format!("Enrol the certificate once: mokutil --import {file}"),
        "Choose a password, reboot, and confirm the enrolment in the screen that the firmware shows.".to_owned(),
    ];
    let status = |accepted, first: String, then: &[String]| EnrolmentStatus {
        accepted,
        advice: [first].into_iter().chain(then.iter().cloned()).collect(),
    };
    let why = match enforcement(kernel) {
        Enforcement::Off => {
            let first = format!("Kernel {release} also loads modules whose signatures it does not know.");
            return status(Some(true), first, &[]);
        }
        Enforcement::Unknown => {
            let first = format!("With Secure Boot, kernel {release} loads only modules whose signatures it knows.");
            return status(None, first, &how);
        }
        Enforcement::On(why) => format!("Kernel {release} loads only modules whose signatures it knows ({why})"),
    };
    match enrolled(certificate) {
        Ok(Enrolled::Yes) => status(Some(true), format!("{why}, and the certificate is enrolled."), &[]),
        Ok(Enrolled::Waiting) => {
            let then = "Reboot, and confirm the enrolment in the screen that the firmware shows.".to_owned();
            status(Some(false), format!("{why}, and the certificate waits for its enrolment."), &[then])
        }
        Ok(Enrolled::No) => status(Some(false), format!("{why}, and the certificate is not enrolled."), &how),
        Err(reason) => {
            let first = format!("{why}; whether the certificate is enrolled cannot be told: {reason}.");
            status(None, first, &how)
        }
    }
}

enum Enrolled {
    Yes,
    /// Asked for, and not yet confirmed.
    Waiting,
    No,
}

fn enrolled(certificate: &Half) -> Result<Enrolled, String> {
    let Half::At(path) = certificate else {
        return Err(format!("{} cannot be read by the plugin", certificate.shown()));
    };
    let contents = path.read().map_err(|e| e.to_string())?;
    let der = contents.filter(|bytes| bytes.first() == Some(&0x30));
    let fingerprint =
        fingerprint(&der.ok_or_else(|| format!("{} is no certificate in DER form", certificate.shown()))?);
    let listed = |list: &str| probe(list).map(|text| text.to_lowercase().contains(&fingerprint));
    if listed("enrolled").map_err(|e| e.to_string())? {
        return Ok(Enrolled::Yes);
    }
    // Without a request there is no list, and mokutil fails.
    Ok(if listed("waiting") == Ok(true) { Enrolled::Waiting } else { Enrolled::No })
}

/// As mokutil prints it: `0a:1b:…`.
fn fingerprint(der: &[u8]) -> String {
    let bytes: Vec<String> = Sha1::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_hexadecimal_with_colons() {
        assert_eq!(fingerprint(b"abc"), "a9:99:3e:36:47:06:81:6a:ba:3e:25:71:78:50:c2:6c:9c:d0:d8:9d");
    }

    #[test]
    fn the_mode_that_holds_is_in_brackets() {
        let text = Some("none [integrity] confidentiality".to_owned());
        assert!(selected(&text, "integrity") && !selected(&text, "none") && !selected(&None, "none"));
    }
}
