//! facts.toml of a case: what the plugin is asked, and about which system.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::call::Call;
use crate::error::{Error, Result};
use crate::names::FACTS;
use modsmith_facts::inside;
use modsmith_facts::kernel::SymbolVersions;
use modsmith_plugins::{Event, LoadPurpose, Occasion, PackageFacts, SymbolSource};

/// A question, and the system that it is about. Files whose content matters lie
/// beside facts.toml, below `root`, `staging` and `source`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Facts {
    pub call: Call,
    pub kernel: KernelTable,
    #[serde(default)]
    pub package: PackageTable,
    /// Fields of os-release, instead of a file `root/etc/os-release`.
    #[serde(default)]
    pub os: BTreeMap<String, String>,
    /// Programs that are installed: names, or absolute paths. They fail when
    /// they are run; one that works is an executable file below `root`.
    #[serde(default, deserialize_with = "places")]
    pub programs: Vec<String>,
    /// Files that exist, by absolute path; empty. A name that ends in `/` is a
    /// directory.
    #[serde(default, deserialize_with = "places")]
    pub files: Vec<String>,
    /// The plugin's settings, as its file in /etc/modsmith/settings has them.
    #[serde(default)]
    pub settings: toml::Table,
    /// What probes of the manifest print, by name; others fail. For a query, the paths that it
    /// adds follow the name, each after a space.
    #[serde(default)]
    pub probes: BTreeMap<String, String>,
    /// Why undoing what the call adds cannot bring back the system from before:
    /// it takes the place of something that nothing remembers.
    pub not_reversible: Option<String>,
    /// Argument of `destination`.
    pub requested: Option<String>,
    /// Argument of `kernel-arch`.
    pub machine: Option<String>,
    /// Argument of `sign`: `root/relative`.
    pub file: Option<String>,
    /// Argument of `owners`: absolute paths of the files that are asked about.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Argument of `refresh`.
    #[serde(default, with = "occasion")]
    pub occasion: Option<Occasion>,
    /// Argument of `on-event`.
    #[serde(default, with = "event")]
    pub event: Option<Event>,
    /// Argument of `kernel-prepare`: what a configuration file says.
    pub config: Option<String>,
    /// The package format for `assemble`, `load` and `arrange`; the plugin's
    /// first one otherwise.
    pub format: Option<String>,
    /// Options of the package format; a switch is empty.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// The purpose of `load` and `arrange`: `module-package`, unless given.
    #[serde(default, with = "purpose")]
    pub purpose: Option<LoadPurpose>,
}

/// `[kernel]`: the kernel of the call. Others exist by their files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelTable {
    #[serde(deserialize_with = "release")]
    pub release: String,
    #[serde(default = "x86_64")]
    pub machine: String,
    /// The build directory, absolute on the target.
    #[serde(default, deserialize_with = "headers")]
    pub headers: Option<String>,
    /// Kconfig symbols without `CONFIG_`.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    #[serde(default)]
    pub running: bool,
}

/// `[package]`: the package of the call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackageTable {
    pub name: String,
    pub version: String,
    /// Installed base names of its modules.
    pub modules: Vec<String>,
    /// Directives of its dkms.conf, all slots in order.
    pub directives: BTreeMap<String, Vec<String>>,
    /// Files of its modules below the kernel's module directory.
    pub installed: Vec<String>,
    /// By module: the symbols that it needs, and their versions.
    #[serde(rename = "symbol-versions")]
    pub symbol_versions: BTreeMap<String, BTreeMap<String, u32>>,
}

impl Default for PackageTable {
    fn default() -> Self {
        Self {
            name: "demo".into(),
            version: "1.0".into(),
            modules: vec!["demo".into()],
            directives: BTreeMap::new(),
            installed: Vec::new(),
            symbol_versions: BTreeMap::new(),
        }
    }
}

