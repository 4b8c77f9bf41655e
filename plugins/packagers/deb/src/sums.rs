//! Checksums in hexadecimal digits.

use std::io::{self, Read, Write};

use md5::Md5;
use sha1::Sha1;
use sha2::Sha256;
use sha2::digest::Digest;

/// Of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    pub md5: String,
    pub sha1: String,
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
}

/// The one that packages have of each file.
pub fn md5(from: &mut dyn Read) -> io::Result<String> {
    let (mut sum, mut buffer) = (Md5::new(), [0; 1 << 14]);
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&sum.finalize())),
            read => sum.update(&buffer[..read]),
        }
    }
}

/// Sums what goes through it.
pub struct Summed<W> {
    to: W,
    md5: Md5,
    sha1: Sha1,
    sha256: Sha256,
    size: u64,
}

impl<W: Write> Summed<W> {
    pub fn new(to: W) -> Self {
        Self { to, md5: Md5::new(), sha1: Sha1::new(), sha256: Sha256::new(), size: 0 }
    }

    pub fn finish(self) -> (W, Sums) {
        let sums = Sums {
            md5: hexadecimal(&self.md5.finalize()),
            sha1: hexadecimal(&self.sha1.finalize()),
            sha256: hexadecimal(&self.sha256.finalize()),
            size: self.size,
        };
        (self.to, sums)
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        let bytes = &bytes[..written];
        self.md5.update(bytes);
        self.sha1.update(bytes);
        self.sha256.update(bytes);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn hexadecimal(sum: &[u8]) -> String {
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_coreutils() {
        let mut summed = Summed::new(io::sink());
        summed.write_all(b"abc").unwrap();
        let sums = summed.finish().1;
        assert_eq!(sums.md5, md5(&mut b"abc".as_slice()).unwrap());
        assert_eq!(sums.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(sums.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(sums.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(sums.size, 3);
    }
}
