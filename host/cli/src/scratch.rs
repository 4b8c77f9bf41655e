//! The directory for temporary files.

use std::path::{Path, PathBuf};

use super::output;
use modsmith_core::Environment;
use modsmith_core::conf::Origin;
use modsmith_core::conf::framework::Framework;
use modsmith_facts::System;

/// The directories of temporary files where no setting names one, in order.
const CUSTOMARY: [&str; 2] = ["/tmp", "/var/tmp"];

/// Has all temporary files made in one directory: the `tmp_location` of
/// framework.conf, else the caller's TMPDIR, else `/tmp`. For root, the caller's
/// TMPDIR counts for nothing, since another user may own it; and the framework.conf
/// of another system says nothing about this one. One that cannot be written to
/// is reported, and the next is used.
pub fn choose(system: &System, framework: &Framework, environment: &Environment) {
    let root = rustix::process::geteuid().is_root();
    let configured = match framework.origin("tmp_location") {
        Some(Origin::File(_)) if system.is_live() => Some(framework.tmp_location().to_path_buf()),
        _ => None,
    };
    let callers = || environment.var("TMPDIR").filter(|value| !root && !value.is_empty()).map(PathBuf::from);
    let wanted = configured.or_else(callers);
    let customary = CUSTOMARY.iter().map(PathBuf::from);
    let chosen = wanted.iter().cloned().chain(customary).find(|path| is_usable(path));
    let chosen = chosen.unwrap_or_else(|| PathBuf::from(CUSTOMARY[0]));
    if let Some(wanted) = wanted.filter(|wanted| *wanted != chosen) {
        output::warning(&format!(
            "Temporary files cannot be created in {}, so {} is used. Create the directory, or set tmp_location in framework.conf.",
            wanted.display(),
            chosen.display()
        ));
    }
    // Set once; a second call in the same process says the same.
    let _ = tempfile::env::override_temp_dir(&chosen);
}

fn is_usable(path: &Path) -> bool {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    path.is_absolute() && path.is_dir() && rustix::fs::access(path, access).is_ok()
}
