//! The typed form of a dkms.conf.

use std::collections::BTreeMap;

use super::validate::{MAX_MODULES, Problems};
use super::{Evaluated, Exclusive, ModuleRecord, PackageConf, Patch, Scripts, Strictness, placeholder};
use crate::error::Error;

impl PackageConf {
    /// Validates and types what was evaluated for one kernel release, with the
    /// defaults of dkms.conf(5).
    ///
    /// Errors: `ConfInvalid`, with one detail `dkms.conf: Error! ...` per
    /// problem, all of them.
    pub fn from_evaluated(evaluated: &Evaluated, kernel: &str, strictness: Strictness) -> Result<Self, Error> {
        let mut problems = Problems::new(evaluated, strictness);
        let text = |name: &str| evaluated.text(name, 0);
        let mut required = |name: &str| {
            let value = text(name).unwrap_or_default();
            problems.package_word(name, &value);
            value
        };
        let name = required("PACKAGE_NAME");
        let version = required("PACKAGE_VERSION");
        let modules = modules(evaluated, &name);
        problems.modules(&modules);
        problems.formats();
        problems.placeholders();
        let mut yes = |name: &str| problems.yes_or_no(name, text(name).as_deref());
        let out = Self {
            autoinstall: yes("AUTOINSTALL"),
            no_weak_modules: yes("NO_WEAK_MODULES"),
            build_depends_rebuild: yes("BUILD_DEPENDS_REBUILD"),
            remake_initrd: text("REMAKE_INITRD").is_some_and(|v| v.starts_with(['y', 'Y'])),
            make: make(evaluated, kernel, &mut problems),
            patches: patches(evaluated, kernel, &mut problems),
            scripts: Scripts {
                post_add: text("POST_ADD"),
                pre_build: text("PRE_BUILD"),
                post_build: text("POST_BUILD"),
                pre_install: text("PRE_INSTALL"),
                post_install: text("POST_INSTALL"),
                post_remove: text("POST_REMOVE"),
            },
            exclusive: exclusive(evaluated),
            excluded: Vec::new(),
            build_depends: evaluated.words("BUILD_DEPENDS"),
            obsolete_by: text("OBSOLETE_BY"),
            name,
            version,
            modules,
            evaluated: evaluated.clone(),
            notices: Vec::new(),
            placeholders: placeholder::placeholders(evaluated),
        };
        let notices = problems.finish()?;
        Ok(Self { notices, ..out })
    }
}

