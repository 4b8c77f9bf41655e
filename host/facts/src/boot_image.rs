//! A boot image: the initial RAM file system, read as the kernel reads it.
//!
//! An image is a row of archives. Each is a cpio archive, plain or compressed; NULs
//! between them are skipped. Any number and mix is allowed, so a module may be in the
//! first archive or behind the compressed one, and of two files of one name the later
//! counts.
//!
//! Source: the kernel's `init/initramfs.c`, `unpack_to_rootfs`.

mod cpio;
mod identity;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use crate::kernel::module_stem;
use crate::kernel_compression::{KernelCompression, lzma};
use cpio::{Member, invalid, members};
pub use identity::{ModuleIdentity, Sameness};
use source::Source;

/// How much an image may unpack to, in bytes.
const UNPACKED_LIMIT: u64 = 4 << 30;

/// How many files an image may have.
const MOST_MEMBERS: u64 = 500_000;

/// The largest module file, in bytes.
const MODULE_LIMIT: u64 = 512 << 20;

/// The largest index of modules, in bytes.
const INDEX_LIMIT: u64 = 64 << 20;

/// The most memory that the indexes and the names of module files take, in bytes.
const NAMES_LIMIT: u64 = 64 << 20;

/// The memory that a module file of an image takes beside its name, and that a name of an index takes, in bytes.
const FILE_COST: u64 = 256;
const NAME_COST: u64 = 64;

/// Files that hold further files, which are not looked at: file systems that some tools put
/// into an image.
const NESTED: [&str; 4] = ["squashfs-root.img", "erofs-root.img", "squash-root.img", "squash/root.img"];

/// The contents of a boot image, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootImage {
    pub archives: Vec<Archive>,
    /// The part of each kernel's module directory that the image holds, by release.
    pub kernels: BTreeMap<String, KernelModules>,
    /// File systems inside of it, whose files are not known.
    pub nested: Vec<String>,
}

impl BootImage {
    /// Adds what another file holds that the boot loader loads behind this one.
    pub fn append(&mut self, other: Self) {
        self.archives.extend(other.archives);
        self.nested.extend(other.nested);
        for (release, modules) in other.kernels {
            let known = self.kernels.entry(release).or_default();
            known.files.extend(modules.files);
            known.indexed = modules.indexed.or(known.indexed.take());
        }
    }
}

/// One archive of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// `none`, or as the kernel names the compression.
    pub compression: String,
    /// How many files it has.
    pub members: u64,
}

/// The modules that an image holds for one kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelModules {
    /// The module files, by the path below the module directory; `None` for a file that cannot be unpacked.
    pub files: BTreeMap<String, Option<ModuleIdentity>>,
    /// The files that depmod's index in the image names; `None` without an index.
    pub indexed: Option<BTreeSet<String>>,
}

impl KernelModules {
    /// The files of a module, by its name; `-` and `_` are the same in names.
    pub fn named<'m>(&'m self, module: &'m str) -> impl Iterator<Item = (&'m str, Option<&'m ModuleIdentity>)> {
        let is_named = move |path: &str| {
            let file = path.rsplit('/').next().unwrap_or(path);
            module_stem(file).is_some_and(|(stem, _)| stem.replace('-', "_") == module.replace('-', "_"))
        };
        let files = self.files.iter().map(|(path, identity)| (path.as_str(), identity.as_ref()));
        files.filter(move |(path, _)| is_named(path))
    }
}

/// Why an image cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BootImageError {
    /// The file cannot be read, which says nothing about what it holds.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// The kernel may unpack it; this program does not.
    #[error("its part at byte {offset} is not read here: {why}")]
    Unsupported { offset: u64, why: String },
    /// The kernel does not unpack it either.
    #[error("it is damaged: its part at byte {offset} ends with an error ({why})")]
    Damaged { offset: u64, why: String },
}

/// Reads an image to its end.
///
/// # Errors
/// [`BootImageError`]. Memory is bounded by the largest module and by the names that any image has, whatever the
/// image holds.
pub fn read(image: impl Read) -> Result<BootImage, BootImageError> {
    let mut source = Source::new(image);
    let mut found = Found { image: BootImage::default(), streamed: 0, unpacked: 0, members: 0, names: 0 };
    loop {
        let mut begin = || {
            source.skip_nuls()?;
            Ok::<_, io::Error>((source.position(), source.peek(8)?.to_vec()))
        };
        let (offset, first) = begin().map_err(BootImageError::Unreadable)?;
        if first.is_empty() {
            return Ok(found.image);
        }
        let read = found.archive(&mut source, offset, &first);
        read.map_err(|error| match source.failure() {
            Some(failure) => BootImageError::Unreadable(failure),
            None => blame(error, offset),
        })?;
    }
}

fn blame(error: io::Error, offset: u64) -> BootImageError {
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
        _ => error.to_string(),
    };
    match error.kind() {
        io::ErrorKind::Unsupported | io::ErrorKind::OutOfMemory => BootImageError::Unsupported { offset, why },
        _ => BootImageError::Damaged { offset, why },
    }
}

fn unsupported(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why.into())
}

/// The part of an image that has been read so far.
struct Found {
    image: BootImage,
    /// Bytes that decompressors have given: files, headers, names and padding.
    streamed: u64,
    /// Bytes of contents, as headers of files announce them, and what compressed modules unpack to.
    unpacked: u64,
    members: u64,
    /// Bytes of memory that indexes and names take.
    names: u64,
}

