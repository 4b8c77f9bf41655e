//! What a plugin may use up in one call.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

/// Where an administrator changes them, below the configuration directory.
pub const FILE: &str = "limits.toml";

/// Limits of one call, and of the plan that it adds to. The names are those of
/// the keys in limits.toml.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Limits {
    /// Units of work, about one per instruction.
    pub fuel: u64,
    /// Of each linear memory, in MiB.
    pub memory_mib: usize,
    /// Elements of each table.
    pub table_elements: usize,
    /// Open resources: facts and directories.
    pub resources: usize,
    /// Read from files and directories, in MiB.
    pub read_mib: usize,
    /// Steps that plugins add to one plan.
    pub steps: usize,
    /// Content of the files that plugins write in one plan, in MiB.
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
            steps: 10_000,
            content_mib: 64,
        }
    }
}

impl Limits {
    /// Reads limits.toml of a configuration directory; defaults for what it
    /// does not name.
    pub fn read(config: &Path) -> Result<Self, Error> {
        let file = config.join(FILE);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(Error::io("read", &file, e)),
        };
        toml::from_str(&text).map_err(|e| {
            Error::new(Kind::Plugin, format!("{} cannot be read: {}.", file.display(), e.message().trim_end()))
                .hint(format!("Correct {}, or remove it for the default limits.", file.display()))
        })
    }
}

/// A limit that a plugin ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it exceeded the limit of {amount} {what} (`{key}`)")]
pub struct Exceeded {
    pub key: &'static str,
    pub amount: u64,
    pub what: &'static str,
}

impl Limits {
    pub fn no_fuel(&self) -> Exceeded {
        Exceeded { key: "fuel", amount: self.fuel, what: "units of work" }
    }

    pub fn no_memory(&self) -> Exceeded {
        Exceeded { key: "memory-mib", amount: self.memory_mib as u64, what: "MiB of memory" }
    }

    pub fn no_table(&self) -> Exceeded {
        Exceeded { key: "table-elements", amount: self.table_elements as u64, what: "table elements" }
    }

    pub fn no_resources(&self) -> Exceeded {
        Exceeded { key: "resources", amount: self.resources as u64, what: "open resources" }
    }

    pub fn no_reads(&self) -> Exceeded {
        Exceeded { key: "read-mib", amount: self.read_mib as u64, what: "MiB read from files and directories" }
    }

    pub fn no_steps(&self) -> Exceeded {
        Exceeded { key: "steps", amount: self.steps as u64, what: "steps in one plan" }
    }

    pub fn no_content(&self) -> Exceeded {
        Exceeded { key: "content-mib", amount: self.content_mib as u64, what: "MiB of file content in one plan" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_what_it_names_and_keeps_the_other_defaults() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "steps = 5\n").unwrap();
        let limits = Limits::read(dir.path()).unwrap();
        assert_eq!((limits.steps, limits.fuel), (5, Limits::default().fuel));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "fule = 5\n").unwrap();
        assert!(Limits::read(dir.path()).unwrap_err().message.contains("fule"));
    }
}
