//! A file that is read once, from its beginning to its end.

use std::io::{self, BufRead, Read};

/// How much is read at a time, in bytes.
const BUFFER: usize = 64 << 10;

/// A reader that knows its position, and shows bytes before they are taken.
pub(super) struct Source<R> {
    inner: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    position: u64,
    /// The position behind which reading is an error.
    limit: u64,
    /// The first failure of the reader itself: decompressors report it as their own.
    failure: Option<io::Error>,
}

impl<R: Read> Source<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, buffer: vec![0; BUFFER], start: 0, end: 0, position: 0, limit: u64::MAX, failure: None }
    }

    /// Makes it an error to read on when more than so many bytes have been taken: what is compressed may unpack
    /// without end.
    pub fn within(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// How many bytes have been taken.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Why the reader failed, if it did.
    pub fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// The reader, without what was read and not taken.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// Puts back bytes that a reader has taken and not used.
    pub fn give_back(&mut self, bytes: &[u8]) {
        self.position -= bytes.len() as u64;
        let mut buffer = [bytes, &self.buffer[self.start..self.end]].concat();
        (self.start, self.end) = (0, buffer.len());
        buffer.resize(buffer.len().max(BUFFER), 0);
        self.buffer = buffer;
    }

    /// Up to `count` of the next bytes, which are not taken; fewer at the end.
    pub fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.end - self.start < count.min(BUFFER) {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if !self.fill()? {
                break;
            }
        }
        let end = self.end.min(self.start.saturating_add(count));
        Ok(&self.buffer[self.start..end])
    }

    /// Takes NULs, as many as there are.
    pub fn skip_nuls(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.fill_buf()?;
            let count = bytes.iter().take_while(|byte| **byte == 0).count();
            let is_over = bytes.is_empty() || count < bytes.len();
            self.consume(count);
            if is_over {
                return Ok(());
            }
        }
    }

    /// Whether anything was read.
    fn fill(&mut self) -> io::Result<bool> {
        if self.position > self.limit {
            let why = "it unpacks to more than this program reads of an image";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        loop {
            match self.inner.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let copy = io::Error::new(error.kind(), error.to_string());
                    self.failure.get_or_insert(copy);
                    return Err(error);
                }
            }
        }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(out.len());
        out[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.fill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.position += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read_without_end() {
        let endless = || Source::new(io::repeat(0)).within(1 << 20);
        assert_eq!(endless().skip_nuls().unwrap_err().kind(), io::ErrorKind::Unsupported);
        let mut source = endless();
        assert_eq!(io::copy(&mut source, &mut io::sink()).unwrap_err().kind(), io::ErrorKind::Unsupported);
        assert!(source.failure().is_none(), "the file itself can be read");
        assert_eq!(Source::new(&[1, 2][..]).within(2).bytes().count(), 2);
    }
}