impl From<PackageTable> for PackageFacts {
    fn from(table: PackageTable) -> Self {
        let known =
            |versions: BTreeMap<String, u32>| SymbolSource::Known(SymbolVersions(versions.into_iter().collect()));
        Self {
            name: table.name,
            version: table.version,
            directives: table.directives,
            modules: table.modules,
            installed: table.installed,
            symbols: table.symbol_versions.into_iter().map(|(module, versions)| (module, known(versions))).collect(),
        }
    }
}

fn x86_64() -> String {
    "x86_64".into()
}

impl Facts {
    /// Reads a case's facts.toml.
    ///
    /// # Errors
    /// `Usage` for a file that is not as it should be, with the line.
    pub fn read(case: &Path) -> Result<Self> {
        let file = case.join(FACTS);
        let text = inside::read_configuration_text(&file).map_err(|e| Error::io("read", &file, e))?;
        toml::from_str(&text).map_err(|e| Error::BadFacts { file, reason: e.to_string().trim_end().to_owned() })
    }

    /// A call with all its arguments, about a kernel on an otherwise empty
    /// system.
    pub fn about(call: Call, release: &str) -> Self {
        Self {
            call,
            kernel: KernelTable {
                release: release.into(),
                machine: x86_64(),
                headers: None,
                config: BTreeMap::new(),
                running: false,
            },
            package: PackageTable::default(),
            os: BTreeMap::new(),
            programs: Vec::new(),
            files: Vec::new(),
            settings: toml::Table::new(),
            probes: BTreeMap::new(),
            paths: vec![format!("/lib/modules/{release}/updates/demo.ko")],
            not_reversible: None,
            requested: Some("extra".into()),
            machine: Some(x86_64()),
            file: Some("staging/demo.ko".into()),
            occasion: Some(Occasion::Installed),
            event: Some(Event::KernelPostinst),
            config: Some("CONFIG_X=y\n".into()),
            format: None,
            options: BTreeMap::new(),
            purpose: None,
        }
    }
}

/// Places of the case's system. A name that leads out of it is refused: the case may have another author
/// than the tests' user.
fn places<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let given = Vec::<String>::deserialize(from)?;
    given.iter().try_for_each(|entry| below_root(entry)).map_err(D::Error::custom)?;
    Ok(given)
}

fn headers<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let given = Option::<String>::deserialize(from)?;
    given.as_deref().map_or(Ok(()), below_root).map_err(D::Error::custom)?;
    Ok(given)
}

/// It is the name of a directory.
fn release<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let given = String::deserialize(from)?;
    match given.as_str() {
        "" | "." | ".." => Err(D::Error::custom(format!("`{given}` is no release of a kernel"))),
        name if name.contains('/') => Err(D::Error::custom(format!("the release `{name}` has a `/` in it"))),
        _ => Ok(given),
    }
}

fn below_root(entry: &str) -> Result<(), String> {
    let inside = entry.strip_prefix('/').unwrap_or(entry);
    let inside = inside.strip_suffix('/').unwrap_or(inside);
    match inside.split('/').any(|part| matches!(part, "" | "..")) {
        true => Err(format!("`{entry}` is no place below the root: it has an empty part or `..`")),
        false => Ok(()),
    }
}

/// Words of facts.toml for a type of the interface.
macro_rules! words {
    ($module:ident, $type:ty, [$($word:literal => $value:path),* $(,)?]) => {
        mod $module {
            use super::*;

            pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<$type>, D::Error> {
                const WORDS: &[(&str, $type)] = &[$(($word, $value)),*];
                let Some(given) = Option::<String>::deserialize(from)? else { return Ok(None) };
                let found = WORDS.iter().find(|(word, _)| *word == given);
                found.map(|(_, value)| Some(*value)).ok_or_else(|| {
                    let known: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
                    serde::de::Error::custom(format!("`{given}` is none of {}", known.join(", ")))
                })
            }
        }
    };
}