impl Found {
    /// Reads the archive that begins with these bytes.
    fn archive<R: Read>(&mut self, source: &mut Source<R>, offset: u64, first: &[u8]) -> io::Result<()> {
        let before = self.members;
        let compression = if first.starts_with(b"0") && offset.is_multiple_of(4) {
            self.members(source)?;
            "none"
        } else {
            let compression = KernelCompression::of(first)
                .ok_or_else(|| invalid("it begins like no archive that a kernel unpacks"))?;
            self.compressed(source, compression)?;
            compression.name()
        };
        let members = self.members - before;
        self.image.archives.push(Archive { offset, compression: compression.to_owned(), members });
        Ok(())
    }

    fn compressed<R: Read>(&mut self, source: &mut Source<R>, compression: KernelCompression) -> io::Result<()> {
        if compression == KernelCompression::Lzma {
            // Its reader reads ahead.
            let mut reader = Source::new(lzma(&mut *source)?).within(self.room());
            self.unpacked(&mut reader)?;
            let (_, unused) = reader.into_inner().into_parts();
            source.give_back(&unused);
            return Ok(());
        }
        let reader = compression.unpack(source)?;
        let reader = reader.ok_or_else(|| unsupported(format!("it is compressed with {}", compression.name())))?;
        self.unpacked(&mut Source::new(reader).within(self.room()))
    }

    /// How many bytes decompressors may still give.
    fn room(&self) -> u64 {
        UNPACKED_LIMIT.saturating_sub(self.streamed)
    }

    /// Reads what was compressed: archives with NULs between them.
    fn unpacked<R: Read>(&mut self, source: &mut Source<R>) -> io::Result<()> {
        loop {
            source.skip_nuls()?;
            match source.peek(1)? {
                [] => {
                    self.streamed = self.streamed.saturating_add(source.position());
                    return Ok(());
                }
                b"0" => self.members(source)?,
                _ => return Err(invalid("junk within compressed archive")),
            }
        }
    }

    fn members<R: Read>(&mut self, source: &mut Source<R>) -> io::Result<()> {
        members(source, &mut |member, contents| self.take(member, contents))
    }

    fn take(&mut self, member: &Member, contents: &mut dyn Read) -> io::Result<()> {
        self.members += 1;
        self.unpacked = self.unpacked.saturating_add(member.size);
        if self.members > MOST_MEMBERS || self.unpacked > UNPACKED_LIMIT {
            return Err(too_large());
        }
        let name = member.name.trim_start_matches("./").trim_start_matches('/');
        if !member.is_regular() {
            return Ok(());
        }
        if NESTED.contains(&name) {
            self.image.nested.push(name.to_owned());
        }
        let Some((release, file)) = below_modules(name) else { return Ok(()) };
        if file == "modules.dep" {
            self.keep(name.len() as u64 + member.size)?;
            let text = whole(member, contents, INDEX_LIMIT)?;
            let mut index = BTreeSet::new();
            for line in text.split(|byte| *byte == b'\n') {
                let Some(end) = memchr::memchr(b':', line) else { continue };
                self.keep(NAME_COST)?;
                index.insert(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            self.kernel(release).indexed = Some(index);
        } else if file.rsplit('/').next().is_some_and(|file| module_stem(file).is_some()) {
            // Of a file with several names, the last one has the contents.
            let is_elsewhere = member.size == 0 && member.links > 1;
            self.keep(name.len() as u64 + FILE_COST)?;
            let module = whole(member, contents, MODULE_LIMIT)?;
            let identity = if is_elsewhere { None } else { self.identity(module)? };
            self.kernel(release).files.insert(file.to_owned(), identity);
        }
        Ok(())
    }

    /// Identifies a module file. What it unpacks to counts as what the image unpacks to.
    fn identity(&mut self, module: Vec<u8>) -> io::Result<Option<ModuleIdentity>> {
        let before = UNPACKED_LIMIT.saturating_sub(self.unpacked);
        let mut room = before;
        let identity = ModuleIdentity::of_one(module, &mut room);
        self.unpacked += before - room;
        // Of a file that does not fit, nothing is known.
        if identity.is_none() && room == 0 { Err(too_large()) } else { Ok(identity) }
    }

    /// Counts memory that is kept to the end.
    fn keep(&mut self, bytes: u64) -> io::Result<()> {
        self.names = self.names.saturating_add(bytes);
        if self.names > NAMES_LIMIT {
            let why = "its indexes and names of modules take more than";
            return Err(unsupported(format!("{why} {} MiB, which is more than any image needs", NAMES_LIMIT >> 20)));
        }
        Ok(())
    }

    fn kernel(&mut self, release: &str) -> &mut KernelModules {
        self.image.kernels.entry(release.to_owned()).or_default()
    }
}

fn too_large() -> io::Error {
    unsupported(format!("it holds more than {MOST_MEMBERS} files or {} MiB", UNPACKED_LIMIT >> 20))
}

/// A kernel's release, and the path below its module directory.
fn below_modules(name: &str) -> Option<(&str, &str)> {
    let name = name.strip_prefix("usr/").unwrap_or(name);
    name.strip_prefix("lib/modules/")?.split_once('/')
}

fn whole(member: &Member, contents: &mut dyn Read, limit: u64) -> io::Result<Vec<u8>> {
    if member.size > limit {
        return Err(unsupported(format!("its file {} is larger than {} MiB", member.name, limit >> 20)));
    }
    let mut bytes = Vec::new();
    contents.read_to_end(&mut bytes)?;
    if bytes.len() as u64 == member.size { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests;
