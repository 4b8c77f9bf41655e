//! The compressions that a kernel unpacks by itself: of its own image, and of the
//! initial RAM file system.
//!
//! Source: the kernel's `lib/decompress.c`, which knows each by its first two bytes,
//! and `lib/decompress_*.c`.

use std::io::{self, BufRead, Read};

/// How much memory a decompressor of lzma or xz may take, in KiB.
const MEMORY_LIMIT: u32 = 512 << 10;

/// The largest window of zstd, in bytes, as the kernel limits it (`ZSTD_WINDOWSIZE_MAX`).
const WINDOW_LIMIT: u64 = 128 << 20;

/// The first bytes of an archive of lz4's old form, as a number.
const LZ4_MAGIC: u32 = 0x184c_2102;

/// The largest block of lz4's old form, unpacked, in bytes.
const LZ4_BLOCK: usize = 8 << 20;

/// A compression of `lib/decompress.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KernelCompression {
    Gzip,
    Bzip2,
    Lzma,
    Xz,
    /// Known, and not read here.
    Lzo,
    Lz4,
    Zstd,
}

impl KernelCompression {
    /// The compression of what begins with these bytes.
    pub fn of(first: &[u8]) -> Option<Self> {
        Some(match first {
            [0x1f, 0x8b | 0x9e, ..] => Self::Gzip,
            [b'B', b'Z', ..] => Self::Bzip2,
            [0x5d, 0, ..] => Self::Lzma,
            [0xfd, b'7', ..] => Self::Xz,
            [0x89, 0x4c, ..] => Self::Lzo,
            [0x02, 0x21, ..] => Self::Lz4,
            [0x28, 0xb5, ..] => Self::Zstd,
            _ => return None,
        })
    }

    /// As the kernel and its configuration name it, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Lzma => "lzma",
            Self::Xz => "xz",
            Self::Lzo => "lzo",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// Unpacks one archive; `None` for lzo. Nothing behind the archive is read, but with
    /// lzma, and with lz4: its old form has no end of its own, and what follows it is taken
    /// for its next block.
    ///
    /// # Errors
    /// A header that is not one; [`io::ErrorKind::OutOfMemory`] for an archive whose
    /// dictionary is larger than 512 MiB.
    pub fn unpack<'s>(self, source: impl BufRead + 's) -> io::Result<Option<Box<dyn Read + 's>>> {
        Ok(Some(match self {
            Self::Gzip => Box::new(flate2::bufread::GzDecoder::new(source)),
            Self::Bzip2 => Box::new(bzip2::bufread::BzDecoder::new(source)),
            Self::Lzma => Box::new(lzma(source)?),
            Self::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(source, false, MEMORY_LIMIT)),
            Self::Lz4 => Box::new(Lz4::new(source)),
            Self::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(source, WINDOW_LIMIT);
                Box::new(decoder.map_err(io::Error::other)?)
            }
            Self::Lzo => return Ok(None),
        }))
    }
}

/// A reader of lzma, which keeps what it has read and not used.
pub(crate) fn lzma<R: Read>(source: R) -> io::Result<lzma_rust2::LzmaReader<R>> {
    lzma_rust2::LzmaReader::new_mem_limit(source, MEMORY_LIMIT, None)
}

/// lz4's old form: blocks of at most 8 MiB, each behind its compressed size in four bytes.
///
/// Source: `lib/decompress_unlz4.c`.
struct Lz4<R> {
    source: R,
    block: Vec<u8>,
    taken: usize,
    is_at_end: bool,
}

impl<R: Read> Lz4<R> {
    fn new(source: R) -> Self {
        Self { source, block: Vec::new(), taken: 0, is_at_end: false }
    }

    /// Four bytes as a number; `None` at the end, and for what is shorter.
    fn number(&mut self) -> io::Result<Option<u32>> {
        let mut bytes = Vec::with_capacity(4);
        self.source.by_ref().take(4).read_to_end(&mut bytes)?;
        Ok(bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)))
    }

    /// Unpacks the next block; an empty one is the end.
    fn next_block(&mut self) -> io::Result<()> {
        self.taken = 0;
        self.block.clear();
        let size = loop {
            match self.number()? {
                // Archives may follow each other.
                Some(LZ4_MAGIC) => {}
                Some(0) | None => {
                    self.is_at_end = true;
                    return Ok(());
                }
                Some(size) => break size,
            }
        };
        if u64::from(size) > lz4_flex::block::get_maximum_output_size(LZ4_BLOCK) as u64 {
            return Err(io::Error::other("a block is larger than blocks may be"));
        }
        let mut packed = Vec::new();
        self.source.by_ref().take(u64::from(size)).read_to_end(&mut packed)?;
        if packed.len() as u64 != u64::from(size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.block = lz4_flex::block::decompress(&packed, LZ4_BLOCK).map_err(io::Error::other)?;
        Ok(())
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.block.len() && !self.is_at_end {
            self.next_block()?;
        }
        let rest = self.block.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}
