//! The modules that matter for a restart: those that did not come with the kernel, and
//! those that the machine does not start or is not reached without.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::boot_files::Boot;
use super::uses::Uses;
use crate::error::Result;
use crate::flow::Invocation;
use crate::flow::boot_contents::in_image;
use crate::flow::verify::Verified;
use crate::tree::{PackageId, Target};
use modsmith_facts::kernel::{Kernel, module_stem};
use modsmith_verdict::{InImage, Loads, ModuleFacts, Origin, Provided};
use modsmith_verify::{Answer, Installed, Neighbours};

/// The rule that asks what is asked here with more care.
const INDEX_RULE: &str = "module-index";

/// The facts of all modules that matter.
pub(super) fn modules(
    run: &Invocation<'_>,
    kernel: &Kernel,
    uses: &Uses,
    verified: &[Verified],
    boot: &Boot,
    makers: &[(String, String)],
) -> Result<Vec<ModuleFacts>> {
    let target = Target { kernel: kernel.release().to_owned(), arch: kernel.arch().to_owned() };
    let image = run.facts.image(&run.env, &target, kernel);
    let builtin: BTreeSet<String> =
        image.builtin.get().map(|builtin| builtin.keys().map(|name| kernel_name(name)).collect()).unwrap_or_default();
    let world = World { kernel, uses, boot, neighbours: Installed::new(kernel.module_dir(), []), builtin };
    let mut known: BTreeMap<String, ModuleFacts> = BTreeMap::new();
    for verified in of_package(verified, kernel) {
        let facts = world.packaged(verified);
        known.entry(facts.name.clone()).or_insert(facts);
    }
    for (id, name) in installed_elsewhere(run, kernel)? {
        if !known.contains_key(&name) {
            known.insert(name.clone(), world.named(&name, Origin::Package(id.to_string())));
        }
    }
    for name in uses.external() {
        known.entry(name.to_owned()).or_insert_with(|| world.named(name, Origin::SharedStore));
    }
    for (name, _) in uses.critical().filter(|(name, _)| !known.contains_key(*name)).collect::<Vec<_>>() {
        let maker = makers.iter().find(|(made, _)| made == name);
        let origin = maker.map_or(Origin::Kernel, |(_, package)| Origin::Package(package.clone()));
        let facts = world.named(name, origin);
        // Some parts of the kernel are no modules in any kernel, such as a few file systems.
        if facts.provided != Provided::Missing || maker.is_some() || uses.is_loaded(name) {
            known.insert(name.to_owned(), facts);
        }
    }
    Ok(known.into_values().collect())
}

/// The verified modules, installed ones before those that are only built.
fn of_package<'v>(verified: &'v [Verified], kernel: &Kernel) -> Vec<&'v Verified> {
    let mut sorted: Vec<&Verified> = verified.iter().collect();
    sorted.sort_by_key(|verified| !verified.file.starts_with(kernel.module_dir()));
    sorted
}

/// Modules of packages that are installed for another kernel, and not built for this one.
fn installed_elsewhere(run: &Invocation<'_>, kernel: &Kernel) -> Result<Vec<(PackageId, String)>> {
    let tree = &run.env.tree;
    let mut found = Vec::new();
    for entry in tree.entries()? {
        let targets = tree.targets(&entry.id);
        let other = targets.iter().filter(|target| target.kernel != kernel.release());
        for target in other.filter(|target| tree.is_installed(&entry.id, target)) {
            let products = tree.products(&entry.id, target);
            let names = products.iter().filter_map(|file| Some(kernel_name(module_stem(file)?.0)));
            found.extend(names.map(|name| (entry.id.clone(), name)));
        }
    }
    Ok(found)
}

/// The facts about one kernel that judge its modules.
struct World<'w> {
    kernel: &'w Kernel,
    uses: &'w Uses,
    boot: &'w Boot,
    neighbours: Installed,
    builtin: BTreeSet<String>,
}

impl World<'_> {
    fn packaged(&self, verified: &Verified) -> ModuleFacts {
        let name = kernel_name(&verified.module);
        let origin = Origin::Package(verified.id.to_string());
        let Ok(file) = verified.file.strip_prefix(self.kernel.module_dir()) else {
            // Built, and not installed: another file of the name may be.
            return ModuleFacts { provided: Provided::Missing, ..self.named(&name, origin) };
        };
        let text = || file.display().to_string();
        let provided = match self.neighbours.indexed(&name) {
            Ok(Some(winner)) if winner == file => Provided::Indexed,
            Ok(Some(winner)) => Provided::Shadowed { by: winner.display().to_string(), file: text() },
            Ok(None) => Provided::NotIndexed { file: text() },
            Err(why) => Provided::Unknown(why.0),
        };
        let (grade, why) = self.uses.grade(&name);
        let in_image = self.in_image(&name, Some(&verified.file));
        ModuleFacts { name, origin, grade, why, provided, loads: loads(verified), in_image }
    }

    /// A module that only its name is known of.
    fn named(&self, name: &str, origin: Origin) -> ModuleFacts {
        let indexed = self.neighbours.indexed(name);
        let file = indexed.as_ref().ok().and_then(|file| file.as_ref());
        let file: Option<PathBuf> = file.map(|file| self.kernel.module_dir().join(file));
        let provided = match &indexed {
            Ok(Some(_)) => Provided::Indexed,
            Ok(None) if self.builtin.contains(name) => Provided::BuiltIn,
            Ok(None) => Provided::Missing,
            Err(why) => Provided::Unknown(why.0.clone()),
        };
        let (grade, why) = self.uses.grade(name);
        let in_image = self.in_image(name, file.as_deref());
        ModuleFacts { name: name.to_owned(), origin, grade, why, provided, loads: Loads::NotAsked, in_image }
    }

    /// Whether the boot image has the module with the code of this file.
    fn in_image(&self, name: &str, file: Option<&Path>) -> InImage {
        let Some(contents) = &self.boot.contents else { return InImage::Unknown("the boot image is not known".into()) };
        in_image(contents, self.kernel.release(), name, file)
    }
}

/// The answer of all rules but the one about the index.
fn loads(verified: &Verified) -> Loads {
    let of = |answer: Answer| {
        verified.findings.iter().find(move |finding| finding.answer == answer && finding.rule != INDEX_RULE)
    };
    if let Some(no) = of(Answer::No) {
        let words = no.refusal.as_ref();
        let cause = words.map_or(no.evidence.as_str(), |words| words.cause.as_str());
        let remedy = words.map_or("Build the module again.", |words| words.remedy.as_str());
        return Loads::No { evidence: format!("the kernel would not load it: {cause}"), remedy: remedy.to_owned() };
    }
    match of(Answer::Unknown) {
        Some(unknown) => Loads::Unknown(format!("{}: {}", unknown.title, unknown.evidence)),
        None => Loads::Yes,
    }
}

fn kernel_name(name: &str) -> String {
    name.replace('-', "_")
}
