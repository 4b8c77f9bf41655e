//! What is read from large files, and kept: it counts while the file's stamp and its first
//! bytes are as they were.
//!
//! What is wrong with what was kept is a miss, never an error.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use modsmith_facts::{Stamp, inside, read_trusted};

/// How many bytes of a file are compared with those of before.
const HEAD: u64 = 4096;

/// A kind of facts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// The directory below that of the caches.
    pub directory: &'static str,
    /// Increased when the facts or their meaning change.
    pub schema_version: u32,
}

/// What is kept of one file.
#[derive(Debug, Serialize, Deserialize)]
struct Entry<T> {
    schema_version: u32,
    image: PathBuf,
    stamp: Stamp,
    head: u64,
    facts: T,
}

/// The facts of a file, from the first cache that has them; else read from the file,
/// and kept in the first cache.
pub(super) fn kept<T: Serialize + DeserializeOwned, E>(
    kind: Kind,
    file: &Path,
    caches: &[PathBuf],
    read: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    let Some((stamp, head)) = Stamp::settled(&inside::real(file)).zip(head(file).ok()) else { return read(file) };
    let name = entry_name(file);
    let fits = |entry: &Entry<T>| {
        (entry.schema_version, entry.image.as_path(), entry.stamp, entry.head)
            == (kind.schema_version, file, stamp, head)
    };
    for cache in caches {
        let known = read_trusted(cache, &Path::new(kind.directory).join(&name)).ok().flatten();
        let known = known.and_then(|text| serde_json::from_slice::<Entry<T>>(&text).ok());
        if let Some(entry) = known.filter(fits) {
            return Ok(entry.facts);
        }
    }
    let facts = read(file)?;
    let entry = Entry { schema_version: kind.schema_version, image: file.to_owned(), stamp, head, facts };
    if let Some(cache) = caches.first()
        && let Err(error) = keep(&cache.join(kind.directory), &name, &entry)
    {
        tracing::debug!(cache = %cache.display(), "facts of {} are not kept: {error}", file.display());
    }
    Ok(entry.facts)
}

/// A number that tells the first bytes of files apart.
fn head(file: &Path) -> std::io::Result<u64> {
    let mut bytes = Vec::new();
    if let Some(file) = inside::open(file)? {
        file.take(HEAD).read_to_end(&mut bytes)?;
    }
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Ok(hasher.finish())
}

/// A plain name; of two files that have the same one, the later is kept.
fn entry_name(file: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    file.hash(&mut hasher);
    format!("{:016x}.json", hasher.finish())
}

fn keep<T: Serialize>(directory: &Path, name: &str, entry: &Entry<T>) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
    let temporary = tempfile::NamedTempFile::new_in(directory)?;
    serde_json::to_writer(std::io::BufWriter::new(temporary.as_file()), entry)?;
    temporary.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    temporary.persist(directory.join(name)).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { directory: "kind", schema_version: 1 };

    #[test]
    fn facts_of_a_file_are_kept_while_the_file_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let (file, caches) = (dir.path().join("file"), vec![dir.path().join("cache")]);
        let write = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
            std::fs::File::options().write(true).open(&file).unwrap().set_modified(then).unwrap();
        };
        let read = |kind: Kind, known: &str| {
            kept(kind, &file, &caches, |_| Ok::<_, std::io::Error>(known.to_owned())).unwrap()
        };
        write("a");
        assert_eq!(read(KIND, "first"), "first");
        assert_eq!(read(KIND, "second"), "first", "from the cache");
        assert_eq!(read(Kind { schema_version: 2, ..KIND }, "second"), "second", "of another version");
        write("b");
        assert_eq!(read(KIND, "third"), "third", "of another file");
        std::fs::write(caches[0].join("kind").join(entry_name(&file)), "damaged").unwrap();
        assert_eq!(read(KIND, "fourth"), "fourth", "a damaged entry");
        write("c");
        assert!(kept(KIND, &file, &caches, |_| Err::<String, _>(())).is_err());
        assert_eq!(read(KIND, "fifth"), "fifth", "an error is not kept");
    }
}
