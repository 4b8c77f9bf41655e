//! Finds all mistakes in a dkms.conf.

use std::collections::BTreeMap;

use super::directives::is_from_1x;
use super::{Evaluated, ModuleRecord, Strictness, placeholder};
use crate::error::{Error, Kind};

/// More modules than any package has: an index beyond it is a slip, and would
/// only list as many problems.
pub(super) const MAX_MODULES: u32 = 4096;

/// Collects errors and notices about one configuration.
pub(super) struct Problems<'a> {
    evaluated: &'a Evaluated,
    strictness: Strictness,
    errors: Vec<String>,
    notices: Vec<String>,
    hints: Vec<String>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(evaluated: &'a Evaluated, strictness: Strictness) -> Self {
        Self { evaluated, strictness, errors: Vec::new(), notices: Vec::new(), hints: Vec::new() }
    }

    fn error(&mut self, text: impl Into<String>) {
        self.errors.push(text.into());
    }

    /// An error of a value that says nothing about what is installed.
    fn error_of_setting(&mut self, text: impl Into<String>) {
        if self.strictness != Strictness::Removal {
            self.error(text);
        }
    }

    /// Something to know, not to fail for.
    pub(super) fn notice(&mut self, text: String) {
        if self.strictness == Strictness::Strict {
            self.notices.push(text);
        }
    }

    /// PACKAGE_NAME and PACKAGE_VERSION become names of directories.
    pub(super) fn package_word(&mut self, name: &str, value: &str) {
        let file = self.evaluated.file.display();
        if value.is_empty() {
            let example = if name == "PACKAGE_NAME" { "hello" } else { "1.0" };
            self.error(format!("{name} is not set in {file}; write {name}=\"{example}\"."));
        } else if let Some(why) = crate::tree::name_fault(value) {
            self.error(format!("{name} is `{value}`, which cannot be the name of a directory: {why}."));
        }
    }

    pub(super) fn modules(&mut self, modules: &[ModuleRecord]) {
        let count = self.evaluated.module_count();
        if count == 0 {
            self.notice(format!("{} describes no module: nothing would be installed.", self.evaluated.file.display()));
        }
        if count > MAX_MODULES {
            self.error(format!("It describes {count} modules; the highest index allowed is {}.", MAX_MODULES - 1));
            return;
        }
        for (i, module) in modules.iter().enumerate() {
            self.names(i, module);
            self.destination(i, &module.dest_location);
        }
        if self.strictness == Strictness::Strict {
            let built = |m: &ModuleRecord| (m.built_location.clone(), m.built_name.clone());
            self.duplicates("BUILT_MODULE_NAME", modules, built);
            self.duplicates("DEST_MODULE_NAME", modules, |m| (String::new(), m.dest_name.clone()));
        }
    }

    fn names(&mut self, i: usize, module: &ModuleRecord) {
        if module.built_name.is_empty() {
            self.error(format!("BUILT_MODULE_NAME[{i}] is not set: module {i} has no name."));
        }
        let same = module.dest_name == module.built_name;
        for (name, value) in [("BUILT_MODULE_NAME", &module.built_name), ("DEST_MODULE_NAME", &module.dest_name)] {
            if name == "DEST_MODULE_NAME" && same {
                continue;
            }
            if value.ends_with(".o") || value.ends_with(".ko") {
                self.error(format!("{name}[{i}] is `{value}`: write it without `.o` or `.ko`."));
            } else if value.contains('/') {
                let location =
                    if name == "DEST_MODULE_NAME" { "DEST_MODULE_LOCATION" } else { "BUILT_MODULE_LOCATION" };
                self.error(format!(
                    "{name}[{i}] is `{value}`: write the name alone; the directory belongs in {location}[{i}]."
                ));
            }
        }
    }

    fn destination(&mut self, i: usize, location: &str) {
        let prefixes = ["/kernel", "/updates", "/extra"];
        if location.is_empty() {
            self.error(format!("DEST_MODULE_LOCATION[{i}] is not set; write DEST_MODULE_LOCATION[{i}]=\"/extra\"."));
        } else if !prefixes.iter().any(|prefix| location.starts_with(prefix)) {
            self.error(format!(
                "DEST_MODULE_LOCATION[{i}] is `{location}`: it must begin with /kernel, /updates or /extra."
            ));
        }
    }

    fn duplicates(&mut self, name: &str, modules: &[ModuleRecord], key: impl Fn(&ModuleRecord) -> (String, String)) {
        let mut seen = BTreeMap::new();
        for (i, module) in modules.iter().enumerate() {
            let key = key(module);
            if key.1.is_empty() {
                continue;
            }
            if let Some(first) = seen.insert(key.clone(), i) {
                self.error(format!("{name}[{first}] and {name}[{i}] are both `{}`.", key.1));
            }
        }
    }

    /// Yes or no in any case; unset is no.
    pub(super) fn yes_or_no(&mut self, name: &str, value: Option<&str>) -> bool {
        match value.map(str::to_ascii_lowercase).as_deref() {
            None | Some("no") => false,
            Some("yes") => true,
            Some(_) => {
                self.error_of_setting(format!("{name} is `{}`: it must be yes or no.", value.unwrap_or_default()));
                false
            }
        }
    }

    /// Placeholders are values like others; a warning explains them.
    pub(super) fn placeholders(&mut self) {
        for found in placeholder::placeholders(self.evaluated) {
            let text = found.explanation(&self.evaluated.file);
            self.notice(text.clone());
            self.hints.push(text);
        }
    }

    /// Directives of other times, and words that mean nothing.
    pub(super) fn formats(&mut self) {
        let file = self.evaluated.file.display().to_string();
        let names = self.evaluated.directives.keys().filter(|name| is_from_1x(name));
        let old: Vec<_> = names.cloned().chain(self.evaluated.make_1x.iter().cloned()).collect();
        if !old.is_empty() {
            let text = format!(
                "{} in {file}: a directive of the dkms 1.x format, which is no longer supported",
                old.join(", ")
            );
            self.notice(format!("{text}."));
            self.hints.push(format!(
                "{text}. Use BUILT_MODULE_NAME, BUILT_MODULE_LOCATION, DEST_MODULE_LOCATION, MAKE with MAKE_MATCH, and MODULES_CONF instead."
            ));
        }
        if self.evaluated.text("CLEAN", 0).is_some_and(|v| v.trim() != "true") {
            self.notice(format!(
                "Deprecated feature: CLEAN ({file}); it is ignored, because each build starts from a fresh copy of the source."
            ));
        }
        if self.evaluated.text("OBSOLETE_BY", 0).is_some() {
            self.notice(format!(
                "Deprecated feature: OBSOLETE_BY ({file}); give the modules a MODULE_VERSION, or use BUILD_EXCLUSIVE_KERNEL_MAX."
            ));
        }
        for name in ["STRIP", "REMAKE_INITRD"] {
            for (slot, value) in self.evaluated.directives.get(name).into_iter().flatten() {
                if !value.value.is_empty() && !value.value.starts_with(['y', 'Y', 'n', 'N']) {
                    let meant = if name == "STRIP" { "yes" } else { "no" };
                    self.notice(format!("{name}[{slot}] is `{}`, which is interpreted as {meant}.", value.value));
                }
            }
        }
    }

    /// The notices, or an error with all that is wrong.
    pub(super) fn finish(self) -> Result<Vec<String>, Error> {
        if self.errors.is_empty() {
            return Ok(self.notices);
        }
        let file = self.evaluated.file.display();
        let mut error = Error::new(Kind::ConfInvalid, format!("{file} is not a valid dkms.conf."))
            .details(self.errors.iter().map(|text| format!("dkms.conf: Error! {text}")));
        for reading in self.evaluated.readings.iter().filter(|r| r.exited) {
            error = error.hint(format!(
                "Remove what ends the shell from {}: an `exit`, or a command that takes too much memory or time. With the \
                 shell every directive is lost.",
                reading.file.display()
            ));
        }
        error.hints.extend(self.hints);
        Err(error.hint("Correct the lines above; dkms.conf(5) describes each directive."))
    }
}

#[cfg(test)]
mod tests;
