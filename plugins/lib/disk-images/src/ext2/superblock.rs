//! What describes the file system, and each group's copy of it.

use super::geometry::{BLOCKS_PER_GROUP, DESCRIPTOR, FIRST, Geometry, INODE_SIZE};
use super::{BLOCK, LOST_AND_FOUND, Volume};

/// Directories tell what kind their entries are.
const FEATURE_FILETYPE: u32 = 2;

/// Writes superblock, descriptors and bitmaps of all groups. `blocks` and
/// `inodes` tell which are used, `directories` how many each group has.
pub fn write(
    image: &mut [u8],
    geometry: &Geometry,
    volume: &Volume,
    blocks: &[bool],
    inodes: &[bool],
    directories: &[u16],
) {
    let free = |used: &[bool]| used.iter().filter(|used| !**used).count() as u32;
    let mut descriptors = Vec::with_capacity(geometry.groups as usize * DESCRIPTOR);
    for group in 0..geometry.groups {
        let start = geometry.start(group) as usize;
        let own = &blocks[start..start + geometry.blocks_of(group) as usize];
        put(image, geometry.block_bitmap(group), &bitmap(own));
        let per_group = geometry.inodes_per_group as usize;
        let own_inodes = &inodes[group as usize * per_group..][..per_group];
        put(image, geometry.inode_bitmap(group), &bitmap(own_inodes));

        for place in [geometry.block_bitmap(group), geometry.inode_bitmap(group), geometry.inode_table(group)] {
            descriptors.extend(place.to_le_bytes());
        }
        let counts = [free(own) as u16, free(own_inodes) as u16, directories[group as usize]];
        descriptors.extend(counts.into_iter().flat_map(u16::to_le_bytes));
        descriptors.resize((group as usize + 1) * DESCRIPTOR, 0);
    }
    let free = (free(&blocks[FIRST as usize..]), free(inodes));
    for group in 0..geometry.groups {
        put(image, geometry.start(group), &superblock(geometry, volume, free, group));
        put(image, geometry.start(group) + 1, &descriptors);
    }
}

fn put(image: &mut [u8], block: u32, bytes: &[u8]) {
    image[block as usize * BLOCK..][..bytes.len()].copy_from_slice(bytes);
}

/// A bit for each; what is behind the last counts as used.
fn bitmap(used: &[bool]) -> Vec<u8> {
    let mut bits = vec![0xff; BLOCK];
    for (index, _) in used.iter().enumerate().filter(|(_, used)| !**used) {
        bits[index / 8] &= !(1 << (index % 8));
    }
    bits
}

fn superblock(geometry: &Geometry, volume: &Volume, free: (u32, u32), group: u32) -> Vec<u8> {
    let mut bytes = vec![0; BLOCK];
    let mut set = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    set(0, geometry.inodes());
    set(4, geometry.blocks);
    set(12, free.0);
    set(16, free.1);
    set(20, FIRST);
    // At 24 and 28, the sizes of blocks and fragments: 0 stands for 1 KiB.
    set(32, BLOCKS_PER_GROUP);
    set(36, BLOCKS_PER_GROUP);
    set(40, geometry.inodes_per_group);
    // When it was written and checked, and made.
    set(48, volume.date);
    set(64, volume.date);
    set(264, volume.date);
    // Never to be checked for its number of mounts; magic number.
    set(52, 0xffff_0000);
    set(56, 0x1_ef53);
    // Go on after errors.
    set(60, 1);
    // Revision 1: what follows counts.
    set(76, 1);
    set(84, LOST_AND_FOUND);
    set(88, INODE_SIZE as u32 | group << 16);
    set(96, FEATURE_FILETYPE);
    bytes[104..120].copy_from_slice(&volume.id);
    for (place, byte) in bytes[120..136].iter_mut().zip(volume.label.bytes()) {
        *place = byte;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_lowest_and_what_is_not_there_is_used() {
        let bits = bitmap(&[true, false, true, false, false, false, false, false, true, false]);
        assert_eq!(bits[..3], [0b0000_0101, 0b1111_1101, 0xff]);
        assert_eq!(bits.len(), BLOCK);
    }
}
