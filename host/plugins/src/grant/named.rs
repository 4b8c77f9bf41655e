//! Files that the administrator names in a setting: the plugin that has the setting
//! gets exactly these, where its manifest says that it wants them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Component;

use crate::manifest::Manifest;
use crate::settings::Values;
use modsmith_facts::{Location, Root, Roots, System, text_path};

/// The files of one plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Files that the plugin may write and, unless they are keys, read.
    write: BTreeSet<Location>,
    /// Keys that the host signs with for the plugin.
    keys: BTreeSet<Location>,
    /// By setting, those that stand for the program of the entries with this setting.
    programs: BTreeMap<String, BTreeSet<Location>>,
}

impl Named {
    /// The files that the settings name which the manifest lists for that. Defaults name none,
    /// because they are the plugin's own words.
    pub fn of(manifest: &Manifest, settings: &Values, system: &System, roots: &Roots) -> Self {
        let located = |names: &[String]| {
            let paths = names.iter().filter_map(|name| settings.administrators(name));
            paths.filter_map(|path| locate(path, system, roots)).collect()
        };
        let mut programs: BTreeMap<String, BTreeSet<Location>> = BTreeMap::new();
        for name in manifest.run.iter().filter_map(|run| run.setting.as_ref()) {
            if let Some(location) = settings.administrators(name).and_then(program) {
                programs.entry(name.clone()).or_default().insert(location);
            }
        }
        Self { write: located(&manifest.write.settings), keys: located(&manifest.sign.settings), programs }
    }

    /// With those of another call: a setting may depend on the kernel.
    pub fn extend(&mut self, other: &Self) {
        self.write.extend(other.write.iter().cloned());
        self.keys.extend(other.keys.iter().cloned());
        for (setting, programs) in &other.programs {
            self.programs.entry(setting.clone()).or_default().extend(programs.iter().cloned());
        }
    }

    pub fn may_write(&self, location: &Location) -> bool {
        self.write.contains(location)
    }

    pub(crate) fn is_key(&self, location: &Location) -> bool {
        self.keys.contains(location)
    }

    /// Whether the setting names this program.
    pub(crate) fn is_program(&self, setting: &str, location: &Location) -> bool {
        self.programs.get(setting).is_some_and(|programs| programs.contains(location))
    }

    /// The keys, by their own names.
    pub fn keys(&self) -> impl Iterator<Item = &Location> {
        self.keys.iter()
    }

    pub(crate) fn knows_root(&self, root: Root) -> bool {
        self.write.iter().chain(&self.keys).any(|location| location.root == root)
    }
}

/// The program of an absolute path of the target. `None` for other text.
pub fn program(absolute: &str) -> Option<Location> {
    Location::new(Root::System, absolute.strip_prefix('/')?.trim_start_matches('/')).ok()
}

/// The location of an absolute path of the target: below a root that plugins know,
/// else below the target's own. `None` for other text, and for a path with `..`.
pub fn locate(absolute: &str, system: &System, roots: &Roots) -> Option<Location> {
    let path = text_path(absolute);
    let path = path.as_path();
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    // A tree may have been put outside the target's root by name.
    let inside = system.root.join(path.strip_prefix("/").unwrap_or(path));
    let known = [inside.as_path(), path].into_iter().find_map(|path| roots.locate_narrow(path));
    known.or_else(|| Location::new(Root::System, path.strip_prefix("/").unwrap_or(path)).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::FrameworkSettings;
    use modsmith_facts::OsRelease;
    use std::path::Path;

    fn location(root: Root, relative: &str) -> Location {
        Location::new(root, relative).unwrap()
    }

    fn named(key: &str) -> Named {
        let text = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"signer\"]\n\
            [write]\nsettings = [\"key\"]\n[sign]\nsettings = [\"key\"]\n\
            [settings]\nkey = { type = \"string\", default = \"/etc/default\" }\nother = { type = \"string\", default = \"\" }\n";
        let manifest = Manifest::parse(text).unwrap();
        let framework = [("key", key), ("other", "/etc/other")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let framework = FrameworkSettings(framework.into_iter().filter(|(_, v)| !v.is_empty()).collect());
        let values = Values::merge(&manifest.settings, &Default::default(), Path::new("/none"), &framework).unwrap();
        let system = System::new("/", OsRelease::default());
        Named::of(&manifest, &values, &system, &system.roots)
    }

    #[test]
    fn exactly_the_named_file_is_granted() {
        let key = named("/etc/kk/k.key");
        assert!(key.may_write(&location(Root::Etc, "kk/k.key")) && key.is_key(&location(Root::Etc, "kk/k.key")));
        for path in ["kk", "kk/k.key.old", "kk/k.key.new", "kk/k.key/x", "kk/other", "other", ""] {
            assert!(!key.may_write(&location(Root::Etc, path)) && !key.is_key(&location(Root::Etc, path)), "{path}");
        }
        assert!(!key.may_write(&location(Root::Boot, "kk/k.key")) && !key.knows_root(Root::Boot));
    }

    #[test]
    fn a_file_outside_the_plugins_roots_is_one_of_the_systems() {
        assert!(named("/root/k.key").may_write(&location(Root::System, "root/k.key")));
        // The same file has one location only.
        assert!(!named("/etc/k.key").may_write(&location(Root::System, "etc/k.key")));
    }

    #[test]
    fn a_program_belongs_to_its_setting_also_after_another_call() {
        let text = "id = \"x\"\nversion = \"1.0.0\"\napi = \"1.0\"\n[roles]\nprovides = [\"signer\"]\n\
            [[run]]\nprogram = \"a\"\nsetting = \"one\"\n[[run]]\nprogram = \"b\"\nsetting = \"two\"\n\
            [settings]\none = { type = \"string\", default = \"/opt/default\" }\n\
            two = { type = \"string\", default = \"\" }\n";
        let manifest = Manifest::parse(text).unwrap();
        let system = System::new("/", OsRelease::default());
        let named = |settings: &[(&str, &str)]| {
            let framework = FrameworkSettings(settings.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect());
            let values =
                Values::merge(&manifest.settings, &Default::default(), Path::new("/none"), &framework).unwrap();
            Named::of(&manifest, &values, &system, &system.roots)
        };
        let mut programs = named(&[("one", "/opt/one"), ("two", "two")]);
        programs.extend(&named(&[("one", "/opt/other"), ("two", "/opt/two")]));
        let is = |setting: &str, path: &str| programs.is_program(setting, &location(Root::System, path));
        assert!(is("one", "opt/one") && is("one", "opt/other") && is("two", "opt/two"));
        assert!(!is("one", "opt/two") && !is("two", "opt/one") && !is("one", "opt/default") && !is("two", "two"));
    }

    #[test]
    fn defaults_and_what_is_no_path_name_nothing() {
        for text in ["", "k.key", "pkcs11:token=x", "/etc/../root/k.key"] {
            assert_eq!(named(text), Named::default(), "{text:?}");
        }
    }
}
