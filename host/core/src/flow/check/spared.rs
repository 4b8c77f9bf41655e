//! No repair deletes a file that a package of the system owns: the problem says so instead.

use std::path::PathBuf;

use super::owners::Owners;
use super::problem::{Problem, Repair};
use super::steps::deletions;
use crate::flow::Invocation;

/// The problems with what packages own left out of their repairs. An owner that is not known now
/// is asked for again by the repair itself, which fails where it is not known then.
pub fn spare_owned(run: &Invocation<'_>, problems: Vec<Problem>) -> Vec<Problem> {
    let files: Vec<Vec<PathBuf>> = problems.iter().map(|problem| deletions(run, problem)).collect();
    let owners = Owners::of(run, &files.concat()).unwrap_or_else(|error| {
        tracing::debug!("owners of files are not known: {error}");
        Owners::default()
    });
    problems.into_iter().zip(files).map(|(problem, files)| spared(problem, &files, &owners)).collect()
}

fn spared(mut problem: Problem, files: &[PathBuf], owners: &Owners) -> Problem {
    let Some(owned) = owners.owned_clause(files) else { return problem };
    problem.evidence = format!("{}; {owned}", problem.evidence);
    match (&problem.repair, &problem.package, &problem.target) {
        // They take more away than these files.
        (Some(Repair::RemoveVersion | Repair::ForgetKernel), ..) => {
            problem.remedy.text = format!("{} What a package owns is kept.", problem.remedy.text);
            problem
        }
        (Some(Repair::RemoveFiles(_) | Repair::KeepVersion { .. }), Some(id), Some(target)) => {
            let text = format!(
                "What a package owns is kept. If the kernel is to have the module of {id}, remove the package; if it is \
                 to have the one of the package, run `modsmith uninstall {id} -k {}`.",
                target.kernel
            );
            Problem { repair: None, ..problem.manual(text) }
        }
        _ => {
            let text = "What a package owns is kept. If the file is not wanted, remove the package.";
            Problem { repair: None, ..problem.manual(text) }
        }
    }
}
