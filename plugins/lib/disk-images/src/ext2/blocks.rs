//! The blocks of files, in the order in which they come.

use super::geometry::{FIRST, Geometry};
use super::{BLOCK, Unfit};

/// Blocks of an inode that hold a file's contents themselves.
const DIRECT: usize = 12;

/// Blocks that a block of numbers names.
const NUMBERS: usize = BLOCK / 4;

/// Where a file's contents are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// The first blocks, then those of numbers, of numbers of numbers, and so on.
    pub numbers: [u32; 15],
    /// All blocks of it, with those of numbers.
    pub blocks: u32,
}

/// The blocks that files have got so far.
pub struct Blocks {
    pub image: Vec<u8>,
    /// By their numbers; what describes the file system is used from the start.
    pub used: Vec<bool>,
    next: usize,
}

impl Blocks {
    pub fn new(geometry: &Geometry) -> Self {
        let mut used = vec![false; geometry.blocks as usize];
        used[..FIRST as usize].fill(true);
        for group in 0..geometry.groups {
            let start = geometry.start(group) as usize;
            used[start..start + geometry.overhead() as usize].fill(true);
        }
        Self { image: vec![0; geometry.blocks as usize * BLOCK], used, next: FIRST as usize }
    }

    /// Puts contents into free blocks.
    ///
    /// # Errors
    /// `Full`.
    pub fn store(&mut self, contents: &[u8]) -> Result<Stored, Unfit> {
        let mut data = Vec::with_capacity(contents.len().div_ceil(BLOCK));
        for chunk in contents.chunks(BLOCK) {
            data.push(self.put(chunk)?);
        }
        let mut stored = Stored { blocks: data.len() as u32, ..Stored::default() };
        let (direct, mut rest) = data.split_at(data.len().min(DIRECT));
        stored.numbers[..direct.len()].copy_from_slice(direct);
        for level in 1..=3 {
            let (here, beyond) = rest.split_at(rest.len().min(NUMBERS.pow(level)));
            if !here.is_empty() {
                stored.numbers[DIRECT - 1 + level as usize] = self.index(here, level, &mut stored.blocks)?;
            }
            rest = beyond;
        }
        if rest.is_empty() { Ok(stored) } else { Err(Unfit::Full) }
    }

    /// A block that names these, through others if there are many.
    fn index(&mut self, numbers: &[u32], level: u32, count: &mut u32) -> Result<u32, Unfit> {
        let mut named = Vec::new();
        if level == 1 {
            named.extend(numbers);
        } else {
            for part in numbers.chunks(NUMBERS.pow(level - 1)) {
                named.push(self.index(part, level - 1, count)?);
            }
        }
        *count += 1;
        let bytes: Vec<u8> = named.iter().flat_map(|number: &u32| number.to_le_bytes()).collect();
        self.put(&bytes)
    }

    fn put(&mut self, chunk: &[u8]) -> Result<u32, Unfit> {
        let free = self.used[self.next..].iter().position(|used| !used).ok_or(Unfit::Full)?;
        let block = self.next + free;
        self.used[block] = true;
        self.next = block + 1;
        self.image[block * BLOCK..][..chunk.len()].copy_from_slice(chunk);
        Ok(block as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_through_blocks_of_numbers_and_around_what_describes_groups() {
        let geometry = Geometry::of(40_000, 12).unwrap();
        let mut blocks = Blocks::new(&geometry);
        let contents: Vec<u8> = (0..20_000 * 1024u32).map(|at| (at / 1024) as u8).collect();
        let stored = blocks.store(&contents).unwrap();
        // 12 direct, 256 behind one block of numbers, the others behind 78 and one.
        assert_eq!(stored.blocks, 20_000 + 1 + 78 + 1);
        let read = |block: u32| &blocks.image[block as usize * BLOCK..][..BLOCK];
        let numbers = |block| -> Vec<u32> {
            read(block).chunks(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap())).collect()
        };
        let mut found: Vec<u32> = stored.numbers[..12].to_vec();
        found.extend(numbers(stored.numbers[12]));
        let behind = numbers(stored.numbers[13]);
        found.extend(behind.into_iter().filter(|block| *block != 0).flat_map(numbers).filter(|block| *block != 0));
        assert_eq!(found.len(), 20_000);
        assert!(found.iter().zip(contents.chunks(BLOCK)).all(|(block, chunk)| read(*block) == chunk));
        assert_eq!(stored.numbers[14], 0);
    }

    #[test]
    fn there_are_only_so_many() {
        let geometry = Geometry::of(100, 12).unwrap();
        let free = 100 - FIRST - geometry.overhead();
        let mut blocks = Blocks::new(&geometry);
        for _ in 0..free {
            blocks.store(b"x").unwrap();
        }
        assert_eq!(blocks.store(b"x"), Err(Unfit::Full));
        assert_eq!(blocks.store(b"").unwrap(), Stored::default());
    }
}
