//! Facts that took long to gather, kept from one invocation to the next. An entry says
//! itself for what it counts; one that is damaged, or not believed, is a miss and never an error.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use modsmith_facts::read_trusted;
use modsmith_plugins::SearchPath;

/// Entries of one kind.
pub(crate) struct Cache {
    /// All directories are read; only the first one is written.
    directories: Vec<PathBuf>,
    /// The directory below them.
    kind: &'static str,
}

impl Cache {
    pub fn new(directories: Vec<PathBuf>, kind: &'static str) -> Self {
        Self { directories, kind }
    }

    /// The cache of this machine.
    pub fn of_machine(kind: &'static str) -> Self {
        Self::new(SearchPath::from_environment().caches, kind)
    }

    /// The first entry of a name that counts.
    pub fn known<Entry: DeserializeOwned>(&self, name: &str, counts: impl Fn(&Entry) -> bool) -> Option<Entry> {
        self.directories.iter().find_map(|directory| {
            let text = read_trusted(directory, &Path::new(self.kind).join(name)).ok().flatten()?;
            serde_json::from_slice::<Entry>(&text).ok().filter(|entry| counts(entry))
        })
    }

    /// Keeps an entry, where that is possible.
    pub fn keep(&self, name: &str, entry: &impl Serialize) {
        if let Some(directory) = self.directories.first()
            && let Err(error) = write(&directory.join(self.kind), name, entry)
        {
            tracing::debug!(cache = %directory.display(), kind = self.kind, "facts are not kept: {error}");
        }
    }
}

/// A plain name for what is known of a path; of two paths that have the same one, the later is kept.
pub(crate) fn entry_name(path: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    format!("{:016x}.json", hasher.finish())
}

fn write(directory: &Path, name: &str, entry: &impl Serialize) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
    let temporary = tempfile::NamedTempFile::new_in(directory)?;
    serde_json::to_writer(std::io::BufWriter::new(temporary.as_file()), entry)?;
    temporary.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    temporary.persist(directory.join(name)).map_err(|error| error.error)?;
    Ok(())
}
