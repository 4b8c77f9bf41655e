//! Limits of one call of a plugin, and of loading a plugin.
//!
//! A packager writes whole packages into memory, which may hold everything that
//! was built; it gets more than the other roles.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::exceeded::Exceeded;
use super::manifest::Role;
use crate::error::Error;
use crate::files;

/// The file with the administrator's limits, below the configuration directory.
pub const FILE: &str = "limits.toml";

/// The limits of all roles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleLimits {
    common: Limits,
    packager: PackagerLimits,
    /// The limits of loading: they hold for every plugin, before any call.
    pub loading: LoadingLimits,
}

/// Limits of reading and compiling a plugin. The names are those of the keys in
/// limits.toml.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct LoadingLimits {
    /// The size of the component's file, in MiB.
    pub component_mib: u64,
    /// Processor time that compiling it may take.
    pub compile_seconds: u64,
    /// Address space of the process that compiles it, in MiB.
    pub compile_mib: u64,
}

impl Default for LoadingLimits {
    fn default() -> Self {
        Self { component_mib: 8, compile_seconds: 60, compile_mib: 2048 }
    }
}

/// The largest size of a plugin.toml, and of a table, in bytes.
pub const LARGEST_MANIFEST: usize = 64 << 10;

/// The limits of packagers, which limits.toml has below `[packager]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PackagerLimits(Limits);

impl Default for PackagerLimits {
    fn default() -> Self {
        Self(Limits {
            fuel: 2_000_000_000_000,
            memory_mib: 2048,
            resources: 100_000,
            read_mib: 2048,
            file_mib: 512,
            content_mib: 1024,
            ..Limits::default()
        })
    }
}

/// Limits of one call, and of the plan that it adds to. The names are those of
/// the keys in limits.toml.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Limits {
    /// Units of work, about one per instruction.
    pub fuel: u64,
    /// The size of each linear memory, in MiB.
    pub memory_mib: usize,
    /// Elements of each table.
    pub table_elements: usize,
    /// Open resources: facts and directories.
    pub resources: usize,
    /// Read from files and directories, in MiB.
    pub read_mib: usize,
    /// The largest file that can be read, in MiB.
    pub file_mib: usize,
    /// Steps that plugins add to one plan.
    pub steps: usize,
    /// Content of the files that plugins write in one plan, in MiB; and what the host keeps of
    /// the answers of one call.
    pub content_mib: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 1_000_000_000,
            memory_mib: 128,
            table_elements: 100_000,
            resources: 1_000,
            read_mib: 256,
            file_mib: 16,
            steps: 10_000,
            content_mib: 64,
        }
    }
}

impl RoleLimits {
    /// The limits of a role.
    pub fn of(&self, role: Role) -> &Limits {
        if role == Role::Packager { &self.packager.0 } else { &self.common }
    }

    /// Reads limits.toml of a configuration directory; defaults for what it
    /// does not name.
    ///
    /// # Errors
    /// A file that cannot be read, or names what there is not.
    pub fn read(config: &Path) -> Result<Self, Error> {
        let file = config.join(FILE);
        use std::io::ErrorKind::{InvalidData, InvalidInput};
        let text = match files::text(&file) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(Self::default()),
            Err(e) if matches!(e.kind(), InvalidData | InvalidInput) => {
                return Err(Error::LimitsUnreadable { reason: e.to_string(), file });
            }
            Err(e) => return Err(Error::io("read", &file, e)),
        };
        Self::parse(&text)
            .map_err(|e| Error::LimitsUnreadable { reason: e.message().trim_end().to_owned(), file: file.clone() })
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let mut common: toml::Table = toml::from_str(text)?;
        let given = common.remove("packager").map(toml::Value::try_into::<toml::Table>).transpose()?;
        let mut loading = toml::Table::try_from(LoadingLimits::default()).expect("numbers can be written as TOML");
        for (key, value) in &mut loading {
            *value = common.remove(key).unwrap_or_else(|| value.clone());
        }
        let mut packager = toml::Table::try_from(PackagerLimits::default().0).expect("numbers can be written as TOML");
        packager.extend(given.unwrap_or_default());
        Ok(Self {
            common: common.try_into()?,
            packager: PackagerLimits(packager.try_into()?),
            loading: loading.try_into()?,
        })
    }
}

