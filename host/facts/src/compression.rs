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

/// Decompresses gzip, xz or zstd, recognised by the first bytes.
pub fn decompress(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    decompress_within(bytes, u64::MAX)
}

/// As [`decompress`]; a result of more than `limit` bytes is an error.
pub fn decompress_within(bytes: Vec<u8>, limit: u64) -> io::Result<Vec<u8>> {
    let mut out = Bounded { bytes: Vec::new(), limit };
    if bytes.starts_with(&[0x1f, 0x8b]) {
        io::copy(&mut flate2::read::GzDecoder::new(bytes.as_slice()), &mut out)?;
    } else if bytes.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        io::copy(&mut unxz(bytes.as_slice()), &mut out)?;
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let mut decoder = ruzstd::decoding::StreamingDecoder::new(bytes.as_slice()).map_err(io::Error::other)?;
        io::copy(&mut decoder, &mut out)?;
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
            return Err(io::Error::other(format!("it is larger than {} bytes", self.limit)));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
