//! Writes the records of builds and installations, which later invocations read.

use crate::conf::is_override;
use crate::flow::Invocation;
use crate::tree::{BuildRecord, ConfFile, Package, PackageId, RecordedModule, Target};
use modsmith_facts::Location;
use modsmith_plan::{Builder, verbs};

use std::path::PathBuf;

/// The files that a package's directives come from, as they are now. To be
/// asked before they are read: what changes in between is then seen as a
/// change.
pub(super) fn conf_files(run: &Invocation<'_>, package: &Package, target: &Target) -> Vec<ConfFile> {
    if run.env.has_directives() {
        return Vec::new();
    }
    let overrides = run.env.override_files(package, &target.kernel, &target.arch);
    let there = overrides.into_iter().filter(|path| is_override(path));
    let stamped = |path: PathBuf| ConfFile { stamp: modsmith_facts::Stamp::settled(&path), path };
    std::iter::once(run.env.conf_file(package)).chain(there).map(stamped).collect()
}

/// The step that writes the record of a build, below the directory that will
/// be its own. Modules of an earlier build stay installed, and with them what
/// is known of where they are.
pub(super) fn plan_build_record(
    run: &Invocation<'_>,
    id: &PackageId,
    target: &Target,
    target_dir: &Location,
    mut record: BuildRecord,
    plan: &mut Builder,
) {
    let earlier = run.env.tree.is_installed(id, target).then(|| run.env.tree.record(id, target)).flatten();
    for earlier in earlier.map(|record| record.modules).unwrap_or_default() {
        match record.modules.iter_mut().find(|module| module.name == earlier.name) {
            Some(module) => {
                (module.installed, module.digest) = (earlier.installed, earlier.digest);
                module.overruled = earlier.overruled;
            }
            None if earlier.installed.is_some() => record.modules.push(earlier),
            None => {}
        }
    }
    plan_record(target_dir, record, Vec::new(), plan);
}

/// The step that writes the record of an installation: the products and the
/// installed files, which are copies of them, are noted as they are then.
pub(super) fn plan_install_record(id: &PackageId, target: &Target, record: BuildRecord, plan: &mut Builder) {
    let product = |module: &RecordedModule| id.products_dir(target).join(&module.product).ok();
    let installed = record.modules.iter().filter(|module| module.installed.is_some());
    let files = installed.flat_map(|module| [product(module), module.installed_at()]).flatten().collect();
    plan_record(&id.target_dir(target), record, files, plan);
}

/// The step that writes the record anew of modules that a policy once kept unsigned, and that are signed now.
pub(super) fn plan_signed_record(run: &Invocation<'_>, id: &PackageId, target: &Target, plan: &mut Builder) {
    if let Some(record) = run.env.tree.record(id, target).filter(|record| record.unsigned.is_some()) {
        plan_record(&id.target_dir(target), record.unsigned(None), Vec::new(), plan);
    }
}

fn plan_record(target_dir: &Location, record: BuildRecord, files: Vec<Location>, plan: &mut Builder) {
    let Some(facts) = record.facts() else { return };
    plan.push(
        verbs::Record { location: BuildRecord::location(target_dir), facts, files },
        "the record of the installed files; `status` compares only files that changed since",
    );
}
