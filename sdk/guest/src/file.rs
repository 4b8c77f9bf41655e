//! Files that are larger than a plugin's memory: read piece by piece, and written from pieces.

use std::io::{self, Read, Write};

use crate::bindings::imports::modsmith::plugin::plan::Pieces as Planned;
use crate::bindings::imports::modsmith::plugin::system::File as Opened;
use crate::{Error, Path};

/// The most that is asked for, and handed over, at once.
const PIECE: usize = 1 << 18;

/// A file, opened by [`Path::open`] and read through [`Read`].
#[derive(Debug)]
pub struct File {
    opened: Opened,
    /// The bytes that the host has sent and that are not read yet, from `begin` on.
    piece: Vec<u8>,
    begin: usize,
}

impl File {
    pub(crate) fn new(opened: Opened) -> Self {
        Self { opened, piece: Vec::new(), begin: 0 }
    }

    /// Length in bytes, when the file was opened.
    pub fn size(&self) -> u64 {
        self.opened.size()
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.begin == self.piece.len() {
            self.piece = self.opened.read(PIECE as u32).map_err(io::Error::other)?;
            self.begin = 0;
        }
        let read = (&self.piece[self.begin..]).read(buffer)?;
        self.begin += read;
        Ok(read)
    }
}

/// The pieces of a file, for [`Plan::concatenate`](crate::Plan::concatenate): bytes, which are
/// written through [`Write`] and given to modsmith as soon as there are many, and files.
#[derive(Debug, Default)]
pub struct Pieces {
    planned: Option<Planned>,
    /// Written, and not handed over yet.
    bytes: Vec<u8>,
    length: u64,
}

impl Pieces {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn bytes(&mut self, bytes: impl AsRef<[u8]>) {
        for part in bytes.as_ref().chunks(PIECE) {
            self.length += part.len() as u64;
            self.bytes.extend(part);
            if self.bytes.len() >= PIECE {
                self.hand_over();
            }
        }
    }

    /// Adds all pieces of another.
    pub fn append(&mut self, other: Self) {
        let length = self.length + other.length;
        match &other.planned {
            None => self.bytes(other.bytes),
            Some(_) => {
                self.hand_over();
                self.host().append(other.planned());
            }
        }
        self.length = length;
    }

    /// All of it, if it is so little that modsmith was given nothing yet: for tests.
    #[doc(hidden)]
    pub fn held(&self) -> Option<&[u8]> {
        self.planned.is_none().then_some(&self.bytes)
    }

    /// Adds what a file has when the step runs: a file of the system, or one that an earlier step
    /// makes.
    pub fn file(&mut self, at: impl Into<Path>) {
        self.hand_over();
        self.host().file(&at.into());
    }

    /// The bytes so far, without those of files.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there are no bytes yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(crate) fn planned(mut self) -> Planned {
        self.hand_over();
        self.planned.unwrap_or_else(Planned::new)
    }

    fn host(&mut self) -> &Planned {
        self.planned.get_or_insert_with(Planned::new)
    }

    fn hand_over(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if !bytes.is_empty() {
            self.host().bytes(&bytes);
        }
    }
}

impl From<&[u8]> for Pieces {
    fn from(bytes: &[u8]) -> Self {
        let mut pieces = Self::new();
        pieces.bytes(bytes);
        pieces
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The error that reading a [`File`] had, in the words of modsmith.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(other) => crate::other(other.to_string()),
        }
    }
}
