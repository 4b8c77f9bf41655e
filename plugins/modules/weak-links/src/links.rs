//! The links that one kernel has to the modules of another.

use std::collections::BTreeSet;

use modsmith_plugin::prelude::*;
use modsmith_plugin::system::EntryKind;

use crate::offer::stem;

const DIRECTORY: &str = "weak-updates";

/// Brings the links that `kernel` has to `files` of another kernel to those that are `wanted`.
/// Other files in their places stay. `true` if that changes any link.
pub fn arrange(kernel: &str, built_for: &Kernel, files: &[String], wanted: &[String], plan: &mut Plan) -> Result<bool> {
    let mut gone = BTreeSet::new();
    for file in files {
        let directory = directory(file);
        let place = Path::install_tree(kernel).join(&directory);
        for entry in place.entries()?.into_iter().filter(|entry| entry.kind == EntryKind::Symlink) {
            let at = place.join(&entry.name);
            let target = at.link_target()?.unwrap_or_default();
            let is_same_module = stem(&entry.name).is_some_and(|name| Some(name) == stem(file));
            let is_wanted = wanted.contains(file) && target == leading_to(&directory, built_for, file);
            if is_same_module && leads_to(&target, built_for, file) && !is_wanted && gone.insert(at.relative.clone()) {
                plan.remove(&at)?;
            }
        }
    }
    let mut changes = !gone.is_empty();
    let mut kept = BTreeSet::new();
    for file in wanted {
        let directory = directory(file);
        let place = Path::install_tree(kernel).join(&directory);
        let at = place.join(file.rsplit('/').next().unwrap_or_default());
        let is_free = gone.remove(&at.relative) || at.kind()?.is_none() || is_dangling(&at)?;
        if is_free {
            changes = true;
            plan.make_directory(place)?;
            plan.symlink(&at, leading_to(&directory, built_for, file))?;
        }
        kept.insert(at.relative);
    }
    prune(kernel, gone, &kept, plan)?;
    Ok(changes)
}

/// `updates/dkms/x.ko` has its place in `weak-updates/dkms`.
fn directory(file: &str) -> String {
    let below = file.split_once('/').and_then(|(_, below)| below.rsplit_once('/'));
    below.map_or_else(|| DIRECTORY.to_owned(), |(directory, _)| format!("{DIRECTORY}/{directory}"))
}

/// The text of a link in a directory below another kernel's: relative, so that
/// it holds wherever the tree of kernels is.
fn leading_to(directory: &str, built_for: &Kernel, file: &str) -> String {
    let up = "../".repeat(directory.split('/').count() + 1);
    format!("{up}{}/{file}", built_for.release())
}

/// Whether a link leads to the place of a module, compressed or not. Absolute
/// links are what scripts make.
fn leads_to(target: &str, built_for: &Kernel, file: &str) -> bool {
    let (Some(target), Some(file)) = (uncompressed(target), uncompressed(file)) else { return false };
    target.ends_with(&format!("/{}/{file}", built_for.release()))
}

fn uncompressed(file: &str) -> Option<&str> {
    file.rfind(".ko").map(|at| &file[..at])
}

fn is_dangling(at: &Path) -> Result<bool> {
    Ok(at.kind()? == Some(EntryKind::Symlink) && at.mode()?.is_none())
}

/// Removes directories that the removal of links empties.
fn prune(kernel: &str, mut gone: BTreeSet<String>, kept: &BTreeSet<String>, plan: &mut Plan) -> Result<()> {
    let top = format!("{kernel}/{DIRECTORY}");
    let parent = |path: &str| path.rsplit_once('/').map(|(parent, _)| parent.to_owned()).unwrap_or_default();
    let mut directories: Vec<String> = gone.iter().map(|link| parent(link)).collect();
    while let Some(directory) = directories.pop() {
        let place = Path::install_tree(&directory);
        let is_gone = |name: &str| gone.contains(&format!("{directory}/{name}"));
        let is_needed = kept.iter().any(|link| link.starts_with(&format!("{directory}/")));
        if is_needed || gone.contains(&directory) || !place.entries()?.iter().all(|entry| is_gone(&entry.name)) {
            continue;
        }
        plan.remove(place)?;
        if directory != top {
            directories.push(parent(&directory));
        }
        gone.insert(directory);
    }
    Ok(())
}
