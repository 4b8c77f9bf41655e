//! The plan of an uninstallation, up to where plugins add to it: made from facts
//! alone.

use std::path::{Path, PathBuf};

use crate::flow::install::deletion::{plan_deletion, plan_pruning};
use crate::flow::install::installed::Found;
use crate::flow::recipe::system_script::SystemScript;
use crate::tree::{PackageId, Target};
use modsmith_facts::{Location, Root};
use modsmith_plan::{Builder, verbs};
use modsmith_plugins::Prune;

/// What an uninstallation is planned from.
pub(crate) struct UninstallFacts<'a> {
    pub id: &'a PackageId,
    pub target: &'a Target,
    /// The kernel's module directory.
    pub module_dir: &'a Path,
    pub installed: &'a [Installed],
    /// What becomes of directories that lose a file.
    pub prune: Prune,
    pub originals: Originals,
    /// POST_REMOVE
    pub post_remove: Option<SystemScript>,
}

/// A module of the package.
pub(crate) struct Installed {
    /// As it is installed, without suffix.
    pub name: String,
    /// Its file below the module directory.
    pub found: Found,
}

/// Modules that were there before the package's.
#[derive(Default)]
pub(crate) struct Originals {
    /// Each file in the archive, and its path below the module directory.
    pub files: Vec<(String, PathBuf)>,
    /// Whether there is an archive, with files or without.
    pub has_archive: bool,
}

/// Steps that take the package's files away, and put back those that were there
/// before.
pub(crate) fn plan_uninstall(facts: &UninstallFacts<'_>, plan: &mut Builder) {
    for Installed { name, found } in facts.installed {
        match found {
            Found::At(file) => plan_deletion(facts.module_dir, file, plan),
            Found::Nowhere { .. } => {
                let text = format!("Module {name} was not found in {}.", facts.module_dir.display());
                plan.push(verbs::Note(text.clone()), "it may have been deleted or replaced by hand").line(text);
            }
        }
    }
    let deleted = facts.installed.iter().filter_map(|module| module.found.location());
    plan_pruning(deleted, &facts.prune, plan);
    plan_restore(facts, plan);
    plan.push(verbs::Remove { location: facts.id.active_link(facts.target) }, "no version is installed any more");
    if let Some(script) = &facts.post_remove {
        script.clone().ignored().push("POST_REMOVE", plan).progress("Running the post_remove script");
    }
}

/// Steps that put originals back and drop their archive.
fn plan_restore(facts: &UninstallFacts<'_>, plan: &mut Builder) {
    let archive = facts.id.originals_dir(facts.target);
    for (name, path) in &facts.originals.files {
        let Ok(to) = Location::new(Root::Modules, path) else { continue };
        let from = archive.join(name).expect("a file name is a location");
        if let Some(parent) = to.parent() {
            plan.push(verbs::MakeDirectory { location: parent }, "the original is restored");
        }
        plan.push(verbs::Copy { from, to }, "the original is restored")
            .line(format!("Restoring archived original module {}", facts.module_dir.join(path).display()));
    }
    if facts.originals.has_archive {
        plan.push(verbs::Remove { location: archive.clone() }, "the archive of originals is no longer needed");
        if let Some(parent) = archive.parent() {
            plan.push(verbs::Prune::from(parent), "directories that became empty are removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::Roots;
    use modsmith_plan::Action;

    fn modules(path: &str) -> Location {
        Location::new(Root::Modules, path).unwrap()
    }

    fn planned(installed: &[Installed], prune: Prune, originals: Originals) -> Vec<Action> {
        let (id, target) = (PackageId::new("m", "1").unwrap(), Target { kernel: "6.1".into(), arch: "x86_64".into() });
        let module_dir = Path::new("/lib/modules/6.1");
        let mut plan = Builder::new("uninstall m/1", Roots::default());
        let facts =
            UninstallFacts { id: &id, target: &target, module_dir, installed, prune, originals, post_remove: None };
        plan_uninstall(&facts, &mut plan);
        let link = Action::Remove(verbs::Remove { location: id.active_link(&target) });
        let mut actions: Vec<Action> = plan.finish().steps.into_iter().map(|step| step.action).collect();
        let last = actions.pop();
        assert_eq!(last, Some(link), "the link is the last to go: {actions:?}");
        actions
    }

    #[test]
    fn files_go_before_the_directories_that_they_leave_empty() {
        let installed = ["extra/b.ko", "extra/a.ko"]
            .map(|path| Installed { name: path.to_owned(), found: Found::At(modules(path)) });
        let command = vec!["rpm".to_owned(), "-qf".to_owned()];
        let actions = planned(&installed, Prune::UnlessOwned(command.clone()), Originals::default());
        let expected = [
            Action::Remove(verbs::Remove { location: modules("extra/b.ko") }),
            Action::Remove(verbs::Remove { location: modules("extra/a.ko") }),
            Action::Prune(verbs::Prune { location: modules("extra"), unless_owned: Some(command), within: None }),
        ];
        assert_eq!(actions, expected);
    }

    #[test]
    fn a_file_that_is_gone_or_anothers_is_noted_and_stays() {
        let found = Found::Nowhere { instead: Some(modules("extra/a.ko")) };
        let actions = planned(&[Installed { name: "a".to_owned(), found }], Prune::Always, Originals::default());
        assert_eq!(actions, [Action::Note(verbs::Note("Module a was not found in /lib/modules/6.1.".to_owned()))]);
    }

    #[test]
    fn originals_go_back_where_they_were_and_their_archive_goes() {
        let originals = Originals { files: vec![("a.ko".to_owned(), "kernel/drivers/a.ko".into())], has_archive: true };
        let actions = planned(&[], Prune::Always, originals);
        assert!(
            matches!(&actions[..], [
            Action::MakeDirectory(verbs::MakeDirectory { location }),
            Action::Copy(verbs::Copy { to, .. }),
            Action::Remove(verbs::Remove { .. }),
            Action::Prune(verbs::Prune { .. }),
        ] if *location == modules("kernel/drivers") && *to == modules("kernel/drivers/a.ko")),
            "{actions:?}"
        );
    }
}
