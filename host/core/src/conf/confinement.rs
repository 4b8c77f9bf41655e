//! `confinement.toml`: how files and recipes of packages are confined on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::settings::SettingsFile;
use crate::error::{Error, Kind};
use modsmith_registry::Digest;
use modsmith_sandbox::{Level, Readable, Wall};

/// The administrator's file on this machine, on which the programs run.
pub const FILE: &str = "/etc/modsmith/confinement.toml";

/// The settings in the file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default)]
    reader: ReaderDemand,
    #[serde(default)]
    confinement: Demand,
    #[serde(default)]
    scripts: Scripts,
    #[serde(default)]
    environment: Vec<String>,
    #[serde(default)]
    read: Vec<PathBuf>,
    #[serde(default)]
    write: Vec<PathBuf>,
    /// By the name of a module package.
    #[serde(default)]
    package: BTreeMap<String, PackageSettings>,
}

/// The settings for one package. `None`: the settings for all packages count.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageSettings {
    confinement: Option<Demand>,
    scripts: Option<Scripts>,
    #[serde(default)]
    digests: Vec<String>,
    #[serde(default)]
    environment: Vec<String>,
    #[serde(default)]
    read: Vec<PathBuf>,
    #[serde(default)]
    write: Vec<PathBuf>,
    #[serde(default)]
    network: bool,
    user: Option<BuildUser>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReaderDemand {
    /// All walls, or bash is not started.
    #[default]
    Require,
    /// As many walls as this system has.
    Best,
}

/// How a recipe is confined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Demand {
    /// The recipe writes in its own directory only, reads no secrets and has no network; otherwise it is not run.
    Require,
    /// The recipe is confined as far as this system can.
    #[default]
    Best,
    Off,
}

/// Which scripts of a package are run as root, on the system itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scripts {
    #[default]
    Allow,
    /// The scripts with a digest that the file names.
    Pinned,
    Deny,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BuildUser {
    Root,
}

/// How a package's recipe is confined.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecipeSettings {
    pub confinement: Demand,
    pub scripts: Scripts,
    /// `sha256:` and 64 digits.
    pub digests: Vec<String>,
    /// Variables of the caller that the recipe gets, beside the usual ones.
    pub environment: Vec<String>,
    /// Further directories that the recipe may read.
    pub read: Vec<PathBuf>,
    pub write: Vec<PathBuf>,
    pub network: bool,
    /// Whether the recipe runs as root, without capabilities.
    pub as_root: bool,
}

impl SettingsFile for Settings {
    const FILE: &str = FILE;
    const HINT: &str = "Correct the file, as modsmith's page about confinement describes, or remove it: without it, every wall is raised that this system has.";

    /// The first setting that has no meaning, as a clause.
    fn fault(&self) -> Option<String> {
        let relative = |(key, paths): (&str, &Vec<PathBuf>)| {
            let path = paths.iter().find(|path| !path.is_absolute() || path.parent().is_none())?;
            Some(format!("`{key}` names {}, where a directory below `/` is needed", path.display()))
        };
        let of_all = [("read", &self.read), ("write", &self.write)].into_iter().find_map(relative);
        let of_packages = self.package.iter().find_map(|(name, package)| {
            let paths = [("read", &package.read), ("write", &package.write)];
            let digest = package.digests.iter().find(|digest| Digest::parse(digest).is_err());
            let digest = digest.map(|digest| {
                format!("`digests` of `{name}` has `{digest}`, where `sha256:` and 64 hexadecimal digits are needed")
            });
            let path = paths.into_iter().find_map(relative).map(|why| format!("in `[package.{name}]`, {why}"));
            path.or(digest)
        });
        of_all.or(of_packages)
    }
}

impl Settings {
    /// How the recipe of a package is confined.
    pub fn recipe(&self, package: &str) -> RecipeSettings {
        let own = self.package.get(package).cloned().unwrap_or_default();
        RecipeSettings {
            confinement: own.confinement.unwrap_or(self.confinement),
            scripts: own.scripts.unwrap_or(self.scripts),
            digests: own.digests,
            environment: [self.environment.clone(), own.environment].concat(),
            read: [self.read.clone(), own.read].concat(),
            write: [self.write.clone(), own.write].concat(),
            network: own.network,
            as_root: own.user == Some(BuildUser::Root),
        }
    }

