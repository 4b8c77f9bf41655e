//! The files of an entry as one archive: how they travel to another store.
//!
//! The archive is a tar with gzip, as a layer of an OCI image is. The same files make the same
//! bytes: their order is that of their names, and times, owners and permissions are fixed.
//! An unpacked archive is compared with the entry file by file; nothing is written meanwhile.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{Archive, Builder, EntryType, Header};

use crate::entry::{Entry, StoredFile};
use crate::store::Fault;
use modsmith_facts::{digest, digest_of};

/// A block of a tar file, in bytes.
const BLOCK: u64 = 512;
/// Blocks of a file that are not its contents: header, long name and its header, padding.
const BLOCKS_OF_FILE: u64 = 6;

/// Writes files by their names below a directory, which is relative, as tar with gzip.
///
/// # Errors
/// The sink cannot be written to; an archive cannot have a name.
pub fn pack(files: &BTreeMap<String, Vec<u8>>, directory: &str, sink: impl Write) -> io::Result<()> {
    // No time, no name, and "unknown" as the system: the bytes are those of the contents alone.
    let gzip = GzBuilder::new().mtime(0).operating_system(255).write(sink, Compression::default());
    let mut tar = Builder::new(gzip);
    for directory in
        Path::new(directory).ancestors().filter(|path| !path.as_os_str().is_empty()).collect::<Vec<_>>().iter().rev()
    {
        let mut header = header(EntryType::Directory, 0, 0o755);
        tar.append_data(&mut header, format!("{}/", directory.display()), io::empty())?;
    }
    for (name, contents) in files {
        let mut header = header(EntryType::Regular, contents.len() as u64, 0o644);
        tar.append_data(&mut header, Path::new(directory).join(name), contents.as_slice())?;
    }
    tar.into_inner()?.finish()?.flush()
}

/// The digest of the tar inside such an archive, as images name their layers.
///
/// # Errors
/// The archive cannot be read.
pub fn unpacked_digest(archive: impl Read) -> io::Result<String> {
    digest_of(GzDecoder::new(archive))
}

fn header(kind: EntryType, size: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// The files of an entry from such an archive.
///
/// # Errors
/// [`Fault`]: the archive is damaged, or does not have exactly what the entry names.
pub fn unpack(entry: &Entry, directory: &str, archive: impl Read) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let depth = Path::new(directory).components().count() as u64;
    let longest = entry.size() + BLOCK * (BLOCKS_OF_FILE * (entry.files.len() as u64 + depth) + 2);
    let mut archive = Archive::new(GzDecoder::new(archive).take(longest));
    let unreadable = |error: io::Error| Fault(format!("its archive cannot be read: {error}"));
    let mut files = BTreeMap::new();
    for member in archive.entries().map_err(unreadable)? {
        let member = member.map_err(unreadable)?;
        let path = member.path().map_err(unreadable)?.into_owned();
        if member.header().entry_type() == EntryType::Directory {
            continue;
        }
        let foreign = || Fault(format!("its archive has {}, which is no file of it", path.display()));
        let name = path.strip_prefix(directory).ok().and_then(Path::to_str).ok_or_else(foreign)?.to_owned();
        let stored = entry.files.get(&name).filter(|_| member.header().entry_type() == EntryType::Regular);
        let stored = stored.filter(|_| !files.contains_key(&name)).ok_or_else(foreign)?;
        let contents = contents(stored, member).map_err(unreadable)?;
        files.insert(name.clone(), contents.ok_or_else(|| Fault(format!("its file {name} was changed")))?);
    }
    match entry.files.keys().find(|name| !files.contains_key(*name)) {
        Some(name) => Err(Fault(format!("its file {name} is missing"))),
        None => Ok(files),
    }
}

/// `None`: they are not those that were stored.
fn contents(stored: &StoredFile, member: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut contents = Vec::new();
    member.take(stored.size + 1).read_to_end(&mut contents)?;
    let is_same = contents.len() as u64 == stored.size && digest(&contents) == stored.digest;
    Ok(is_same.then_some(contents))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::Inputs;

    const DIRECTORY: &str = "opt/lib/modules/6.1";

    fn files() -> BTreeMap<String, Vec<u8>> {
        let long = format!("{}.ko", "x".repeat(150));
        [("b.ko", &b"second"[..]), ("a.ko", b"first"), (&long, b"")]
            .map(|(name, contents)| (name.to_owned(), contents.to_vec()))
            .into()
    }

    fn entry(files: &BTreeMap<String, Vec<u8>>) -> Entry {
        let stored = |contents: &Vec<u8>| StoredFile { size: contents.len() as u64, digest: digest(contents) };
        let list = files.iter().map(|(name, contents)| (name.clone(), stored(contents))).collect();
        Entry::new(Inputs::default(), serde_json::Map::new(), list)
    }

    fn packed(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
        let mut bytes = Vec::new();
        pack(files, DIRECTORY, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_packed_comes_back_and_packing_twice_gives_the_same_bytes() {
        let files = files();
        let bytes = packed(&files);
        assert_eq!(bytes, packed(&files));
        assert_eq!(unpack(&entry(&files), DIRECTORY, bytes.as_slice()), Ok(files));
    }

    #[test]
    fn an_archive_with_anything_else_than_the_entry_is_refused() {
        let good = files();
        let entry = entry(&good);
        let refused = |files: &BTreeMap<String, Vec<u8>>| {
            unpack(&entry, DIRECTORY, packed(files).as_slice()).unwrap_err().to_string()
        };
        let with = |name: &str, contents: &[u8]| {
            let mut files = good.clone();
            files.insert(name.to_owned(), contents.to_vec());
            files
        };
        assert_eq!(refused(&with("a.ko", b"fiRst")), "its file a.ko was changed");
        assert_eq!(refused(&with("a.ko", b"firs")), "its file a.ko was changed");
        assert!(refused(&with("a.ko", &vec![0; 1 << 20])).contains("a.ko was changed"));
        assert!(refused(&with("evil", b"x")).contains("which is no file of it"));
        let mut fewer = good.clone();
        fewer.remove("b.ko");
        assert_eq!(refused(&fewer), "its file b.ko is missing");
        assert!(unpack(&entry, "opt/lib/modules/6.2", packed(&good).as_slice()).is_err());
    }

    #[test]
    fn a_damaged_archive_is_refused_wherever_it_is_damaged() {
        let good = files();
        let (entry, bytes) = (entry(&good), packed(&good));
        for end in 0..bytes.len() - 8 {
            let read = unpack(&entry, DIRECTORY, &bytes[..end]);
            assert!(read.is_err() || read == Ok(good.clone()), "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x55;
            let read = unpack(&entry, DIRECTORY, bytes.as_slice());
            assert!(read.is_err() || read == Ok(good.clone()), "changed at {at}");
        }
    }

    #[test]
    fn links_and_climbing_names_are_refused() {
        let good = files();
        for (kind, name) in [(EntryType::Symlink, "a.ko"), (EntryType::Link, "a.ko"), (EntryType::Regular, "../a.ko")] {
            let mut tar = Builder::new(GzBuilder::new().write(Vec::new(), Compression::fast()));
            let mut header = header(kind, 0, 0o644);
            // The library refuses such a name, so that it is written as bytes.
            let path = format!("{DIRECTORY}/{name}");
            header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            tar.append(&header, io::empty()).unwrap();
            let bytes = tar.into_inner().unwrap().finish().unwrap();
            let refused = unpack(&entry(&good), DIRECTORY, bytes.as_slice()).unwrap_err().to_string();
            assert!(refused.contains("which is no file of it"), "{refused}");
        }
    }
}
