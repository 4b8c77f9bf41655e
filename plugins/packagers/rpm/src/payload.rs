//! The compressions of payloads and tarballs, recognised by their first bytes.

use std::io::Read;

use modsmith_plugin::prelude::*;

/// Most bytes that are unpacked: what claims to be more is no module package.
const MOST: u64 = 2 << 30;
/// Memory for the dictionary of an lzma stream, in KiB.
const DICTIONARY: u32 = 128 << 10;

/// Reads what the bytes hold, without their compression.
///
/// # Errors
/// `invalid` for a compression that is not known or damaged from the start.
pub fn unpacked(bytes: &[u8]) -> Result<Box<dyn Read + '_>> {
    let damaged = |e: &dyn std::fmt::Display| invalid(format!("its payload is damaged: {e}"));
    let reader: Box<dyn Read + '_> = match bytes {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Box::new(lzma_rust2::XzReader::new(bytes, true)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|e| damaged(&e))?)
        }
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::read::MultiBzDecoder::new(bytes)),
        [0x5d, 0, 0, ..] => {
            Box::new(lzma_rust2::LzmaReader::new_mem_limit(bytes, DICTIONARY, None).map_err(|e| damaged(&e))?)
        }
        [b'0', b'7', b'0', b'7', ..] => Box::new(bytes),
        _ => return Err(invalid("its payload is neither compressed in a way that is known here nor a cpio archive")),
    };
    Ok(Box::new(Limited { reader, left: MOST }))
}

/// Everything that the bytes hold; `most` bytes of it.
///
/// # Errors
/// As [`unpacked`] has them, and for more than `most`.
pub fn all(bytes: &[u8], most: usize) -> Result<Vec<u8>> {
    let mut contents = Vec::new();
    let read = unpacked(bytes)?.take(most as u64 + 1).read_to_end(&mut contents);
    read.map_err(|e| invalid(format!("the tarball in it is damaged: {e}")))?;
    match contents.len() > most {
        true => Err(invalid(format!("the tarball in it holds more than {} MiB", most >> 20))),
        false => Ok(contents),
    }
}

struct Limited<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| std::io::Error::other(format!("it unpacks to more than {} GiB", MOST >> 30)))?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn compressions_are_told_by_their_first_bytes() {
        let text = b"070701 and more of it".repeat(50);
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
        bzip2.write_all(&text).unwrap();
        let packed = [
            text.clone(),
            modsmith_plugin::packaging::gzip(&text),
            modsmith_plugin::packaging::xz(&text),
            bzip2.finish().unwrap(),
        ];
        for bytes in packed {
            assert_eq!(all(&bytes, 1 << 20).unwrap(), text, "{:?}", &bytes[..4]);
        }
        assert!(all(b"what is this", 9).is_err());
        assert!(all(&text, 9).unwrap_err().to_string().contains("more than"));
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let text = b"070701 and more of it".repeat(50);
        for bytes in [modsmith_plugin::packaging::gzip(&text), modsmith_plugin::packaging::xz(&text)] {
            assert!(all(&bytes[..bytes.len() - 9], 1 << 20).is_err());
        }
        assert!(all(&[0x28, 0xb5, 0x2f, 0xfd, 1], 9).is_err());
        assert!(all(&[0x5d, 0, 0, 0, 0xff, 1], 9).is_err());
    }
}
