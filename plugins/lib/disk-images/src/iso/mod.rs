//! ISO 9660 file systems with Rock Ridge and Joliet. Sources: ECMA-119, the Rock
//! Ridge Interchange Protocol 1.09, the Joliet specification.

mod descriptor;
mod directory;
mod names;
mod rock_ridge;

use modsmith_plugin::packaging::{Entry, Files};

use self::directory::{Directory, Flavour, Places, path_table, render};
use self::names::Named;
use super::tree::{Node, nodes};
use super::{Unfit, Volume};

/// Bytes of a sector.
const SECTOR: usize = 2048;

/// Sectors that are not ISO 9660's.
const SYSTEM: usize = 16;

/// Volume descriptors: the primary one, Joliet's, the terminator.
const DESCRIPTORS: usize = 3;

/// A file system as large as the files need, owned by root.
///
/// # Errors
/// `Never` for more files in one directory, or a longer link, than it can hold.
pub fn iso(files: &Files, volume: &Volume) -> Result<Vec<u8>, Unfit> {
    let nodes = nodes(files);
    let mut flavours = Vec::new();
    // What a directory needs does not depend on where things are.
    let nowhere = Places::nowhere(nodes.len());
    let mut next = SYSTEM + DESCRIPTORS;
    for flavour in [Flavour::RockRidge, Flavour::Joliet] {
        let named = Named::of(&nodes, flavour)?;
        let mut places = nowhere.clone();
        let drawn = render(&nodes, &named, flavour, &places, volume.date)?;
        let table = sectors(path_table(&nodes, &named, &places, u32::to_le_bytes).len());
        let tables = [next, next + table];
        next += 2 * table;
        for directory in &drawn.directories {
            places.set(directory.node, next, directory.bytes.len());
            next += sectors(directory.bytes.len());
        }
        places.continuation = next as u32;
        next += sectors(drawn.continuation.len());
        flavours.push((flavour, named, places, tables));
    }
    let data = next;
    for (place, node) in nodes.iter().enumerate() {
        if let Entry::File { contents, .. } = node.entry {
            flavours.iter_mut().for_each(|(_, _, places, _)| places.set(place, next, contents.len()));
            next += sectors(contents.len());
        }
    }
    let mut image = vec![0; next * SECTOR];
    for (index, (flavour, named, places, tables)) in flavours.iter().enumerate() {
        let drawn = render(&nodes, named, *flavour, places, volume.date)?;
        for Directory { node, bytes } in &drawn.directories {
            put(&mut image, places.sector(*node), bytes);
        }
        put(&mut image, places.continuation as usize, &drawn.continuation);
        let little = path_table(&nodes, named, places, u32::to_le_bytes);
        put(&mut image, tables[0], &little);
        put(&mut image, tables[1], &path_table(&nodes, named, places, u32::to_be_bytes));
        let root = directory::record(places, 0, &[0], true, &[], volume.date);
        let descriptor = descriptor::volume(*flavour, volume, next, little.len(), *tables, &root);
        put(&mut image, SYSTEM + index, &descriptor);
    }
    put(&mut image, SYSTEM + 2, &descriptor::terminator());
    for (place, node) in nodes.iter().enumerate() {
        if let Entry::File { contents, .. } = node.entry {
            debug_assert!(flavours[0].2.sector(place) >= data);
            put(&mut image, flavours[0].2.sector(place), contents);
        }
    }
    Ok(image)
}

fn sectors(bytes: usize) -> usize {
    bytes.div_ceil(SECTOR)
}

fn put(image: &mut [u8], sector: usize, bytes: &[u8]) {
    image[sector * SECTOR..][..bytes.len()].copy_from_slice(bytes);
}

/// A number as both kinds of machines want it.
fn both16(value: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (value.to_le_bytes(), value.to_be_bytes());
    [a, b, c, d]
}

/// A number of 32 bits in both orders of bytes.
fn both32(value: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&value.to_le_bytes());
    bytes[4..].copy_from_slice(&value.to_be_bytes());
    bytes
}

/// Whether a flavour has the node: Joliet has no links.
fn has(flavour: Flavour, node: &Node<'_>) -> bool {
    flavour == Flavour::RockRidge || !matches!(node.entry, Entry::Link(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{files, volume};

    fn le(image: &[u8], at: usize) -> usize {
        u32::from_le_bytes(image[at..at + 4].try_into().unwrap()) as usize
    }

    /// Contents of a file, found as a reader without Rock Ridge finds it.
    fn read(image: &[u8], descriptor: usize, path: &[&[u8]]) -> Vec<u8> {
        let mut record = descriptor * SECTOR + 156;
        for name in path {
            let (start, size) = (le(image, record + 2) * SECTOR, le(image, record + 10));
            let mut at = start;
            record = loop {
                assert!(at < start + size, "{} is not there", String::from_utf8_lossy(name));
                match image[at] as usize {
                    0 => at = at.next_multiple_of(SECTOR),
                    _ if image[at + 33..][..image[at + 32] as usize] == **name => break at,
                    length => at += length,
                }
            };
        }
        image[le(image, record + 2) * SECTOR..][..le(image, record + 10)].to_vec()
    }

    #[test]
    fn files_are_found_by_plain_names_and_by_those_of_joliet() {
        let image = iso(&files(), &volume()).unwrap();
        assert_eq!(&image[16 * SECTOR..][..7], b"\x01CD001\x01");
        assert_eq!(&image[17 * SECTOR..][..7], b"\x02CD001\x01");
        assert_eq!(&image[18 * SECTOR..][..7], b"\xffCD001\x01");
        assert_eq!(le(&image, 16 * SECTOR + 80) * SECTOR, image.len());
        assert_eq!(read(&image, 16, &[b"RHDD_6.1;1"]), b"demo-1.0 driver disk\n");
        assert_eq!(read(&image, 16, &[b"RPMS", b"X86_64", b"REPODATA", b"REPOMD.XML;1"]), b"<repomd/>\n");
        assert_eq!(read(&image, 16, &[b"A", b"EMPTY.;1"]), b"");
        let joliet = |name: &str| name.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        assert_eq!(read(&image, 17, &[&joliet("rhdd-6.1;1")]), b"demo-1.0 driver disk\n");
        let long = "kmod-demo-1.0-1.6.1.0_56_amd64.x86_64.rpm;1";
        assert_eq!(read(&image, 17, &[&joliet("rpms"), &joliet("x86_64"), &joliet(long)]), b"package");
    }

    #[test]
    fn the_same_files_give_the_same_image() {
        assert!(iso(&files(), &volume()).unwrap() == iso(&files(), &volume()).unwrap());
    }

    #[test]
    fn directories_of_many_sectors_and_long_names_are_held() {
        let mut files = Files::new();
        for number in 0..500 {
            files.add(format!("many/{number:0>240}.c"), number.to_string(), 0o644);
        }
        files.link("many/link", format!("../{}", "x".repeat(200)));
        let image = iso(&files, &volume()).unwrap();
        assert_eq!(read(&image, 16, &[b"MANY", b"0000000000000000000000000000.C;1"]), b"0");
    }
}
