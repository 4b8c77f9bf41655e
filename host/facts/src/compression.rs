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

/// As [`decompress`], for files of another kind: a result of more than `limit` bytes is an error.
pub fn decompress_within(bytes: Vec<u8>, limit: u64) -> io::Result<Vec<u8>> {
    let mut out = Bounded { bytes: Vec::new(), limit };
    if bytes.starts_with(&[0x1f, 0x8b]) {
        io::copy(&mut flate2::read::GzDecoder::new(bytes.as_slice()), &mut out)?;
    } else if bytes.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        io::copy(&mut unxz(bytes.as_slice()), &mut out)?;
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(bytes.as_slice(), ZSTD_WINDOW);
        io::copy(&mut decoder.map_err(io::Error::other)?, &mut out)?;
    } else {
        return Ok(bytes);
    }
    Ok(out.bytes)
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
}

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + more.len()) as u64 > self.limit {
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
        // What has no bounds is to end this test, not the machine.
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
    fn zstd_that_looks_back_too_far_is_refused_before_memory_is_taken() {
        // Source: RFC 8878, 3.1.1.1.2: a window of 2 GiB.
        let error = decompress(vec![0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3]).unwrap_err().to_string();
        assert!(error.contains("window_size is too big"), "{error}");
    }
}
