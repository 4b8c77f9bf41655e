//! What a failed step means for the user.

use crate::error::{Cause, Error};
use crate::failure::Failure;
use crate::files::Files;
use crate::step::{Plan, Step};
use modsmith_facts::Root;

/// Directories of the plan whose file systems have no room for another block.
pub fn full_file_systems(plan: &Plan) -> Vec<String> {
    let roots = [Root::Tree, Root::Modules, Root::Boot].into_iter().filter_map(|root| plan.roots.get(root));
    let full = roots.filter(|path| {
        rustix::fs::statvfs(*path)
            .is_ok_and(|fs| fs.f_blocks > 0 && fs.f_bavail.saturating_mul(fs.f_frsize) < (64 << 10))
    });
    full.map(|path| path.display().to_string()).collect()
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
