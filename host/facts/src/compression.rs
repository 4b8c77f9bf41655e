//! How files are compressed: those of modules, and archives.

use std::io::{self, Read};

use lzma_rust2::XzReader;

/// How module files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    Gzip,
    Xz,
    Zstd,
}

impl Compression {
    pub const ALL: [Compression; 3] = [Compression::Gzip, Compression::Xz, Compression::Zstd];

    /// As kmod and the kernel's configuration name it: `gzip`, `xz`, `zstd`.
    pub fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Xz => "xz",
            Compression::Zstd => "zstd",
        }
    }

    /// The compression of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|compression| compression.name() == name)
    }

    /// The suffix behind `.ko`, with its dot.
    pub fn suffix(self) -> &'static str {
        match self {
            Compression::Gzip => ".gz",
            Compression::Xz => ".xz",
            Compression::Zstd => ".zst",
        }
    }
}

/// The largest module, compressed or not, in bytes: more than the kernel's largest modules have
/// with all of their debugging information.
pub const LARGEST_MODULE: u64 = 512 << 20;

/// The memory that zstd may take for what it looks back at, in bytes. Source: zstd(1), `--memory`,
/// whose default this is.
const ZSTD_WINDOW: u64 = 128 << 20;

/// Decompresses a module: gzip, xz or zstd, recognised by the first bytes.
///
/// # Errors
/// A damaged file; one that is larger than [`LARGEST_MODULE`].
pub fn decompress(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    decompress_within(bytes, LARGEST_MODULE)
}

/// As [`decompress`], for one of many files, which all together unpack to `room` at most. What the file unpacks to
/// is taken from `room`, also if it is damaged or too large: nothing is left in `room` if the file does not fit.
pub(crate) fn decompress_of(bytes: Vec<u8>, room: &mut u64) -> io::Result<Vec<u8>> {
    let mut out = Bounded { bytes: Vec::new(), limit: LARGEST_MODULE.min(*room), is_full: false };
    let unpacked = unpack(bytes, &mut out);
    *room -= if out.is_full { out.limit } else { out.bytes.len() as u64 };
    Ok(unpacked?.unwrap_or(out.bytes))
}

/// As [`decompress`], for files of another kind: a result of more than `limit` bytes is an error.
pub fn decompress_within(bytes: Vec<u8>, limit: u64) -> io::Result<Vec<u8>> {
    let mut out = Bounded { bytes: Vec::new(), limit, is_full: false };
    Ok(unpack(bytes, &mut out)?.unwrap_or(out.bytes))
}

/// Unpacks what is compressed; gives back what is not.
fn unpack(bytes: Vec<u8>, out: &mut Bounded) -> io::Result<Option<Vec<u8>>> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        io::copy(&mut flate2::read::GzDecoder::new(bytes.as_slice()), out)?;
    } else if bytes.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        io::copy(&mut unxz(bytes.as_slice()), out)?;
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(bytes.as_slice(), ZSTD_WINDOW);
        io::copy(&mut decoder.map_err(io::Error::other)?, out)?;
    } else {
        return Ok(Some(bytes));
    }
    Ok(None)
}

/// A reader of xz, which a dictionary that no preset of xz has cannot make larger
/// than memory.
pub fn unxz<R: Read>(compressed: R) -> XzReader<R> {
    XzReader::new_mem_limit(compressed, true, 256 << 10)
}

/// Memory that does not grow without end.
struct Bounded {
    bytes: Vec<u8>,
    limit: u64,
    /// Whether there were more bytes than fit.
    is_full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + more.len()) as u64 > self.limit {
            self.is_full = true;
            return Err(io::Error::other(format!("it unpacks to more than {} MiB", self.limit >> 20)));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_unpacks_without_end_is_an_error() {
        // If memory has no bounds, this test ends and the machine does not.
        let most = Some(4 << 30);
        let limit = rustix::process::Rlimit { current: most, maximum: most };
        rustix::process::setrlimit(rustix::process::Resource::As, limit).unwrap();
        let mut packed = flate2::read::GzEncoder::new(io::repeat(0).take(6 << 30), flate2::Compression::fast());
        let mut bytes = Vec::new();
        // A part of it is enough, and is damaged only behind what is unpacked.
        packed.by_ref().take(4 << 20).read_to_end(&mut bytes).unwrap();
        assert_eq!(decompress(bytes).unwrap_err().to_string(), "it unpacks to more than 512 MiB");
    }

    #[test]
    fn what_one_of_many_files_unpacks_to_is_taken_from_what_is_left() {
        let packed = |count: u64| {
            let mut bytes = Vec::new();
            let mut packed = flate2::read::GzEncoder::new(io::repeat(0).take(count), flate2::Compression::fast());
            packed.read_to_end(&mut bytes).unwrap();
            bytes
        };
        let mut room = 150_000;
        assert_eq!(decompress_of(packed(100_000), &mut room).unwrap().len(), 100_000);
        assert_eq!(room, 50_000);
        assert_eq!(decompress_of(b"plain".to_vec(), &mut room).unwrap(), b"plain");
        assert_eq!(room, 50_000, "the file itself is not counted");
        let mut damaged = packed(30_000);
        damaged.truncate(damaged.len() - 8);
        assert!(decompress_of(damaged, &mut room).is_err());
        assert_eq!(room, 20_000, "it was unpacked all the same");
        assert!(decompress_of(packed(100_000), &mut room).is_err());
        assert_eq!(room, 0);
    }

    #[test]
    fn zstd_that_looks_back_too_far_is_refused_before_memory_is_taken() {
        // Source: RFC 8878, 3.1.1.1.2: a window of 2 GiB.
        let error = decompress(vec![0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3]).unwrap_err().to_string();
        assert!(error.contains("window_size is too big"), "{error}");
    }
}
