//! What the machine needs each module for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use modsmith_facts::machine::{Loaded, Machine, Need};
use modsmith_verdict::Grade;
use modsmith_verify::{Installed, Neighbours};

/// Modules by name, with `_` for `-`.
pub(super) struct Uses {
    needed: BTreeMap<String, (Grade, String)>,
    loaded: BTreeMap<String, Loaded>,
    wished: BTreeMap<String, String>,
}

impl Uses {
    pub fn of(machine: &Machine) -> Self {
        let mut needed: BTreeMap<String, (Grade, String)> = BTreeMap::new();
        // The most important need of a module comes first.
        for used in machine.uses() {
            let grade = match used.need {
                Need::Boot => Grade::BootCritical,
                Need::Session => Grade::SessionCritical,
            };
            needed.entry(used.module).or_insert((grade, used.why));
        }
        Self { needed, loaded: machine.loaded().unwrap_or_default(), wished: machine.wished() }
    }

    /// Has a module count as at least this important.
    pub fn raise(&mut self, module: &str, grade: Grade, why: &str) {
        let known = self.needed.entry(module.to_owned()).or_insert_with(|| (grade, why.to_owned()));
        if grade < known.0 {
            *known = (grade, why.to_owned());
        }
    }

    /// Adds what the modules need of each other in a kernel.
    pub fn add_needed(&mut self, module_dir: &Path) {
        let neighbours = Installed::new(module_dir, []);
        let mut below: Vec<(String, Grade, String)> = Vec::new();
        for (module, (grade, _)) in &self.needed {
            let all = neighbours.needed_by(&BTreeSet::from([module.clone()]));
            let others = all.into_iter().filter(|other| other != module);
            below.extend(others.map(|other| (other, *grade, format!("{module} needs it"))));
        }
        for (module, grade, why) in below {
            self.raise(&module, grade, &why);
        }
    }

    /// What depends on a module, and why that is known.
    pub fn grade(&self, module: &str) -> (Grade, String) {
        if let Some((grade, why)) = self.needed.get(module) {
            return (*grade, why.clone());
        }
        if self.loaded.contains_key(module) {
            return (Grade::Present, "it is loaded now".to_owned());
        }
        match self.wished.get(module) {
            Some(file) => (Grade::Present, format!("{file} asks for it")),
            None => (Grade::Idle, "it is not loaded now".to_owned()),
        }
    }

    /// Whether a module is loaded now.
    pub fn is_loaded(&self, module: &str) -> bool {
        self.loaded.contains_key(module)
    }

    /// The modules that the system does not start or is not reached without.
    pub fn critical(&self) -> impl Iterator<Item = (&str, Grade)> {
        self.needed.iter().map(|(module, (grade, _))| (module.as_str(), *grade))
    }

    /// Loaded modules that did not come with the kernel.
    pub fn external(&self) -> impl Iterator<Item = &str> {
        self.loaded.iter().filter(|(_, loaded)| loaded.is_external).map(|(module, _)| module.as_str())
    }
}