words!(occasion, Occasion, ["installed" => Occasion::Installed, "removed" => Occasion::Removed]);
words!(purpose, LoadPurpose, ["module-package" => LoadPurpose::ModulePackage, "files" => LoadPurpose::Files]);
words!(event, Event, [
    "kernel-preinst" => Event::KernelPreinst,
    "kernel-postinst" => Event::KernelPostinst,
    "kernel-prerm" => Event::KernelPrerm,
    "post-transaction" => Event::PostTransaction,
    "modules-loaded" => Event::ModulesLoaded,
]);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Facts> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FACTS), text).unwrap();
        Facts::read(dir.path())
    }

    #[test]
    fn a_short_file_has_a_package_and_an_x86_kernel() {
        let facts = read("call = \"modprobe-add\"\n[kernel]\nrelease = \"6.1\"\n").unwrap();
        assert_eq!((facts.call, facts.kernel.machine.as_str()), (Call::ModprobeAdd, "x86_64"));
        assert_eq!(facts.package, PackageTable::default());
    }

    #[test]
    fn directives_are_lists_and_events_have_the_names_of_the_interface() {
        let text = "call = \"on-event\"\nevent = \"kernel-postinst\"\n[kernel]\nrelease = \"6.1\"\n\
            [package.directives]\nMODULES_CONF = [\"a\", \"b\"]\n";
        let facts = read(text).unwrap();
        assert_eq!(facts.event, Some(Event::KernelPostinst));
        assert_eq!(facts.package.directives["MODULES_CONF"], ["a", "b"]);
        assert_eq!(facts.package.name, "demo");
    }

    #[test]
    fn places_are_below_the_root_and_an_entry_that_is_not_is_named() {
        let with = |top: &str, kernel: &str| read(&format!("call = \"refresh\"\n{top}\n[kernel]\n{kernel}\n"));
        let release = "release = \"6.1\"";
        for entry in ["/../x", "/a/../../x", "..", "/a//b", "//a", "", "/", "a/.."] {
            for key in ["files", "programs"] {
                let error = with(&format!("{key} = [\"/ok\", \"{entry}\"]"), release).unwrap_err().to_string();
                assert!(error.contains(&format!("`{entry}` is no place")) && error.contains(FACTS), "{error}");
            }
            let error = with("", &format!("{release}\nheaders = \"{entry}\"")).unwrap_err().to_string();
            assert!(error.contains(&format!("`{entry}` is no place")), "{error}");
        }
        for entry in ["", ".", "..", "../../x", "6.1/x", "/6.1"] {
            let error = with("", &format!("release = \"{entry}\"")).unwrap_err().to_string();
            assert!(error.contains(&format!("`{entry}`")), "{error}");
        }
        let facts = with("files = [\"/a/b/\", \"/boot/..x\"]\nprograms = [\"tool\", \"/a/tool\"]", release).unwrap();
        assert_eq!((facts.files.len(), facts.programs.len()), (2, 2));
        assert!(with("", &format!("{release}\nheaders = \"/usr/src/linux/\"")).is_ok());
    }

    #[test]
    fn facts_that_are_a_pipe_are_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, dir.path().join(FACTS), kind, mode, 0).unwrap();
        assert!(Facts::read(dir.path()).unwrap_err().to_string().contains("a named pipe"));
    }

    #[test]
    fn unknown_keys_calls_and_words_are_refused_by_name() {
        for (text, wanted) in [
            ("call = \"refresh\"\nkernl = 1\n[kernel]\nrelease = \"6.1\"\n", "kernl"),
            ("call = \"refresj\"\n[kernel]\nrelease = \"6.1\"\n", "refresj"),
            ("call = \"refresh\"\noccasion = \"instaled\"\n[kernel]\nrelease = \"6.1\"\n", "instaled"),
            ("call = \"refresh\"\n", "kernel"),
        ] {
            let error = read(text).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(wanted) && message.contains(FACTS), "{error}");
        }
    }
}
