//! Where the parts of a file system are.

use super::BLOCK;

/// Bytes of an inode.
pub const INODE_SIZE: usize = 128;

/// Blocks of a group: as many as a block has bits.
pub const BLOCKS_PER_GROUP: u32 = 8 * BLOCK as u32;

/// The first block: the one before it is for a boot loader.
pub const FIRST: u32 = 1;

/// Bytes of a group's descriptor.
pub const DESCRIPTOR: usize = 32;

/// One inode for so many blocks, where files need no more.
const BLOCKS_PER_INODE: u32 = 8;

/// Fewest blocks that a group has beside what describes it.
const LEAST: u32 = 4;

/// The parts of a file system, in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// All blocks, with the first.
    pub blocks: u32,
    pub groups: u32,
    pub inodes_per_group: u32,
}

impl Geometry {
    /// For so many blocks and at least so many inodes; `None` if the blocks do
    /// not even hold what describes them. A last group that would be too small
    /// to be of use is left out.
    pub fn of(blocks: u32, inodes: u32) -> Option<Self> {
        let groups = blocks.checked_sub(FIRST)?.div_ceil(BLOCKS_PER_GROUP);
        let inodes = inodes.max(blocks / BLOCKS_PER_INODE);
        let per_block = (BLOCK / INODE_SIZE) as u32;
        let inodes_per_group = inodes.checked_div(groups)?.max(1).next_multiple_of(per_block);
        // Rounded up where the division left a rest.
        let inodes_per_group =
            if inodes_per_group * groups < inodes { inodes_per_group + per_block } else { inodes_per_group };
        let geometry = Self { blocks, groups, inodes_per_group };
        if inodes_per_group > BLOCKS_PER_GROUP {
            return None;
        }
        let last = geometry.blocks_of(groups - 1);
        if last >= geometry.overhead() + LEAST {
            return Some(geometry);
        }
        Self::of(geometry.start(groups - 1), inodes).filter(|_| groups > 1)
    }

    pub fn inodes(&self) -> u32 {
        self.inodes_per_group * self.groups
    }

    /// The first block of a group: a copy of the superblock, followed by those
    /// of the descriptors.
    pub fn start(&self, group: u32) -> u32 {
        FIRST + group * BLOCKS_PER_GROUP
    }

    /// Blocks that a group has.
    pub fn blocks_of(&self, group: u32) -> u32 {
        (self.blocks - self.start(group)).min(BLOCKS_PER_GROUP)
    }

    pub fn descriptor_blocks(&self) -> u32 {
        (self.groups as usize * DESCRIPTOR).div_ceil(BLOCK) as u32
    }

    pub fn block_bitmap(&self, group: u32) -> u32 {
        self.start(group) + 1 + self.descriptor_blocks()
    }

    pub fn inode_bitmap(&self, group: u32) -> u32 {
        self.block_bitmap(group) + 1
    }

    pub fn inode_table(&self, group: u32) -> u32 {
        self.inode_bitmap(group) + 1
    }

    /// Blocks of each group that describe it.
    pub fn overhead(&self) -> u32 {
        let table = self.inodes_per_group as usize * INODE_SIZE / BLOCK;
        1 + self.descriptor_blocks() + 2 + table as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_inodes_as_needed_and_whole_blocks_of_them() {
        for (blocks, inodes) in [(1440, 12), (1440, 200), (2880, 361), (20_000, 5_000), (262_144, 12)] {
            let geometry = Geometry::of(blocks, inodes).unwrap();
            assert!(geometry.inodes() >= inodes, "{geometry:?}");
            assert_eq!(geometry.inodes_per_group % 8, 0, "{geometry:?}");
        }
    }

    #[test]
    fn a_last_group_without_room_is_left_out() {
        let geometry = Geometry::of(FIRST + BLOCKS_PER_GROUP + 10, 12).unwrap();
        assert_eq!((geometry.groups, geometry.blocks), (1, FIRST + BLOCKS_PER_GROUP));
        assert_eq!(Geometry::of(FIRST + BLOCKS_PER_GROUP + 1000, 12).unwrap().groups, 2);
    }

    #[test]
    fn what_holds_nothing_is_none() {
        assert_eq!([0, 1, 2, 5, 8].map(|blocks| Geometry::of(blocks, 12)), [None; 5]);
        assert_eq!(Geometry::of(8193, 9000), None);
    }
}
