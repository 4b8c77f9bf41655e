//! What the administrator says about the importance of packages, in the verdict about a restart.

use super::uses::Uses;
use crate::conf::SettingsFile;
use crate::conf::criticality::{Criticality, FILE, Settings};
use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::actions::autoinstall::usable_entries;
use crate::tree::Target;
use modsmith_facts::kernel::module_stem;
use modsmith_verdict::{Grade, Reason};

/// The lowest grade of a package's modules, as the administrator's file sets it.
fn grade(criticality: Criticality) -> Option<Grade> {
    match criticality {
        Criticality::Boot => Some(Grade::BootCritical),
        Criticality::Needed => Some(Grade::SessionCritical),
        Criticality::Optional => None,
    }
}

/// Has the modules of important packages count as such. Returns what the verdict has to know beside that: an
/// important package that is neither built for the kernel nor for another one, settings that cannot be read.
///
/// # Errors
/// The tree cannot be read.
pub(super) fn apply(run: &Invocation<'_>, target: &Target, uses: &mut Uses) -> Result<Vec<Reason>> {
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(error) => return Ok(Reason::doubt(Grade::BootCritical, FILE, error.message).into_iter().collect()),
    };
    let tree = &run.env.tree;
    let mut reasons = Vec::new();
    for entry in usable_entries(run)? {
        let (name, version) = (&entry.id.module, &entry.id.version);
        let Some(grade) = settings.criticality(name, version).and_then(grade) else { continue };
        let mut modules = Vec::new();
        for built in tree.targets(&entry.id) {
            let products = tree.products(&entry.id, &built);
            modules.extend(products.iter().filter_map(|file| Some(module_stem(file)?.0.replace('-', "_"))));
        }
        let is_of_another_version = tree.active_version(name, target).is_some_and(|active| active != *version);
        match modules.is_empty() {
            false => modules.iter().for_each(|module| uses.raise(module, grade, &format!("{FILE} says so of {name}"))),
            true if is_of_another_version => {}
            true => reasons.push(Reason::failure(
                grade,
                name,
                format!("{} is not built for any kernel ({FILE} says that it is important)", entry.id),
                format!("Run `modsmith install {} -k {}`.", entry.id, target.kernel),
            )),
        }
    }
    Ok(reasons)
}
