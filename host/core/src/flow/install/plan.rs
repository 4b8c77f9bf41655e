//! The plan of an installation, up to where plugins add to it: made from facts alone.

use std::path::{Path, PathBuf};

use crate::error::Kind;
use crate::flow::install::deletion::{plan_deletion, plan_pruning};
use crate::flow::recipe::system_script::SystemScript;
use crate::flow::record::plan_install_record;
use crate::tree::{BuildRecord, PackageId, Target};
use modsmith_facts::{Location, Root};
use modsmith_plan::{Action, Builder, Bytes, verbs};
use modsmith_plugins::Prune;

/// What an installation is planned from.
pub(crate) struct InstallFacts<'a> {
    pub id: &'a PackageId,
    pub target: &'a Target,
    /// The kernel's module directory.
    pub module_dir: &'a Path,
    /// PRE_INSTALL
    pub pre_install: Option<SystemScript>,
    pub modules: &'a [PlannedModule<'a>],
    /// Files of another version, which is the active one, that those of this version
    /// do not replace.
    pub moved: Vec<Location>,
    /// What becomes of directories that lose a file.
    pub prune: Prune,
    /// The record of the installation. `None` if a dry run cannot know it.
    pub record: Option<BuildRecord>,
}

/// A module that will be installed.
pub(crate) struct PlannedModule<'a> {
    /// As it is installed, without suffix.
    pub name: &'a str,
    /// Where the package wants it.
    pub requested: &'a str,
    /// Its file in the tree.
    pub file: String,
    /// Below the module directory.
    pub destination: String,
    /// A file of the same name that is put aside.
    pub original: Option<Original>,
    /// The target of the link, if a link is made instead of a copy.
    pub link_to: Option<String>,
}

/// A module file that was there before.
pub(crate) struct Original {
    /// Below the module directory.
    pub path: PathBuf,
    /// As the target system knows it.
    pub known_as: PathBuf,
}

impl PlannedModule<'_> {
    /// Where it goes.
    pub fn location(&self) -> Option<Location> {
        Location::new(Root::Modules, self.path()).ok()
    }

    /// The same below the module directory.
    pub fn path(&self) -> PathBuf {
        Path::new(&self.destination).join(&self.file)
    }
}

/// Steps that install the modules' files and record it.
pub(crate) fn plan_install(facts: &InstallFacts<'_>, plan: &mut Builder) {
    let InstallFacts { id, target, .. } = facts;
    if let Some(script) = &facts.pre_install {
        script
            .clone()
            .push("PRE_INSTALL", plan)
            .progress("Running the pre_install script")
            .fails_as(Kind::PreInstallFailed, format!("The pre_install script of {id} failed for kernel {target}."))
            .hint("--force installs anyway.");
    }
    for module in facts.modules {
        plan_module(facts, module, plan);
    }
    facts.moved.iter().for_each(|file| plan_deletion(facts.module_dir, file, plan));
    plan_pruning(facts.moved.iter(), &facts.prune, plan);
    let link_to = format!("{}/{}/{}", id.version, target.kernel, target.arch);
    plan.push(
        verbs::Symlink { location: id.active_link(target), target: link_to.into() },
        "the link records which version is installed",
    );
    // Before any script: only now are the installed files known to be copies.
    if let Some(record) = &facts.record {
        plan_install_record(id, target, record.clone(), plan);
    }
}

fn plan_module(facts: &InstallFacts<'_>, module: &PlannedModule<'_>, plan: &mut Builder) {
    if let Some(original) = &module.original {
        plan_archive(facts, original, plan);
    }
    let Some(to) = module.location() else { return };
    let Ok(directory) = Location::new(Root::Modules, &module.destination) else { return };
    let from = facts.id.products_dir(facts.target).join(&module.file).expect("a file name is a location");
    let line = format!("Installing {}", facts.module_dir.join(to.relative()).display());
    plan.push(verbs::MakeDirectory { location: directory }, "the system's policy puts added modules here");
    let why = match module.destination == module.requested.trim_matches('/') {
        true => "the location that dkms.conf requests".to_owned(),
        false => format!("the system's policy; the package asked for {}", module.requested),
    };
    let action = match &module.link_to {
        Some(target) => Action::from(verbs::Symlink { location: to, target: target.into() }),
        None => verbs::Copy { from, to }.into(),
    };
    plan.push(action, why).line(line).fails_as(Kind::InstallFailed, format!("{} could not be installed.", module.file));
}

