use std::io::{Read, Write};

use flate2::GzBuilder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::{XzOptions, XzWriter};

use crate::{Result, other};

/// Memory of a compression with xz is about twelve times its window, in bytes. That of preset 6
/// would be twice as large.
const WINDOW: u32 = 4 << 20;

/// Compressed as gzip does at its best, without name and date.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    gzip_to(&mut packed, |to| Ok(to.write_all(bytes)?)).expect("writing to memory does not fail");
    packed
}

/// Compresses as [`gzip`] the bytes that a function writes, as it writes.
///
/// # Errors
/// Returns the errors of the function, and those of writing.
pub fn gzip_to(to: impl Write, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut encoder = GzBuilder::new().write(to, flate2::Compression::best());
    fill(&mut encoder)?;
    encoder.finish()?;
    Ok(())
}

/// Decompresses the output of gzip.
///
/// # Errors
/// Data that is no gzip, or damaged.
pub fn gunzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut contents = Vec::new();
    let read = MultiGzDecoder::new(bytes).read_to_end(&mut contents);
    read.map(|_| contents).map_err(|e| other(format!("the gzip data is damaged: {e}")))
}

/// Compressed as xz does by default (preset 6), with a smaller window.
pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    xz_to(&mut packed, |to| Ok(to.write_all(bytes)?)).expect("writing to memory does not fail");
    packed
}

/// Compresses as [`xz`] the bytes that a function writes, as it writes.
///
/// # Errors
/// Returns the errors of the function, and those of writing.
pub fn xz_to(to: impl Write, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut options = XzOptions::with_preset(6);
    options.lzma_options.dict_size = WINDOW;
    let mut encoder = XzWriter::new(to, options)?;
    fill(&mut encoder)?;
    encoder.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gzip_made_is_read_and_is_the_same_each_time() {
        let text = b"the same text, the same bytes".repeat(100);
        assert_eq!(gunzip(&gzip(&text)).unwrap(), text);
        assert_eq!(gzip(&text), gzip(&text));
        assert_eq!(gzip(&text)[4..8], [0; 4]);
        assert!(gunzip(b"no gzip").is_err());
    }

    #[test]
    fn what_xz_made_is_read_by_another_implementation() {
        let text = b"the same text, the same bytes".repeat(100);
        let mut contents = Vec::new();
        lzma_rust2::XzReader::new(xz(&text).as_slice(), false).read_to_end(&mut contents).unwrap();
        assert_eq!(contents, text);
        assert!(xz(&text).starts_with(b"\xfd7zXZ\0"));
    }
}
