//! A package as plugins see it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::conf::{PackageConf, Slot};
use crate::flow::Invocation;
use crate::flow::product_files::product_of;
use crate::tree::{Package, Target};
use modsmith_plugins::{PackageFacts, SymbolSource};

/// More slots than any package has.
const MAX_SLOTS: u32 = 4096;

/// Name, version, directives and module names.
pub(super) fn package_facts(package: &Package, conf: &PackageConf) -> PackageFacts {
    // A slot that is not set is empty, so that each keeps its place.
    let slots = |slots: &BTreeMap<u32, Slot>| -> Vec<String> {
        let end = slots.keys().next_back().map_or(0, |last| last.saturating_add(1)).min(MAX_SLOTS);
        (0..end).map(|i| slots.get(&i).map(|slot| slot.value.clone()).unwrap_or_default()).collect()
    };
    PackageFacts {
        name: package.id.module.clone(),
        version: package.id.version.clone(),
        directives: conf.evaluated.directives.iter().map(|(name, given)| (name.clone(), slots(given))).collect(),
        modules: conf.modules.iter().map(|module| module.dest_name.clone()).collect(),
        ..PackageFacts::default()
    }
}

/// The facts of a package with the modules that are built for a kernel, and the files `installed`
/// below its module directory.
pub(super) fn facts_of_build(
    run: &Invocation<'_>,
    package: &Package,
    conf: &PackageConf,
    target: &Target,
    installed: impl IntoIterator<Item = impl AsRef<Path>>,
) -> PackageFacts {
    let files = run.env.tree.products(&package.id, target);
    let directory = run.env.tree.real(&package.id.products_dir(target));
    let product = |module: &crate::conf::ModuleRecord| {
        Some((module.dest_name.clone(), SymbolSource::File(directory.join(product_of(&files, module)?))))
    };
    let mut installed: Vec<String> =
        installed.into_iter().filter_map(|path| Some(path.as_ref().to_str()?.to_owned())).collect();
    installed.sort();
    PackageFacts {
        installed,
        symbols: conf.modules.iter().filter_map(product).collect(),
        ..package_facts(package, conf)
    }
}
