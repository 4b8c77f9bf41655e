//! The error of a plan whose step has failed.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::StatVfsMountFlags;

use crate::error::{Cause, Error};
use crate::failure::Failure;
use crate::files::Files;
use crate::step::{Plan, Step};
use modsmith_facts::Root;

/// A file system with less room is full, in bytes.
const LEAST_ROOM: u64 = 64 << 10;

/// The roots of the plan whose file systems are full. Each file system is named once, by its first root
/// in the order of [`Root::ALL`].
pub fn full_file_systems(plan: &Plan) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let roots = Root::ALL.into_iter().filter(|root| !root.is_of_kernel()).filter_map(|root| plan.roots.get(root));
    let full = roots.filter(|path| path.metadata().is_ok_and(|metadata| seen.insert(metadata.dev())) && is_full(path));
    full.map(|path| path.display().to_string()).collect()
}

/// Whether a file system has no room. One that is read-only has none either, and is not full.
fn is_full(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|system| {
        system.f_blocks > 0
            && !system.f_flag.contains(StatVfsMountFlags::RDONLY)
            && system.f_bavail.saturating_mul(system.f_frsize) < LEAST_ROOM
    })
}

/// The error that a failed step ends its plan with.
pub fn explain(plan: &Plan, step: &Step, failure: Failure, files: &Files) -> Error {
    let status = match &failure {
        Failure::Exit { status, .. } => Some(*status),
        _ => None,
    };
    let denied = failure.io().is_some_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied);
    let cause = match &failure {
        Failure::Interrupted => Cause::Interrupted,
        Failure::Refused(_) => Cause::Refused,
        _ => Cause::Step { meaning: step.fails_as, status, denied },
    };
    let message = match &step.failure_message {
        Some(message) if !matches!(failure, Failure::Interrupted | Failure::Refused(_)) => message.clone(),
        _ => match step.action.verb().doing(files).filter(|_| matches!(failure, Failure::Io(_))) {
            Some(doing) => format!("Could not {}: {doing} failed: {failure}.", plan.title),
            None => format!("Could not {}: {failure}.", plan.title),
        },
    };
    let mut error = Error::new(cause, message);
    let is_explained = matches!(failure, Failure::Exit { .. } | Failure::Interrupted | Failure::Refused(_));
    if step.failure_message.is_some() && !is_explained {
        error = error.detail(format!("{failure}."));
    }
    if let Failure::Exit { output, .. } = &failure {
        error = error.details(output.iter().cloned());
    }
    if let Some(e) = failure.io() {
        error = match e.kind() {
            std::io::ErrorKind::StorageFull => {
                error.hint("Free space on that file system, then run the command again.")
            }
            std::io::ErrorKind::ReadOnlyFilesystem => {
                error.hint("Remount that file system read-write, or name other trees.")
            }
            std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => {
                error.hint("Move the file away: a directory is needed at its path.")
            }
            std::io::ErrorKind::PermissionDenied => error.hint("Run it as root, or name trees that you may write."),
            _ => error,
        };
    }
    error.hints.extend(step.hints.iter().cloned());
    error
}
