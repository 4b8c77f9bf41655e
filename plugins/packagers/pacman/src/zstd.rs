//! Compression as it goes: the encoder takes a text as a whole, and a compressed file may consist
//! of several frames (RFC 8878, section 3).

use std::io::{self, Write};

use modsmith_plugin::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// What a frame holds, in bytes before compression.
const FRAME: usize = 4 << 20;

/// Compressed as zstd does at its fastest, as a function writes it.
///
/// # Errors
/// Those of the function and of writing.
pub fn zstd_to(to: impl Write, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut frames = Frames { to, begun: Vec::new() };
    fill(&mut frames)?;
    Ok(frames.end()?)
}

struct Frames<W> {
    to: W,
    /// What the next frame has so far.
    begun: Vec<u8>,
}

impl<W: Write> Frames<W> {
    fn end(&mut self) -> io::Result<()> {
        let frame = compress_to_vec(self.begun.as_slice(), CompressionLevel::Fastest);
        self.begun.clear();
        self.to.write_all(&frame)
    }
}

impl<W: Write> Write for Frames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.begun.len() == FRAME {
            self.end()?;
        }
        let taken = bytes.len().min(FRAME - self.begun.len());
        self.begun.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        for size in [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME + 7] {
            let text: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let mut packed = Vec::new();
            zstd_to(&mut packed, |to| Ok(to.write_all(&text)?)).unwrap();
            let (mut rest, mut read) = (packed.as_slice(), Vec::new());
            while !rest.is_empty() {
                ruzstd::decoding::StreamingDecoder::new(&mut rest).unwrap().read_to_end(&mut read).unwrap();
            }
            assert!(read == text, "{size}");
        }
    }
}
