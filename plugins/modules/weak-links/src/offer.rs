//! What is offered to other kernels, and which of it fits one.

use std::collections::{BTreeMap, BTreeSet};

use modsmith_plugin::prelude::*;

use crate::symvers;

/// A module that can be offered.
struct Offered {
    name: String,
    /// Below its kernel's module directory.
    file: String,
    /// The symbols that it needs, with their versions, sorted.
    needs: Vec<(String, u32)>,
}

/// The modules of a package that are installed for a kernel.
pub struct Offer {
    /// All files, also those that cannot be offered.
    pub files: Vec<String>,
    modules: Vec<Offered>,
    /// What the package's modules export: version and module, by symbol.
    exports: BTreeMap<String, (u32, String)>,
}

impl Offer {
    pub fn of(package: &ModulePackage, built_for: &Kernel, plan: &mut Plan) -> Result<Self> {
        let files = package.installed_files();
        let mut modules = Vec::new();
        for module in package.modules() {
            let (name, Some(file)) = (module.name(), module.file()) else { continue };
            let mut needs = module.symbol_versions()?;
            if needs.is_empty() {
                plan.note(format!("{name} has no symbol versions: it is good for {} only", built_for.release()));
                continue;
            }
            needs.sort();
            modules.push(Offered { name, file: file.relative, needs });
        }
        let exports = package.build(built_for).join("module/Module.symvers").read_text()?.unwrap_or_default();
        let export = |symbol: symvers::Symbol<'_>| {
            let module = symbol.module.rsplit('/').next().unwrap_or_default();
            (symbol.name.to_owned(), (symbol.version, module.to_owned()))
        };
        Ok(Self { files, modules, exports: symvers::parse(&exports).map(export).collect() })
    }

    /// The files whose modules a kernel can load. Notes in the plan name the others.
    pub fn fitting(&self, kernel: &str, plan: &mut Plan) -> Result<Vec<String>> {
        if self.modules.is_empty() {
            return Ok(Vec::new());
        }
        let Some(symbols) = symvers::of_kernel(kernel)? else {
            plan.note(format!("{kernel} gets no link: there is no list of its symbols (Module.symvers, symvers.gz)"));
            return Ok(Vec::new());
        };
        let kernels = self.versions_among(&symbols);
        let mut fitting: Vec<&Offered> = self.modules.iter().collect();
        // A module that needs another one of the package goes with it.
        while let Some((index, symbol)) = fitting.iter().enumerate().find_map(|(i, module)| {
            let lacking = module.needs.iter().find(|need| !kernels.contains(*need) && !self.exported(need, &fitting));
            Some((i, &lacking?.0))
        }) {
            plan.note(format!("{kernel} gets no link to {}: it has another {symbol}, or none", fitting[index].name));
            fitting.remove(index);
        }
        Ok(fitting.into_iter().map(|module| module.file.clone()).collect())
    }

    /// Those of the needed symbols that a kernel has in the needed version.
    fn versions_among<'s>(&'s self, text: &str) -> BTreeSet<&'s (String, u32)> {
        let mut needed: Vec<&(String, u32)> = self.modules.iter().flat_map(|module| &module.needs).collect();
        needed.sort();
        needed.dedup();
        let find = |symbol: symvers::Symbol<'_>| {
            let key = |need: &&(String, u32)| need.0.as_str().cmp(symbol.name).then(need.1.cmp(&symbol.version));
            needed.binary_search_by(key).ok().map(|index| needed[index])
        };
        symvers::parse(text).filter_map(find).collect()
    }

    /// Whether one of some modules of the package exports a symbol in a version.
    fn exported(&self, (symbol, version): &(String, u32), by: &[&Offered]) -> bool {
        let export = self.exports.get(symbol).filter(|(exported, _)| exported == version);
        export.is_some_and(|(_, module)| by.iter().any(|other| other.name == *module))
    }
}

/// `x` of `updates/x.ko.xz`.
pub fn stem(file: &str) -> Option<&str> {
    let (stem, suffix) = file.rsplit('/').next()?.rsplit_once(".ko")?;
    ["", ".gz", ".xz", ".zst"].contains(&suffix).then_some(stem)
}
