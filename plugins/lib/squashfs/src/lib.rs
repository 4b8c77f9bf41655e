//! Squashfs 4.0 images, as the kernel's `Documentation/filesystems/squashfs.rst`
//! and every kernel since 2.6.29 have them: compressed with zlib, without
//! fragments, extended attributes and export table. Everything belongs to root.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use modsmith_plugin::packaging::{Entry, Files};

/// Bytes of a file that are compressed together.
const BLOCK: usize = 1 << BLOCK_LOG;
const BLOCK_LOG: u16 = 17;
/// Bytes of inodes and directories that are compressed together.
const METADATA: usize = 8192;
/// Marks a block that is stored as it is: of a file, of metadata.
const PLAIN_DATA: u32 = 1 << 24;
const PLAIN_METADATA: u16 = 1 << 15;
/// Images end at a whole number of these, so that they can be mounted.
const PAGE: usize = 4096;

const SUPERBLOCK: usize = 96;
const MAGIC: u32 = 0x7371_7368;
const ZLIB: u16 = 1;
const NO_FRAGMENTS: u16 = 0x10;
const NO_ATTRIBUTES: u16 = 0x200;
const NONE: u64 = u64::MAX;
const NO_FRAGMENT: u32 = u32::MAX;

const DIRECTORY: u16 = 1;
const FILE: u16 = 2;
const LINK: u16 = 3;
/// Entries below one header of a directory.
const RUN: usize = 256;

/// The image of these files, all of one date in seconds since 1970.
///
/// # Errors
/// What does not fit into the format, as a clause.
pub fn image(files: &Files, date: u64) -> Result<Vec<u8>, String> {
    let mut writer = Writer {
        image: vec![0; SUPERBLOCK],
        inodes: Metadata::default(),
        directories: Metadata::default(),
        count: 0,
        date: u32::try_from(date).map_err(|_| format!("{date} is later than squashfs can say"))?,
    };
    let mut tree = Node::default();
    for (path, entry) in files.iter() {
        let node = path.split('/').fold(&mut tree, |node, name| node.0.entry(name).or_default());
        node.1 = Some(entry);
    }
    let total = tree.count() as u32;
    let root = writer.directory(&tree, total, total + 1)?;
    Ok(writer.finish(root))
}

/// A directory's entries by name, and what the node itself is: a directory where
/// nothing is said.
#[derive(Default)]
struct Node<'f>(BTreeMap<&'f str, Node<'f>>, Option<&'f Entry>);

impl Node<'_> {
    /// Nodes from here on.
    fn count(&self) -> usize {
        1 + self.0.values().map(Node::count).sum::<usize>()
    }
}

/// Where an inode is, and what directories say about it.
struct Inode {
    number: u32,
    kind: u16,
    block: u32,
    offset: u16,
}

struct Writer {
    image: Vec<u8>,
    inodes: Metadata,
    directories: Metadata,
    count: u32,
    date: u32,
}

impl Writer {
    /// Numbers are given from 1 on as inodes are written: directories behind what
    /// is in them, whose parent has to be known before.
    fn node(&mut self, node: &Node, parent: u32) -> Result<Inode, String> {
        match node.1 {
            None | Some(Entry::Directory) => {
                let number = self.count + node.count() as u32;
                self.directory(node, number, parent)
            }
            Some(Entry::File { contents, mode }) => self.file(contents, *mode),
            Some(Entry::Link(target)) => {
                let inode = self.inode(LINK, 0o777);
                self.inodes.u32(1);
                self.inodes.u32(target.len() as u32);
                self.inodes.put(target.as_bytes());
                Ok(inode)
            }
        }
    }

    fn file(&mut self, contents: &[u8], mode: u32) -> Result<Inode, String> {
        let too_large = |_| "an image of more than 4 GiB is not made".to_owned();
        let start = u32::try_from(self.image.len()).map_err(too_large)?;
        let size = u32::try_from(contents.len()).map_err(too_large)?;
        let mut sizes = Vec::new();
        for block in contents.chunks(BLOCK) {
            let compressed = compress(block);
            let (bytes, flag) = if compressed.len() < block.len() { (&*compressed, 0) } else { (block, PLAIN_DATA) };
            self.image.extend_from_slice(bytes);
            sizes.push(bytes.len() as u32 | flag);
        }
        let inode = self.inode(FILE, mode as u16 & 0o7777);
        for number in [start, NO_FRAGMENT, 0, size].into_iter().chain(sizes) {
            self.inodes.u32(number);
        }
        Ok(inode)
    }

    fn directory(&mut self, node: &Node, number: u32, parent: u32) -> Result<Inode, String> {
        let mut entries = Vec::new();
        for (name, below) in &node.0 {
            entries.push((*name, self.node(below, number)?));
        }
        let (block, offset) = self.directories.place();
        let size = self.list(&entries)?;
        let inode = self.inode(DIRECTORY, 0o755);
        debug_assert_eq!(inode.number, number);
        let links = 2 + entries.iter().filter(|(_, inode)| inode.kind == DIRECTORY).count();
        self.inodes.u32(block);
        self.inodes.u32(links as u32);
        // With the entries `.` and `..`, which are not there.
        self.inodes.u16(u16::try_from(size + 3).map_err(|_| "a directory has too many entries".to_owned())?);
        self.inodes.u16(offset);
        self.inodes.u32(parent);
        Ok(inode)
    }

