//! Modules that were built again after the module that uses their symbols.

use std::collections::{BTreeSet, HashMap};

use crate::image::Image;
use crate::links::Exporter;
use crate::module::Module;
use crate::neighbours::Neighbours;
use crate::rule::Case;

/// The names of the modules that export a symbol with another version than the one that
/// `module` was built with. Empty also where nothing is known.
pub fn drifted_providers(module: &Module, image: &Image, neighbours: &dyn Neighbours) -> BTreeSet<String> {
    let case = Case::new(module, image, neighbours);
    let table = case.versions.extended.as_ref().or(case.versions.basic.as_ref());
    let (Some(table), Ok(links)) = (table, case.links()) else { return BTreeSet::new() };
    let built_with: HashMap<&str, u32> = table.iter().rev().map(|(name, crc)| (name.as_str(), *crc)).collect();
    let drifted = links.iter().filter_map(|link| {
        let Exporter::Module(provider) = &link.exporter else { return None };
        let (now, then) = (provider.export.crc?, *built_with.get(link.symbol.as_str())?);
        (now != then).then(|| provider.module.clone())
    });
    drifted.collect()
}
