//! `criticality.toml`: how much depends on packages, as only the administrator of a machine knows it.

use serde::Deserialize;

use super::pattern::Pattern;
use super::settings::SettingsFile;

/// The administrator's file.
pub const FILE: &str = "/etc/modsmith/criticality.toml";

/// How much depends on a package, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Criticality {
    /// The machine does not start without the package.
    Boot,
    /// Without the package, the machine cannot do the work that it was set up for.
    Needed,
    /// A kernel can be used without the package: its failure fails nothing else.
    Optional,
}

/// The contents of the file: patterns of packages. If several patterns fit a package, the most important
/// one counts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default)]
    boot: Vec<Pattern>,
    #[serde(default)]
    needed: Vec<Pattern>,
    #[serde(default)]
    optional: Vec<Pattern>,
}

impl SettingsFile for Settings {
    const FILE: &str = FILE;
    const HINT: &str = "Correct the file, as modsmith's page about criticality describes, or remove it: without it, each package is as important as another.";
}

impl Settings {
    /// What the file says about a package; `None`: nothing.
    pub fn criticality(&self, name: &str, version: &str) -> Option<Criticality> {
        let lists = [
            (Criticality::Boot, &self.boot),
            (Criticality::Needed, &self.needed),
            (Criticality::Optional, &self.optional),
        ];
        let fits = |patterns: &Vec<Pattern>| patterns.iter().any(|pattern| pattern.fits(name, version));
        lists.into_iter().find(|(_, patterns)| fits(patterns)).map(|(criticality, _)| criticality)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use std::path::Path;

    fn read(text: &str) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("criticality.toml");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        Settings::of(&file).map_err(|error| error.message)
    }

    #[test]
    fn the_most_important_pattern_that_fits_counts() {
        let settings =
            read("boot = [\"zfs\"]\nneeded = [\"nvidia*\", \"z*\"]\noptional = [\"*\", \"spl/1.*\"]\n").unwrap();
        let of = |name: &str| settings.criticality(name, "1.0");
        assert_eq!(of("zfs"), Some(Criticality::Boot));
        assert_eq!(of("nvidia-open"), Some(Criticality::Needed));
        assert_eq!(of("zram"), Some(Criticality::Needed));
        assert_eq!(of("other"), Some(Criticality::Optional));
        assert_eq!(Settings::of(Path::new("/nonexistent")).unwrap().criticality("zfs", "1.0"), None);
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused() {
        for (text, says) in [
            ("importent = []\n", "expected one of `boot`, `needed`, `optional`"),
            ("boot = \"zfs\"\n", "invalid type"),
            ("boot = [\"[\"]\n", "no shell pattern"),
            ("boot = [\"\"]\n", "no shell pattern"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(says), "{text}: {message}");
        }
    }
}
