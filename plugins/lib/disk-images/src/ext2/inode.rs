//! Inodes, and what directories hold.

use super::blocks::Stored;
use super::geometry::INODE_SIZE;
use super::{BLOCK, Unfit};

/// Bytes before a name in a directory.
const ENTRY: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Directory,
    Link,
}

impl Kind {
    /// As a mode has it.
    fn mode(self) -> u32 {
        match self {
            Self::File => 0o100_000,
            Self::Directory => 0o40_000,
            Self::Link => 0o120_000,
        }
    }

    /// As a directory has it.
    fn code(self) -> u8 {
        match self {
            Self::File => 1,
            Self::Directory => 2,
            Self::Link => 7,
        }
    }
}

/// The attributes of a file, without its name.
pub struct Inode {
    pub kind: Kind,
    mode: u16,
    links: u16,
    size: u32,
    date: u32,
    /// Units of 512 bytes.
    sectors: u32,
    /// Numbers of blocks, or a link's text.
    place: [u8; 60],
}

impl Inode {
    /// With permission bits, the number of its names, and its size in bytes.
    pub fn new(kind: Kind, mode: u32, links: u16, size: u32, stored: Stored, date: u32) -> Self {
        let mut place = [0; 60];
        for (bytes, number) in place.chunks_mut(4).zip(stored.numbers) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        let sectors = stored.blocks * (BLOCK / 512) as u32;
        Self { kind, mode: (kind.mode() | mode & 0o7777) as u16, links, size, date, sectors, place }
    }

    /// A link whose text is at most 59 bytes long.
    pub fn short_link(target: &str, date: u32) -> Self {
        let mut inode = Self::new(Kind::Link, 0o777, 1, target.len() as u32, Stored::default(), date);
        inode.place[..target.len()].copy_from_slice(target.as_bytes());
        inode
    }

    pub fn bytes(&self) -> [u8; INODE_SIZE] {
        let mut bytes = [0; INODE_SIZE];
        bytes[..2].copy_from_slice(&self.mode.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.size.to_le_bytes());
        // Accessed, changed, modified.
        for at in [8, 12, 16] {
            bytes[at..at + 4].copy_from_slice(&self.date.to_le_bytes());
        }
        bytes[26..28].copy_from_slice(&self.links.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.sectors.to_le_bytes());
        bytes[40..100].copy_from_slice(&self.place);
        bytes
    }
}

/// A directory's contents: inode, name and kind of each entry. Whole blocks.
///
/// # Errors
/// `Never` for a name longer than 255 bytes.
pub fn directory(entries: &[(u32, &str, Kind)]) -> Result<Vec<u8>, Unfit> {
    let mut contents = Vec::new();
    // Where the last entry begins: it reaches to the end of its block.
    let mut last = 0;
    for (number, name, kind) in entries {
        let length = u8::try_from(name.len()).map_err(|_| Unfit::Never(format!("{name} is too long a name")))?;
        let size = (ENTRY + name.len()).next_multiple_of(4);
        if contents.len() % BLOCK + size > BLOCK || (contents.len() % BLOCK == 0 && !contents.is_empty()) {
            fill(&mut contents, last);
        }
        last = contents.len();
        contents.extend(number.to_le_bytes());
        contents.extend((size as u16).to_le_bytes());
        contents.extend([length, kind.code()]);
        contents.extend(name.bytes());
        contents.resize(last + size, 0);
    }
    fill(&mut contents, last);
    Ok(contents)
}

fn fill(contents: &mut Vec<u8>, last: usize) {
    let end = contents.len().next_multiple_of(BLOCK);
    contents.resize(end, 0);
    contents[last + 4..last + 6].copy_from_slice(&((end - last) as u16).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks the entries of each block as a kernel does.
    fn names(contents: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        for block in contents.chunks(BLOCK) {
            let mut at = 0;
            while at < BLOCK {
                let size = u16::from_le_bytes([block[at + 4], block[at + 5]]) as usize;
                assert!(size >= 12 && size.is_multiple_of(4) && at + size <= BLOCK, "an entry of {size} at {at}");
                let name = &block[at + ENTRY..][..block[at + 6] as usize];
                names.push(String::from_utf8_lossy(name).into_owned());
                at += size;
            }
        }
        names
    }

    #[test]
    fn entries_fill_blocks_and_cross_none() {
        for length in [1, 3, 4, 100, 120, 248, 255] {
            let wanted: Vec<String> = (0..40).map(|n| format!("{n:0>length$}")).collect();
            let entries: Vec<_> = wanted.iter().map(|name| (12, name.as_str(), Kind::File)).collect();
            let contents = directory(&entries).unwrap();
            assert_eq!(contents.len() % BLOCK, 0);
            assert_eq!(names(&contents), wanted, "names of {length} bytes");
        }
        assert!(directory(&[(12, &"n".repeat(256), Kind::File)]).is_err());
    }
}
