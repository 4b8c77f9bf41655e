//! Deleting installed module files, and the directories that they leave empty.

use std::path::Path;

use crate::error::Result;
use crate::flow::Invocation;
use modsmith_facts::Location;
use modsmith_plan::{Builder, verbs};
use modsmith_plugins::{InstallPolicy, Prune};

/// When directories that lose a file are removed. Nobody is asked where none does.
pub(crate) fn pruning<'f>(run: &Invocation<'_>, mut files: impl Iterator<Item = &'f Location>) -> Result<Prune> {
    Ok(if files.any(|file| file.parent().is_some()) { InstallPolicy(&run.env.plugins).prune()? } else { Prune::Never })
}

/// The step that deletes a file below a kernel's module directory.
pub(crate) fn plan_deletion(module_dir: &Path, file: &Location, plan: &mut Builder) {
    let line = format!("Deleting {}", module_dir.join(file.relative()).display());
    plan.push(verbs::Remove { location: file.clone() }, "installed by this package").line(line);
}

/// Steps that remove what is empty of the directories of deleted files.
pub(crate) fn plan_pruning<'f>(files: impl Iterator<Item = &'f Location>, prune: &Prune, plan: &mut Builder) {
    let unless_owned = match prune {
        Prune::Always => None,
        Prune::UnlessOwned(command) => Some(command.clone()),
        Prune::Never => return,
    };
    let mut emptied: Vec<Location> = files.filter_map(Location::parent).collect();
    emptied.sort();
    emptied.dedup();
    for location in emptied {
        plan.push(
            verbs::Prune { location, unless_owned: unless_owned.clone(), within: None },
            "directories that became empty are removed",
        );
    }
}
