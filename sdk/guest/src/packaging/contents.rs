use std::io::{self, Read};

use crate::{File, Path, Result, invalid};

/// The contents of a file: bytes in memory, or [`Contents`].
pub trait Content: Sized {
    /// Returns the errors of reading a file of the system.
    fn at(file: &Path) -> Result<Self>;

    /// Their length in bytes.
    fn size(&self) -> u64;

    /// Reads them.
    fn open(&self) -> Result<Box<dyn Read + '_>>;
}

impl Content for Vec<u8> {
    fn at(file: &Path) -> Result<Self> {
        Ok(file.read()?.unwrap_or_default())
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn open(&self) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.as_slice()))
    }
}

/// Contents that may be larger than a plugin's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// In memory.
    Bytes(Vec<u8>),
    /// The contents of a file of the system, which is read when they are needed.
    At {
        /// The place of the file.
        file: Path,
        /// The length of the file in bytes.
        size: u64,
    },
}

impl<T: Into<Vec<u8>>> From<T> for Contents {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl Content for Contents {
    fn at(file: &Path) -> Result<Self> {
        let size = file.open()?.map_or(0, |opened| opened.size());
        Ok(Self::At { file: file.clone(), size })
    }

    fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.size(),
            Self::At { size, .. } => *size,
        }
    }

    /// A file that is shorter or longer than it was is an error.
    fn open(&self) -> Result<Box<dyn Read + '_>> {
        match self {
            Self::Bytes(bytes) => bytes.open(),
            Self::At { file, size } => {
                let opened = file.open()?.filter(|opened| opened.size() == *size);
                let opened = opened.ok_or_else(|| invalid(format!("{file} was changed while it was packed")))?;
                Ok(Box::new(Whole { opened, left: *size }))
            }
        }
    }
}

/// A file of which so many bytes are still to come.
struct Whole {
    opened: File,
    left: u64,
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&mut self.opened).take(self.left).read(buffer)?;
        self.left -= read as u64;
        match read == 0 && !buffer.is_empty() && self.left > 0 {
            true => Err(io::Error::other("a file became shorter while it was packed")),
            false => Ok(read),
        }
    }
}