/// Steps that move an existing module file aside.
fn plan_archive(facts: &InstallFacts<'_>, original: &Original, plan: &mut Builder) {
    let (Ok(from), Some(name)) = (Location::new(Root::Modules, &original.path), original.path.file_name()) else {
        return;
    };
    let archive = facts.id.originals_dir(facts.target);
    let kept = |name: String| archive.join(name).expect("a file name is a location");
    let name = name.to_string_lossy().into_owned();
    let origin = format!("{}\n", original.known_as.display());
    let why = "uninstall restores the module that was there before";
    plan.push(verbs::MakeDirectory { location: archive.clone() }, why);
    plan.push(verbs::Copy { from: from.clone(), to: kept(name.clone()) }, why).line(format!(
        "Found pre-existing {}, archiving for uninstallation",
        facts.module_dir.join(&original.path).display()
    ));
    plan.push(
        verbs::WriteFile {
            location: kept(format!("{name}.origin")),
            contents: Bytes(origin.into_bytes()),
            mode: 0o644,
        },
        "the location of the original",
    );
    plan.push(verbs::Remove { location: from }, "the new module replaces it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::Roots;
    use modsmith_plan::Plan;

    fn modules(path: &str) -> Location {
        Location::new(Root::Modules, path).unwrap()
    }

    fn module() -> PlannedModule<'static> {
        PlannedModule {
            name: "m",
            requested: "/extra",
            file: "m.ko.xz".into(),
            destination: "extra".into(),
            original: None,
            link_to: None,
        }
    }

    fn planned(module: PlannedModule<'_>, moved: Vec<Location>) -> Plan {
        let (id, target) = (PackageId::new("m", "1").unwrap(), Target { kernel: "6.1".into(), arch: "x86_64".into() });
        let facts = InstallFacts {
            id: &id,
            target: &target,
            module_dir: Path::new("/lib/modules/6.1"),
            pre_install: None,
            modules: &[module],
            moved,
            prune: Prune::Always,
            record: None,
        };
        let mut plan = Builder::new("install m/1", Roots::default());
        plan_install(&facts, &mut plan);
        plan.finish()
    }

    fn actions(plan: Plan) -> Vec<Action> {
        plan.steps.into_iter().map(|step| step.action).collect()
    }

    #[test]
    fn a_module_is_copied_to_its_destination_and_then_the_version_is_active() {
        let actions = actions(planned(module(), Vec::new()));
        let [
            Action::MakeDirectory(verbs::MakeDirectory { location }),
            Action::Copy(verbs::Copy { to, .. }),
            Action::Symlink(verbs::Symlink { target, .. }),
        ] = &actions[..]
        else {
            panic!("{actions:?}")
        };
        assert_eq!(
            (location, to, target.as_path()),
            (&modules("extra"), &modules("extra/m.ko.xz"), "1/6.1/x86_64".as_ref())
        );
    }

    #[test]
    fn a_destination_that_the_policy_chose_is_explained() {
        let reason = |module| planned(module, Vec::new()).steps[1].reason.clone();
        assert_eq!(reason(module()), "the location that dkms.conf requests");
        let elsewhere = PlannedModule { destination: "updates/dkms".into(), ..module() };
        assert_eq!(reason(elsewhere), "the system's policy; the package asked for /extra");
    }

    #[test]
    fn a_link_is_made_instead_of_a_copy_where_one_is_asked_for() {
        let linked = PlannedModule { link_to: Some("/var/lib/dkms/m".into()), ..module() };
        let expected =
            Action::Symlink(verbs::Symlink { location: modules("extra/m.ko.xz"), target: "/var/lib/dkms/m".into() });
        assert_eq!(actions(planned(linked, Vec::new()))[1], expected);
    }

    #[test]
    fn what_was_there_before_is_put_aside_with_its_path() {
        let original = Original { path: "extra/m.ko".into(), known_as: "/lib/modules/6.1/extra/m.ko".into() };
        let actions = actions(planned(PlannedModule { original: Some(original), ..module() }, Vec::new()));
        let [
            _,
            Action::Copy(verbs::Copy { from, .. }),
            Action::WriteFile(verbs::WriteFile { contents, .. }),
            Action::Remove(verbs::Remove { location }),
            ..,
        ] = &actions[..]
        else {
            panic!("{actions:?}")
        };
        assert_eq!((from, location), (&modules("extra/m.ko"), &modules("extra/m.ko")));
        assert_eq!(contents.0, b"/lib/modules/6.1/extra/m.ko\n");
    }

    #[test]
    fn files_of_the_version_before_go_from_where_this_one_puts_none() {
        let actions = actions(planned(module(), vec![modules("updates/m.ko")]));
        let expected = [
            Action::Remove(verbs::Remove { location: modules("updates/m.ko") }),
            Action::Prune(verbs::Prune::from(modules("updates"))),
        ];
        assert_eq!(actions[2..4], expected);
    }
}