impl LoadingLimits {
    /// The limit that a file of this size exceeds, if it is too large.
    pub(crate) fn exceeded_by(&self, bytes: u64) -> Option<Exceeded> {
        let limit = Exceeded { key: "component-mib", amount: self.component_mib, what: "MiB in its file" };
        (bytes > self.component_mib.saturating_mul(1 << 20)).then_some(limit)
    }

    pub(crate) fn no_compile_time(&self) -> Exceeded {
        Exceeded {
            key: "compile-seconds",
            amount: self.compile_seconds,
            what: "seconds of processor time while it was compiled",
        }
    }

    pub(crate) fn no_compile_memory(&self) -> Exceeded {
        Exceeded { key: "compile-mib", amount: self.compile_mib, what: "MiB of memory while it was compiled" }
    }
}

impl Limits {
    pub(crate) fn no_fuel(&self) -> Exceeded {
        Exceeded { key: "fuel", amount: self.fuel, what: "units of work" }
    }

    pub(crate) fn no_memory(&self) -> Exceeded {
        Exceeded { key: "memory-mib", amount: self.memory_mib as u64, what: "MiB of memory" }
    }

    pub(crate) fn no_table(&self) -> Exceeded {
        Exceeded { key: "table-elements", amount: self.table_elements as u64, what: "table elements" }
    }

    pub(crate) fn no_resources(&self) -> Exceeded {
        Exceeded { key: "resources", amount: self.resources as u64, what: "open resources" }
    }

    pub(crate) fn no_reads(&self) -> Exceeded {
        Exceeded { key: "read-mib", amount: self.read_mib as u64, what: "MiB read from files and directories" }
    }

    pub(crate) fn too_large(&self) -> Exceeded {
        Exceeded { key: "file-mib", amount: self.file_mib as u64, what: "MiB in one file" }
    }

    pub(crate) fn no_steps(&self) -> Exceeded {
        Exceeded { key: "steps", amount: self.steps as u64, what: "steps in one plan" }
    }

    pub(crate) fn no_content(&self) -> Exceeded {
        Exceeded { key: "content-mib", amount: self.content_mib as u64, what: "MiB of file content in one plan" }
    }

    pub(crate) fn keeps_no_more(&self) -> Exceeded {
        Exceeded { key: "content-mib", amount: self.content_mib as u64, what: "MiB of answers and steps in one call" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_what_it_names_and_keeps_the_other_defaults() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "steps = 5\n[packager]\nfuel = 7\n").unwrap();
        let limits = RoleLimits::read(dir.path()).unwrap();
        let default = RoleLimits::default();
        let (common, packager) = (limits.of(Role::Initrd), limits.of(Role::Packager));
        assert_eq!((common.steps, common.fuel), (5, default.of(Role::Initrd).fuel));
        assert_eq!((packager.fuel, packager.memory_mib), (7, default.of(Role::Packager).memory_mib));
    }

    #[test]
    fn limits_of_loading_are_changed_one_by_one() {
        let limits = RoleLimits::parse("component-mib = 24\nsteps = 5\n").unwrap();
        assert_eq!(limits.loading, LoadingLimits { component_mib: 24, ..LoadingLimits::default() });
        assert_eq!(limits.loading.exceeded_by(24 << 20), None);
        assert_eq!(limits.loading.exceeded_by((24 << 20) + 1).unwrap().key, "component-mib");
        assert!(RoleLimits::parse("compile-seconds = \"x\"\n").is_err());
    }

    #[test]
    fn a_file_that_is_no_regular_one_is_reported_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        for (kind, words) in crate::files::tests::INSTEAD {
            crate::files::tests::put(kind, &dir.path().join(FILE));
            let error = RoleLimits::read(dir.path()).unwrap_err();
            assert_eq!(error.id(), crate::error::Id::Limits, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        for text in ["fule = 5\n", "[packager]\nfule = 5\n"] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(FILE), text).unwrap();
            assert!(RoleLimits::read(dir.path()).unwrap_err().to_string().contains("fule"), "{text}");
        }
    }
}