impl Evaluated {
    /// A slot's text; an empty one counts as unset.
    pub(super) fn text(&self, name: &str, slot: u32) -> Option<String> {
        self.get(name, slot).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// The blank-separated words of all slots.
    fn words(&self, name: &str) -> Vec<String> {
        let slots = self.directives.get(name).into_iter().flatten();
        slots.flat_map(|(_, slot)| slot.value.split_whitespace().map(str::to_owned)).collect()
    }

    /// The slots of a directive that are not empty.
    fn filled(&self, name: &str) -> impl Iterator<Item = (u32, &str)> {
        let slots = self.directives.get(name).into_iter().flatten();
        slots.map(|(i, slot)| (*i, slot.value.as_str())).filter(|(_, value)| !value.is_empty())
    }

    /// One more than the highest index in the four arrays that describe modules.
    pub(super) fn module_count(&self) -> u32 {
        let arrays = ["BUILT_MODULE_NAME", "BUILT_MODULE_LOCATION", "DEST_MODULE_NAME", "DEST_MODULE_LOCATION"];
        let last = |name: &str| self.directives.get(name)?.keys().next_back().copied();
        arrays.into_iter().filter_map(last).max().map_or(0, |last| last.saturating_add(1))
    }
}

/// The slots of BUILD_EXCLUSIVE_* that demand something.
fn exclusive(evaluated: &Evaluated) -> BTreeMap<u32, Exclusive> {
    let names = ["KERNEL", "KERNEL_MIN", "KERNEL_MAX", "ARCH", "CONFIG"];
    let names = names.map(|name| format!("BUILD_EXCLUSIVE_{name}"));
    let slots = names.iter().filter_map(|name| evaluated.directives.get(name)).flat_map(BTreeMap::keys);
    let of_slot = |slot| {
        let [kernel, kernel_min, kernel_max, arch, config] = names.each_ref().map(|name| evaluated.text(name, slot));
        let obsolete_by = || evaluated.text("OBSOLETE_BY", 0).filter(|_| slot == 0);
        let config = config.iter().flat_map(|words| words.split_whitespace()).map(str::to_owned).collect();
        Exclusive { kernel, kernel_min, kernel_max: kernel_max.or_else(obsolete_by), arch, config }
    };
    let all = slots.copied().chain([0]).map(|slot| (slot, of_slot(slot)));
    all.filter(|(_, exclusive)| *exclusive != Exclusive::default()).collect()
}

fn modules(evaluated: &Evaluated, package: &str) -> Vec<ModuleRecord> {
    let count = evaluated.module_count();
    let strip = |slot| evaluated.text("STRIP", slot).or_else(|| evaluated.text("STRIP", 0));
    (0..count.min(MAX_MODULES))
        .map(|i| {
            let only = (count == 1).then(|| package.to_owned());
            let mut built_name = evaluated.text("BUILT_MODULE_NAME", i).or(only).unwrap_or_default();
            let mut built_location = location(evaluated.get("BUILT_MODULE_LOCATION", i).unwrap_or_default());
            let dest_name = evaluated.text("DEST_MODULE_NAME", i);
            if dest_name.is_some()
                && let Some((directory, name)) = in_directory(&built_name)
            {
                built_location = below(&built_location, directory);
                built_name = name.to_owned();
            }
            ModuleRecord {
                built_location,
                dest_name: dest_name.unwrap_or_else(|| built_name.clone()),
                dest_location: evaluated.text("DEST_MODULE_LOCATION", i).unwrap_or_default(),
                strip: !strip(i).is_some_and(|word| word.starts_with(['n', 'N'])),
                built_name,
            }
        })
        .collect()
}

/// Below the build directory, without slashes at its ends.
fn location(text: &str) -> String {
    let text = text.trim_matches('/');
    if text == "." { String::new() } else { text.strip_prefix("./").unwrap_or(text).to_owned() }
}

/// The directory and the name of a module whose BUILT_MODULE_NAME has both; `None` where
/// it has no directory, or one that leads out of the build directory.
fn in_directory(built_name: &str) -> Option<(&str, &str)> {
    built_name.rsplit_once('/').filter(|(directory, _)| directory.split('/').all(|part| part != ".."))
}

/// A directory of a location, without the parts that mean nothing.
fn below(location: &str, directory: &str) -> String {
    let parts = location.split('/').chain(directory.split('/'));
    parts.filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

/// The make command for a kernel: that of the last slot whose MAKE_MATCH
/// matches it, else that of slot 0 if it has no MAKE_MATCH.
fn make(evaluated: &Evaluated, kernel: &str, problems: &mut Problems<'_>) -> Option<String> {
    let mut chosen = evaluated.text("MAKE_MATCH", 0).is_none().then_some(0);
    for (slot, pattern) in evaluated.filled("MAKE_MATCH") {
        if matches("MAKE_MATCH", slot, pattern, kernel, problems) {
            chosen = Some(slot);
        }
    }
    evaluated.text("MAKE", chosen?)
}

fn patches(evaluated: &Evaluated, kernel: &str, problems: &mut Problems<'_>) -> Vec<Patch> {
    let mut out = Vec::new();
    for (slot, file) in evaluated.filled("PATCH") {
        let pattern = evaluated.get("PATCH_MATCH", slot).unwrap_or_default();
        if pattern.is_empty() || matches("PATCH_MATCH", slot, pattern, kernel, problems) {
            out.push(Patch { file: file.to_owned(), matches: pattern.to_owned() });
        }
    }
    out
}

fn matches(name: &str, slot: u32, pattern: &str, kernel: &str, problems: &mut Problems<'_>) -> bool {
    bash_assign::ere::matches(pattern, kernel).unwrap_or_else(|bad| {
        problems.notice(format!("{name}[{slot}] matches no kernel: {bad}."));
        false
    })
}

impl PackageConf {
    /// The values that directives have where nothing sets them: name, slot,
    /// text.
    pub(super) fn defaults(evaluated: &Evaluated) -> Vec<(&'static str, u32, String)> {
        let mut out: Vec<_> = ["AUTOINSTALL", "NO_WEAK_MODULES", "BUILD_DEPENDS_REBUILD"]
            .into_iter()
            .map(|name| (name, 0, "no".to_owned()))
            .collect();
        let package = evaluated.get("PACKAGE_NAME", 0).unwrap_or_default();
        for (slot, module) in (0..).zip(modules(evaluated, package)) {
            out.push(("STRIP", slot, if module.strip { "yes" } else { "no" }.to_owned()));
            out.push(("BUILT_MODULE_LOCATION", slot, module.built_location));
            if !module.built_name.is_empty() {
                out.push(("BUILT_MODULE_NAME", slot, module.built_name));
                out.push(("DEST_MODULE_NAME", slot, module.dest_name));
            }
        }
        out
    }
}