    /// Writes a directory's entries, and returns how long they are.
    fn list(&mut self, entries: &[(&str, Inode)]) -> Result<usize, String> {
        let mut size = 0;
        let mut rest = entries;
        while let Some((_, first)) = rest.first() {
            let near = |inode: &Inode| {
                inode.block == first.block && i16::try_from(i64::from(inode.number) - i64::from(first.number)).is_ok()
            };
            let run = rest.iter().take(RUN).take_while(|(_, inode)| near(inode)).count();
            self.directories.u32(run as u32 - 1);
            self.directories.u32(first.block);
            self.directories.u32(first.number);
            size += 12;
            for (name, inode) in &rest[..run] {
                let length = u16::try_from(name.len()).ok().filter(|length| (1..=256).contains(length));
                let length = length.ok_or_else(|| format!("the name {name} is too long"))?;
                self.directories.u16(inode.offset);
                self.directories.u16((inode.number.wrapping_sub(first.number)) as u16);
                self.directories.u16(inode.kind);
                self.directories.u16(length - 1);
                self.directories.put(name.as_bytes());
                size += 8 + name.len();
            }
            rest = &rest[run..];
        }
        Ok(size)
    }

    /// What all inodes begin with.
    fn inode(&mut self, kind: u16, mode: u16) -> Inode {
        self.count += 1;
        let (block, offset) = self.inodes.place();
        self.inodes.u16(kind);
        self.inodes.u16(mode);
        // Owner and group: the first of the table of ids.
        self.inodes.u32(0);
        self.inodes.u32(self.date);
        self.inodes.u32(self.count);
        Inode { number: self.count, kind, block, offset }
    }

    fn finish(mut self, root: Inode) -> Vec<u8> {
        let inodes = self.append(|writer| std::mem::take(&mut writer.inodes).finish());
        let directories = self.append(|writer| std::mem::take(&mut writer.directories).finish());
        let mut ids = Metadata::default();
        ids.u32(0);
        let ids = self.append(|_| ids.finish());
        let table = self.append(|_| ids.to_le_bytes().to_vec());
        let used = self.image.len() as u64;
        self.image.resize(self.image.len().next_multiple_of(PAGE), 0);

        let mut head = Vec::with_capacity(SUPERBLOCK);
        for number in [MAGIC, self.count, self.date, BLOCK as u32, 0] {
            head.extend(number.to_le_bytes());
        }
        for number in [ZLIB, BLOCK_LOG, NO_FRAGMENTS | NO_ATTRIBUTES, 1, 4, 0] {
            head.extend(number.to_le_bytes());
        }
        let root = u64::from(root.block) << 16 | u64::from(root.offset);
        for number in [root, used, table, NONE, inodes, directories, NONE, NONE] {
            head.extend(number.to_le_bytes());
        }
        self.image[..SUPERBLOCK].copy_from_slice(&head);
        self.image
    }

    /// Appends a table and returns where it begins.
    fn append(&mut self, table: impl FnOnce(&mut Self) -> Vec<u8>) -> u64 {
        let bytes = table(self);
        let at = self.image.len() as u64;
        self.image.extend(bytes);
        at
    }
}

/// A table that is compressed piece by piece.
#[derive(Default)]
struct Metadata {
    done: Vec<u8>,
    open: Vec<u8>,
}

impl Metadata {
    /// Where the next byte goes: its piece's place, and the place in it.
    fn place(&self) -> (u32, u16) {
        (self.done.len() as u32, self.open.len() as u16)
    }

    fn u16(&mut self, number: u16) {
        self.put(&number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.put(&number.to_le_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.open.push(*byte);
            if self.open.len() == METADATA {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        let compressed = compress(&open);
        let plain = compressed.len() >= open.len();
        let bytes = if plain { open } else { compressed };
        let length = bytes.len() as u16 | if plain { PLAIN_METADATA } else { 0 };
        self.done.extend(length.to_le_bytes());
        self.done.extend(bytes);
    }

    fn finish(mut self) -> Vec<u8> {
        if !self.open.is_empty() {
            self.close();
        }
        self.done
    }
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(image: &[u8], at: usize) -> u64 {
        u64::from_le_bytes(image[at..at + 8].try_into().unwrap())
    }

    #[test]
    fn the_tables_of_an_image_follow_each_other_and_end_before_its_end() {
        let mut files = Files::new();
        for index in 0..600 {
            files.add(format!("usr/lib/d/{index}"), vec![index as u8; index * 300], 0o644);
        }
        let image = image(&files, 7).unwrap();
        assert_eq!(image[..4], *b"hsqs");
        assert_eq!(image.len() % PAGE, 0);
        let places = [64, 72, 48, 40].map(|at| number(&image, at));
        assert!(places.is_sorted(), "inodes, directories, ids, end: {places:?}");
        assert_eq!(number(&image, 4) & 0xFFFF_FFFF, 600 + 4, "inodes, with usr, lib, d and the root");
    }

    #[test]
    fn a_name_that_does_not_fit_is_an_error() {
        let mut files = Files::new();
        files.add("x".repeat(300), "", 0o644);
        assert!(image(&files, 0).unwrap_err().contains("too long"));
        assert!(image(&Files::new(), u64::MAX).is_err());
    }
}
