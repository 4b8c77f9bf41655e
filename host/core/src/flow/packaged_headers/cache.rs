//! What was unpacked, below the directory of caches. Entries appear whole or not at all, and may be deleted
//! at any time when nothing is built.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::PackageFile;
use super::join::join;
use super::union::{Extent, Union};
use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::packages::unpack_files;
use crate::flow::store::builds::caches;
use modsmith_facts::{DIGEST_PREFIX, LockFile, digest, inside};
use modsmith_plugins::SearchPath;

/// The directory below that of caches.
const NAME: &str = "headers";
/// Below it: the files of each package, by its digest.
const PACKAGES: &str = "packages";
/// And those of all packages of a kernel, by the digest of theirs.
const KERNELS: &str = "kernels";
/// And the lock of who adds or removes entries.
const LOCK: &str = "lock";
/// In an entry of a kernel: its files, and what is known of them.
const FILES: &str = "files";
const DESCRIPTION: &str = "headers.json";

/// Increased when the same packages are unpacked in another way than before.
const SCHEMA: &str = "1";

/// What is known of a kernel's entry.
#[derive(Serialize, Deserialize)]
struct Description {
    release: String,
    /// The directory of the headers, below the files.
    headers: PathBuf,
}

pub(super) struct HeadersCache {
    directory: PathBuf,
}

impl HeadersCache {
    /// Opens the cache, and makes its directories if they are missing. What is unpacked is readable for all
    /// users, because recipes run as another one.
    pub fn open(run: &Invocation<'_>) -> Result<Self> {
        let directory = directory(run).ok_or_else(|| {
            Error::new(Kind::System, "There is no directory of caches, where packages are unpacked.")
                .hint("Set HOME, or unpack the packages by hand and name the directories of the headers.")
        })?;
        for part in [PACKAGES, KERNELS] {
            let part = directory.join(part);
            make_for_all(&part).map_err(|error| Error::io("make", &part, error))?;
        }
        let directory = directory.canonicalize().map_err(|error| Error::io("use", &directory, error))?;
        Ok(Self { directory })
    }

    /// The cache, if something was unpacked before.
    pub fn existing(run: &Invocation<'_>) -> Option<Self> {
        let directory = directory(run).filter(|directory| directory.is_dir())?;
        Some(Self { directory })
    }

