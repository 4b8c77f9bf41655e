//! `store.toml`: whether builds are kept on this machine, and how many.

use serde::Deserialize;
use std::collections::BTreeMap;

use super::settings::SettingsFile;

/// The administrator's file.
pub const FILE: &str = "/etc/modsmith/store.toml";

/// In bytes, where the file does not say.
const DEFAULT_SIZE: u64 = 2 << 30;

/// What the file says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default)]
    store: Switch,
    size: Option<String>,
    /// Whether a build of other inputs is taken that the kernel is proven to load.
    compatible: Option<Switch>,
    /// By the name of a module package.
    #[serde(default)]
    package: BTreeMap<String, PackageSettings>,
}

/// What the file says about one package.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageSettings {
    store: Option<Switch>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Switch {
    #[default]
    On,
    Off,
}

impl SettingsFile for Settings {
    const FILE: &str = FILE;
    const HINT: &str = "Correct the file, as modsmith's page about the store describes, or remove it: without it, builds are kept, in at most 2 GiB.";

    /// A value that has no meaning, as a clause.
    fn fault(&self) -> Option<String> {
        let size = self.size.as_ref().filter(|size| bytes_of_size(size).is_none())?;
        Some(format!("`size` is `{size}`, where a number and a unit are needed, such as `2 GiB`"))
    }
}

impl Settings {
    /// Whether builds of a package are kept and taken.
    pub fn is_on(&self, package: &str) -> bool {
        let own = self.package.get(package).and_then(|package| package.store);
        self.store == Switch::On && own != Some(Switch::Off)
    }

    /// Whether a build of other inputs is taken, where there is none of the same.
    pub fn takes_compatible(&self) -> bool {
        self.compatible == Some(Switch::On)
    }

    /// How much may be kept, in bytes.
    pub fn size(&self) -> u64 {
        self.size.as_deref().and_then(bytes_of_size).unwrap_or(DEFAULT_SIZE)
    }
}

/// A number and a unit, such as `2 GiB`, in bytes; `None` for what is none.
pub fn bytes_of_size(text: &str) -> Option<u64> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let shift = match unit.trim() {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn read(text: &str, mode: u32) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("store.toml");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        Settings::of(&file).map_err(|e| e.message)
    }

    #[test]
    fn builds_are_kept_unless_the_file_says_otherwise() {
        let settings = Settings::of(Path::new("/nonexistent")).unwrap();
        assert_eq!((settings.is_on("x"), settings.size(), settings.takes_compatible()), (true, 2 << 30, false));
        assert!(read("compatible = \"on\"\n", 0o644).unwrap().takes_compatible());
        let settings = read("size = \"300 MiB\"\n[package.x]\nstore = \"off\"\n", 0o644).unwrap();
        assert_eq!((settings.is_on("x"), settings.is_on("y"), settings.size()), (false, true, 300 << 20));
        let settings = read("store = \"off\"\n[package.x]\nstore = \"on\"\n", 0o644).unwrap();
        assert!(!settings.is_on("x"), "off is off for all");
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused() {
        for text in ["size = \"2\"\n", "size = \"GiB\"\n", "size = \"-1 GiB\"\n", "size = \"99999999999 TiB\"\n"] {
            assert!(read(text, 0o644).unwrap_err().contains("a number and a unit are needed"), "{text}");
        }
        assert!(read("store = \"no\"\n", 0o644).unwrap_err().contains("unknown variant"));
        assert!(read("stoer = \"on\"\n", 0o644).unwrap_err().contains("unknown field"));
        assert!(read("", 0o666).unwrap_err().ends_with("users other than root can change it."));
    }
}
