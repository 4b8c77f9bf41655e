//! ext2 file systems with blocks of 1 KiB, as every kernel since 2.2 reads them.
//! Source: the kernel's `Documentation/filesystems/ext2.rst` and `fs/ext2/ext2.h`.

mod blocks;
mod geometry;
mod inode;
mod superblock;

use modsmith_plugin::packaging::{Entry, Files};

use self::blocks::Blocks;
use self::geometry::{Geometry, INODE_SIZE};
use self::inode::{Inode, Kind};
use super::tree::{Node, nodes};
use super::{Unfit, Volume};

/// Bytes of a block.
const BLOCK: usize = 1024;

/// Inodes: the root directory's, and the first that is not reserved, which
/// `lost+found` has.
const ROOT: u32 = 2;
const LOST_AND_FOUND: u32 = 11;

/// Longest text of a link that is kept in its inode.
const SHORT_LINK: usize = 59;

/// A file system of so many KiB with the files in it, owned by root.
///
/// # Errors
/// `Full`; `Never` for a link whose text is longer than a block.
pub fn ext2(files: &Files, volume: &Volume, kilobytes: u32) -> Result<Vec<u8>, Unfit> {
    let nodes = nodes(files);
    // Without the root, which has a reserved one; with lost+found.
    let needed = LOST_AND_FOUND + nodes.len() as u32 - 1;
    let geometry = Geometry::of(kilobytes, needed).ok_or(Unfit::Full)?;
    let mut disk = Disk { blocks: Blocks::new(&geometry), inodes: Vec::new(), date: volume.date };
    for (place, node) in nodes.iter().enumerate() {
        let number = number(place);
        match node.entry {
            Entry::Directory => disk.directory(place, &nodes)?,
            Entry::File { contents, mode } => disk.file(number, Kind::File, *mode, contents)?,
            Entry::Link(target) if target.len() <= SHORT_LINK => {
                disk.inodes.push((number, Inode::short_link(target, volume.date)));
            }
            Entry::Link(target) if target.len() < BLOCK => {
                disk.file(number, Kind::Link, 0o777, target.as_bytes())?;
            }
            Entry::Link(_) => return Err(Unfit::Never(format!("{} is a link with too long a text", node.name))),
        }
    }
    disk.lost_and_found()?;
    Ok(disk.finish(&geometry, volume, kilobytes))
}

/// The inode of a node.
fn number(place: usize) -> u32 {
    match place {
        0 => ROOT,
        place => LOST_AND_FOUND + place as u32,
    }
}

/// A file system that is being filled.
struct Disk {
    blocks: Blocks,
    /// By their numbers.
    inodes: Vec<(u32, Inode)>,
    date: u32,
}

impl Disk {
    fn file(&mut self, number: u32, kind: Kind, mode: u32, contents: &[u8]) -> Result<(), Unfit> {
        let stored = self.blocks.store(contents)?;
        self.inodes.push((number, Inode::new(kind, mode, 1, contents.len() as u32, stored, self.date)));
        Ok(())
    }

    fn directory(&mut self, place: usize, nodes: &[Node<'_>]) -> Result<(), Unfit> {
        let node = &nodes[place];
        let mut entries = vec![
            (number(place), ".", Kind::Directory), //
            (number(node.parent), "..", Kind::Directory),
        ];
        if place == 0 {
            entries.push((LOST_AND_FOUND, "lost+found", Kind::Directory));
        }
        for child in &node.children {
            let kind = match nodes[*child].entry {
                Entry::Directory => Kind::Directory,
                Entry::File { .. } => Kind::File,
                Entry::Link(_) => Kind::Link,
            };
            entries.push((number(*child), nodes[*child].name, kind));
        }
        self.store_directory(number(place), &entries)
    }

    fn lost_and_found(&mut self) -> Result<(), Unfit> {
        let entries = [(LOST_AND_FOUND, ".", Kind::Directory), (ROOT, "..", Kind::Directory)];
        self.store_directory(LOST_AND_FOUND, &entries)
    }

    fn store_directory(&mut self, number: u32, entries: &[(u32, &str, Kind)]) -> Result<(), Unfit> {
        let contents = inode::directory(entries)?;
        let stored = self.blocks.store(&contents)?;
        // Its own name, that in the directory above, and `..` of each below.
        let links = entries.iter().filter(|(_, name, kind)| *kind == Kind::Directory && *name != "..").count();
        let links = u16::try_from(links + 1).map_err(|_| Unfit::Never("a directory holds too many others".into()))?;
        self.inodes.push((number, Inode::new(Kind::Directory, 0o755, links, contents.len() as u32, stored, self.date)));
        Ok(())
    }

    /// Writes what describes it all.
    fn finish(self, geometry: &Geometry, volume: &Volume, kilobytes: u32) -> Vec<u8> {
        let mut used = vec![false; geometry.inodes() as usize];
        used[..LOST_AND_FOUND as usize - 1].fill(true);
        let mut directories = vec![0; geometry.groups as usize];
        let Blocks { mut image, used: blocks, .. } = self.blocks;
        image.resize(kilobytes as usize * BLOCK, 0);
        for (number, inode) in &self.inodes {
            let index = number - 1;
            used[index as usize] = true;
            let group = index / geometry.inodes_per_group;
            directories[group as usize] += u16::from(inode.kind == Kind::Directory);
            let table = geometry.inode_table(group) as usize * BLOCK;
            let at = table + (index % geometry.inodes_per_group) as usize * INODE_SIZE;
            image[at..at + INODE_SIZE].copy_from_slice(&inode.bytes());
        }
        superblock::write(&mut image, geometry, volume, &blocks, &used, &directories);
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{files, volume};

    fn le(image: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(image[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn the_superblock_counts_what_is_there() {
        let image = ext2(&files(), &volume(), 1440).unwrap();
        assert_eq!(image.len(), 1440 * 1024);
        assert_eq!((le(&image, 1024 + 4), le(&image, 1024 + 56) & 0xffff), (1440, 0xef53));
        // Eleven, and ten files and directories.
        assert_eq!(le(&image, 1024) - le(&image, 1024 + 16), 11 + nodes(&files()).len() as u32 - 1);
        assert_eq!(&image[1024 + 104..1024 + 120], b"0123456789abcdef");
        assert_eq!(&image[1024 + 120..1024 + 125], b"demo\0");
    }

    #[test]
    fn the_same_files_give_the_same_image() {
        assert!(ext2(&files(), &volume(), 20_000).unwrap() == ext2(&files(), &volume(), 20_000).unwrap());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for kilobytes in [0, 1, 5, 20, 300] {
            assert_eq!(ext2(&files(), &volume(), kilobytes).unwrap_err(), Unfit::Full, "{kilobytes}");
        }
        let mut links = Files::new();
        links.link("short", "s".repeat(59));
        links.link("long", "l".repeat(60));
        assert!(ext2(&links, &volume(), 100).is_ok());
        links.link("longer", "l".repeat(1024));
        assert!(matches!(ext2(&links, &volume(), 100), Err(Unfit::Never(why)) if why.contains("longer")));
    }
}