    /// Removes what was not used for so long, and what others who were killed have left. Returns how many
    /// entries that were. The lock is held.
    pub fn collect(&self, unused_for: Duration) -> Result<usize> {
        let mut removed = 0;
        for part in [PACKAGES, KERNELS].map(|part| self.directory.join(part)) {
            let unreadable = |error| Error::io("read", &part, error);
            for entry in std::fs::read_dir(&part).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let is_left = entry.file_name().as_encoded_bytes().starts_with(b".");
                let modified = entry.metadata().and_then(|metadata| metadata.modified()).map_err(unreadable)?;
                let is_unused = SystemTime::now().duration_since(modified).is_ok_and(|age| age >= unused_for);
                if !is_left && !is_unused {
                    continue;
                }
                let path = entry.path();
                // Under this name nothing is taken for an entry, should the removal be interrupted.
                let aside = part.join(format!(".old-{}", entry.file_name().display()));
                std::fs::rename(&path, &aside)
                    .and_then(|()| std::fs::remove_dir_all(&aside))
                    .map_err(|error| Error::io("remove", &path, error))?;
                removed += usize::from(!is_left);
            }
        }
        Ok(removed)
    }

    /// Keeps others from unpacking the same, for as long as what is returned lives.
    pub fn lock(&self) -> Result<LockFile> {
        let lock = File::open(&self.directory).and_then(|directory| LockFile::acquire(directory, LOCK));
        lock.map_err(|error| Error::io("lock", &self.directory.join(LOCK), error))
    }

    /// The directory with the files of a package, which is unpacked if need be. The lock is held.
    pub fn unpacked(&self, run: &Invocation<'_>, package: &PackageFile) -> Result<PathBuf> {
        let entry = self.directory.join(PACKAGES).join(entry_name(&[&package.digest]));
        if !entry.is_dir() {
            unpack_files(run, &package.path, &entry)?;
        }
        note_use(&entry);
        Ok(entry)
    }

    /// The headers that consist of packages with these digests, if they were put together.
    pub fn known<'d>(&self, digests: impl Iterator<Item = &'d str>) -> Result<Option<PathBuf>> {
        let entry = self.entry(digests);
        let file = entry.join(DESCRIPTION);
        if !file.exists() {
            return Ok(None);
        }
        let text = inside::read_configuration(&file).map_err(|error| Error::io("read", &file, error))?;
        let damaged = |error: serde_json::Error| {
            Error::new(Kind::System, format!("{} is damaged: {error}.", file.display()))
                .hint(format!("Delete {}: the packages are then unpacked again.", entry.display()))
        };
        let description: Description = serde_json::from_slice(&text).map_err(damaged)?;
        note_use(&entry);
        Ok(Some(entry.join(FILES).join(description.headers)))
    }

    /// The directory of a kernel's headers, put together if need be. The lock is held.
    pub fn joined(&self, union: &Union, extent: &Extent, headers: &Path, release: &str) -> Result<PathBuf> {
        let digests = || extent.packages.iter().map(|package| union.0[*package].file.digest.as_str());
        if let Some(known) = self.known(digests())? {
            return Ok(known);
        }
        let entry = self.entry(digests());
        let kernels = self.directory.join(KERNELS);
        let scratch = tempfile::Builder::new().prefix(".new-").tempdir_in(&kernels);
        let scratch = scratch.map_err(|error| Error::io("make a directory in", &kernels, error))?;
        let path = scratch.path();
        join(union, extent, &path.join(FILES), &entry.join(FILES))?;
        let description = Description { release: release.to_owned(), headers: headers.to_path_buf() };
        let text = serde_json::to_vec(&description).expect("text can be written as JSON");
        let file = path.join(DESCRIPTION);
        std::fs::write(&file, text)
            .and_then(|()| std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)))
            .and_then(|()| std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)))
            .and_then(|()| std::fs::rename(path, &entry))
            .map_err(|error| Error::io("make", &entry, error))?;
        Ok(entry.join(FILES).join(headers))
    }

    fn entry<'d>(&self, digests: impl Iterator<Item = &'d str>) -> PathBuf {
        let mut digests: Vec<&str> = digests.collect();
        digests.sort_unstable();
        self.directory.join(KERNELS).join(entry_name(&digests))
    }
}

/// Makes a directory and those above it that are missing, for all users to read, whatever the umask is.
fn make_for_all(path: &Path) -> io::Result<()> {
    let made = match (std::fs::create_dir(path), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == ErrorKind::NotFound => {
            make_for_all(parent)?;
            std::fs::create_dir(path)
        }
        (made, _) => made,
    };
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|()| std::fs::set_permissions(path, PermissionsExt::from_mode(0o755))),
    }
}

fn directory(run: &Invocation<'_>) -> Option<PathBuf> {
    let caches = match rustix::process::geteuid().is_root() {
        true => caches(&run.env),
        false => SearchPath::from_environment().caches.into_iter().next(),
    };
    Some(caches?.join(NAME))
}

/// The time of an entry is that of its last use.
fn note_use(entry: &Path) {
    let noted = File::open(entry).and_then(|directory| directory.set_modified(SystemTime::now()));
    if let Err(error) = noted {
        tracing::debug!("the use of {} is not noted: {error}", entry.display());
    }
}

/// A plain name for what was made of files with these digests.
fn entry_name(digests: &[&str]) -> String {
    let all = digest(format!("{SCHEMA}\n{}", digests.join("\n")).as_bytes());
    all.trim_start_matches(DIGEST_PREFIX).to_owned()
}
