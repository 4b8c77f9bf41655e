//! The head of a compressed file: what a decompressor has to be able to do.
//!
//! Source: The .xz File Format 2.1.1; RFC 1952; RFC 8878, section 3.1.1.

use modsmith_facts::Compression;

/// The compression of a file, with its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    Gzip {
        /// Whether the head has other fields than a file's name.
        has_other_fields: bool,
    },
    Xz {
        /// The kind of checksum: 0 for none, 1 for CRC32, 4 for CRC64, 10 for SHA-256.
        checksum: u8,
    },
    Zstd {
        /// Whether the head says how large the content is.
        has_size: bool,
    },
}

impl Frame {
    /// From the first bytes; `None` for what is not compressed.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, _, flags, ..] => Some(Frame::Gzip { has_other_fields: flags & !0x08 != 0 }),
            [0xfd, b'7', b'z', b'X', b'Z', 0, _, flags, ..] => Some(Frame::Xz { checksum: flags & 0x0f }),
            // A single segment has its size always.
            [0x28, 0xb5, 0x2f, 0xfd, flags, ..] => {
                Some(Frame::Zstd { has_size: flags & 0xc0 != 0 || flags & 0x20 != 0 })
            }
            _ => None,
        }
    }

    pub fn compression(self) -> Compression {
        match self {
            Frame::Gzip { .. } => Compression::Gzip,
            Frame::Xz { .. } => Compression::Xz,
            Frame::Zstd { .. } => Compression::Zstd,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_what_decompressors_need() {
        let xz = |flags| Frame::of(&[0xfd, b'7', b'z', b'X', b'Z', 0, 0, flags]);
        assert_eq!(xz(4), Some(Frame::Xz { checksum: 4 }));
        assert_eq!(xz(1), Some(Frame::Xz { checksum: 1 }));
        let zstd = |flags| Frame::of(&[0x28, 0xb5, 0x2f, 0xfd, flags]);
        assert_eq!(zstd(0x04), Some(Frame::Zstd { has_size: false }));
        assert_eq!(zstd(0x24), Some(Frame::Zstd { has_size: true }));
        assert_eq!(Frame::of(&[0x1f, 0x8b, 8, 8]), Some(Frame::Gzip { has_other_fields: false }));
        assert_eq!(Frame::of(&[0x1f, 0x8b, 8, 4]), Some(Frame::Gzip { has_other_fields: true }));
        assert_eq!(Frame::of(b"\x7fELF"), None);
        assert_eq!(Frame::of(&[]), None);
    }
}