    /// The walls without which bash does not read a file of another user.
    pub fn walls_of_readers(&self) -> &'static [Wall] {
        match self.reader {
            ReaderDemand::Require => &Wall::OF_READERS,
            ReaderDemand::Best => &[],
        }
    }
}

/// Opens a kernel's build directory to a reader, without the directory of its signing key.
pub(crate) fn open_kernel(readable: &mut Readable, directory: &Path) {
    let has_key = directory.join("certs/signing_key.pem").exists();
    readable.and_directory_without(directory, if has_key { &["certs"] } else { &[] });
    readable.and_directory(&directory.join("source"));
}

/// Opens the packages in a module tree to a reader. Signing keys lie beside them, and stay closed.
pub(crate) fn open_tree(readable: &mut Readable, tree: &Path) {
    readable.and_directories_of(tree);
}

/// The error of a file for which bash was not started.
pub(super) fn refusal(file: &Path, level: Level, required: &[Wall]) -> Error {
    let missing = level.reasons().filter(|(wall, _)| required.contains(wall));
    let missing = missing.map(|(wall, why)| format!("{wall}: {why}"));
    Error::new(
        Kind::System,
        format!("bash is needed to read {}, and it cannot be confined on this system.", file.display()),
    )
    .details(missing)
    .hint(
        "Use only plain assignments in the file, or run modsmith where Landlock, seccomp and namespaces are available.",
    )
    .hint(format!("To accept the confinement that this system supports, write `reader = \"best\"` into {FILE}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn read(text: &str, mode: u32) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("confinement.toml");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        Settings::of(&file).map_err(|e| e.message)
    }

    #[test]
    fn readers_need_all_walls_unless_root_says_otherwise() {
        let walls = |text| read(text, 0o644).unwrap().walls_of_readers().len();
        assert_eq!(Settings::of(Path::new("/nonexistent")).unwrap().walls_of_readers(), Wall::OF_READERS);
        assert_eq!((walls(""), walls("reader = \"require\"\n"), walls("reader = \"best\"\n")), (5, 5, 0));
        assert!(read("reader = \"best\"\n", 0o666).unwrap_err().ends_with("users other than root can change it."));
        assert!(read("reader = \"bset\"\n", 0o644).unwrap_err().contains("unknown variant"));
        assert!(read("raeder = \"best\"\n", 0o644).unwrap_err().contains("unknown field"));
    }

    #[test]
    fn a_package_has_the_settings_of_all_but_for_its_own() {
        let settings = read(
            "confinement = \"require\"\nscripts = \"deny\"\nenvironment = [\"A\"]\n[package.x]\nconfinement = \"off\"\n\
             environment = [\"B\"]\nwrite = [\"/var/cache/x\"]\nnetwork = true\nuser = \"root\"\n",
            0o644,
        )
        .unwrap();
        let (x, y) = (settings.recipe("x"), settings.recipe("y"));
        assert_eq!((x.confinement, y.confinement), (Demand::Off, Demand::Require));
        assert_eq!((x.scripts, x.network, x.as_root), (Scripts::Deny, true, true));
        assert_eq!((x.environment, y.environment), (vec!["A".to_owned(), "B".to_owned()], vec!["A".to_owned()]));
        assert_eq!((x.write, y.write), (vec![PathBuf::from("/var/cache/x")], Vec::new()));
        assert!(!y.network && !y.as_root);
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused() {
        for (text, why) in [
            ("[package.x]\nwrite = [\"var\"]\n", "in `[package.x]`, `write` names var"),
            ("read = [\"/\"]\n", "`read` names /, where"),
            ("[package.x]\ndigests = [\"sha256:0\"]\n", "64 hexadecimal digits"),
            ("[package.x]\nuser = \"nobody\"\n", "unknown variant"),
            ("[package.x]\nnetwrok = true\n", "unknown field"),
            ("confinement = \"none\"\n", "unknown variant"),
        ] {
            assert!(read(text, 0o644).unwrap_err().contains(why), "{text}");
        }
    }
}
