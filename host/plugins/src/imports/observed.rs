//! The facts that plugins read from the system while they are called, for a record.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use modsmith_facts::Compression;

/// One fact that a plugin asked for and got. Paths are those of this machine; what is
/// denied to the plugin, and what is not there, is no observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// A file was read: its bytes as they are on the disk.
    Contents { file: PathBuf, bytes: Vec<u8> },
    /// The permission bits of a file, links followed.
    Mode { file: PathBuf, mode: u32 },
    /// The plugin knows that there is something of this name, and of which kind; links
    /// are not followed.
    Entry(PathBuf),
    /// A field of os-release.
    OsRelease(String),
    /// A program that is installed.
    Program(PathBuf),
    /// The output of a program of `[[probe]]`, without its last newlines.
    Probe { name: String, output: String },
    /// A symbol of the kernel's configuration that is set, without `CONFIG_`.
    Config { symbol: String, value: String },
    /// The compressions of the kernel's modules.
    Compressions(Vec<Compression>),
}

/// Collects observations of all calls that it is lent to.
#[derive(Debug, Clone, Default)]
pub struct Observer(Arc<Mutex<Vec<Observation>>>);

impl Observer {
    /// The observations so far, in order. The next call of this function begins anew.
    pub fn take(&self) -> Vec<Observation> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn note(&self, observation: Observation) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(observation);
    }
}
