//! Facts that are read from large files, in the cache: an entry is valid while the file's stamp and
//! its first bytes are as they were.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::flow::invocation::cache::{Cache, entry_name};
use modsmith_facts::{Stamp, inside};

/// How many bytes of a file are compared with those of before.
const HEAD: u64 = 4096;

/// What is kept of one file.
#[derive(Debug, Serialize, Deserialize)]
struct Entry<T> {
    schema_version: u32,
    file: PathBuf,
    stamp: Stamp,
    head: u64,
    facts: T,
}

/// The facts of a file, from the cache if it has them; else read from the file, and kept.
/// `schema_version` is increased when the facts or their meaning change.
pub(crate) fn read_cached<T: Serialize + DeserializeOwned, E>(
    cache: &Cache,
    schema_version: u32,
    file: &Path,
    read: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    let Some((stamp, head)) = Stamp::settled(&inside::real(file)).zip(head(file).ok()) else { return read(file) };
    let name = entry_name(file);
    let fits = |entry: &Entry<T>| {
        (entry.schema_version, entry.file.as_path(), entry.stamp, entry.head) == (schema_version, file, stamp, head)
    };
    if let Some(entry) = cache.known(&name, fits) {
        return Ok(entry.facts);
    }
    let facts = read(file)?;
    let entry = Entry { schema_version, file: file.to_owned(), stamp, head, facts };
    cache.keep(&name, &entry);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_a_file_are_kept_while_the_file_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let (file, directory) = (dir.path().join("file"), dir.path().join("cache"));
        let cache = Cache::new(vec![directory.clone()], "kind");
        let write = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
            std::fs::File::options().write(true).open(&file).unwrap().set_modified(then).unwrap();
        };
        let read = |schema_version, known: &str| {
            read_cached(&cache, schema_version, &file, |_| Ok::<_, std::io::Error>(known.to_owned())).unwrap()
        };
        write("a");
        assert_eq!(read(1, "first"), "first");
        assert_eq!(read(1, "second"), "first", "from the cache");
        assert_eq!(read(2, "second"), "second", "of another version");
        write("b");
        assert_eq!(read(1, "third"), "third", "of another file");
        std::fs::write(directory.join("kind").join(entry_name(&file)), "damaged").unwrap();
        assert_eq!(read(1, "fourth"), "fourth", "a damaged entry");
        write("c");
        assert!(read_cached(&cache, 1, &file, |_| Err::<String, _>(())).is_err());
        assert_eq!(read(1, "fifth"), "fifth", "an error is not kept");
    }
}
