//! FAT file systems without a partition table, as floppies have them, with long
//! names. Source: Microsoft's FAT specification of 2000 (version 1.03).

mod directory;
mod geometry;
mod names;

use modsmith_plugin::packaging::{Entry, Files};

use self::directory::{ENTRY, Record, Stamp};
use self::geometry::{Geometry, SECTOR};
use self::names::Names;
use super::date::Date;
use super::tree::{Node, nodes};
use super::{Unfit, Volume};

/// A file system of so many KiB with the files in it. Modes are lost.
///
/// # Errors
/// `Full`; `Never` for a link, and for names that FAT cannot hold.
pub fn fat(files: &Files, volume: &Volume, kilobytes: u32) -> Result<Vec<u8>, Unfit> {
    let geometry = Geometry::of(kilobytes).ok_or(Unfit::Full)?;
    let nodes = nodes(files);
    let names = nodes.iter().map(|node| Names::of(node, &nodes)).collect::<Result<Vec<_>, _>>()?;
    // The size of each node's contents, then where they begin.
    let sizes: Vec<usize> = nodes.iter().zip(&names).map(|(node, names)| size(node, names)).collect();
    if sizes[0] > geometry.root_entries as usize * ENTRY {
        return Err(Unfit::Full);
    }
    let mut disk = Disk { table: Vec::new(), geometry };
    let mut starts = vec![0];
    for size in sizes.iter().skip(1) {
        starts.push(disk.reserve(*size)?);
    }
    let mut image = vec![0; kilobytes as usize * 1024];
    image[..SECTOR].copy_from_slice(&geometry.boot_sector(volume));
    for copy in 0..geometry::TABLES {
        let at = geometry.table(copy) as usize * SECTOR;
        let table = geometry.pack(&disk.table);
        image[at..at + table.len()].copy_from_slice(&table);
    }
    let stamp = Stamp::of(Date::of(volume.date));
    for (place, node) in nodes.iter().enumerate() {
        let drawn;
        let contents = match node.entry {
            Entry::File { contents, .. } => contents.as_slice(),
            _ => {
                drawn = directory(place, &nodes, &names, &starts, stamp, volume);
                &drawn
            }
        };
        let at = if place == 0 { geometry.root() } else { geometry.sector(starts[place]) } as usize * SECTOR;
        image[at..at + contents.len()].copy_from_slice(contents);
    }
    Ok(image)
}

/// Bytes of a node's contents.
fn size(node: &Node<'_>, names: &Names) -> usize {
    match node.entry {
        Entry::File { contents, .. } => contents.len(),
        // With the volume's name in the root, and itself and the one above in others.
        _ if node.name.is_empty() => (1 + names.records()) * ENTRY,
        _ => (2 + names.records()) * ENTRY,
    }
}

fn directory(
    place: usize,
    nodes: &[Node<'_>],
    names: &[Names],
    starts: &[u32],
    stamp: Stamp,
    volume: &Volume,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let folder = |name: &[u8; 11], start| Record { name: *name, directory: true, start, size: 0 };
    if place == 0 {
        bytes.extend(directory::label(&volume.label, stamp));
    } else {
        bytes.extend(folder(b".          ", starts[place]).bytes(stamp));
        // Zero stands for the root.
        bytes.extend(folder(b"..         ", starts[nodes[place].parent]).bytes(stamp));
    }
    for (child, name) in nodes[place].children.iter().zip(&names[place].children) {
        let size = match nodes[*child].entry {
            Entry::File { contents, .. } => contents.len() as u32,
            _ => 0,
        };
        let directory = nodes[*child].is_directory();
        let start = if directory || size > 0 { starts[*child] } else { 0 };
        bytes.extend(directory::long_name(name));
        bytes.extend(Record { name: name.short, directory, start, size }.bytes(stamp));
    }
    bytes
}

/// The clusters that are given away, one after the other.
struct Disk {
    /// For each, the one that follows, or the end.
    table: Vec<u32>,
    geometry: Geometry,
}

impl Disk {
    /// The first of the clusters for so many bytes.
    fn reserve(&mut self, bytes: usize) -> Result<u32, Unfit> {
        let count = bytes.div_ceil(self.geometry.cluster());
        let first = self.table.len() as u32 + geometry::FIRST;
        if self.table.len() + count > self.geometry.clusters as usize {
            return Err(Unfit::Full);
        }
        self.table.extend((1..count as u32).map(|next| first + next));
        if count > 0 {
            self.table.push(geometry::END);
        }
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{files, volume};

    #[test]
    fn images_have_the_size_that_was_asked_for_and_are_the_same_each_time() {
        for kilobytes in [720, 1440, 2880, 5000, 16_385, 40_000] {
            let image = fat(&files(), &volume(), kilobytes).unwrap();
            assert_eq!(image.len(), kilobytes as usize * 1024);
            assert!(image == fat(&files(), &volume(), kilobytes).unwrap());
        }
    }

    #[test]
    fn contents_are_where_the_directory_says() {
        let image = fat(&files(), &volume(), 1440).unwrap();
        let word = |at: usize| usize::from(u16::from_le_bytes([image[at], image[at + 1]]));
        let (tables, entries, sectors) = (usize::from(image[16]), word(17), word(22));
        let root = (1 + tables * sectors) * SECTOR;
        let data = root + entries * ENTRY;
        let record = |name: &[u8]| (root..data).step_by(ENTRY).find(|at| image[*at..].starts_with(name)).unwrap();
        let marker = record(b"RHDD-6  1  ");
        let cluster = usize::from(image[13]) * SECTOR;
        let at = data + (word(marker + 26) - 2) * cluster;
        assert_eq!(&image[at..at + word(marker + 28)], b"demo-1.0 driver disk\n");
        assert_eq!(word(record(b"MODULES CGZ") + 28), 300_000 & 0xffff);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for kilobytes in [0, 1, 10, 200, 290] {
            assert_eq!(fat(&files(), &volume(), kilobytes).unwrap_err(), Unfit::Full, "{kilobytes}");
        }
        let mut links = Files::new();
        links.link("x", "y");
        assert!(matches!(fat(&links, &volume(), 1440), Err(Unfit::Never(why)) if why.contains("x is a link")));
        let mut many = Files::new();
        (0..200).for_each(|number| many.add(format!("a long name in the root {number}"), "", 0o644));
        assert_eq!(fat(&many, &volume(), 1440).unwrap_err(), Unfit::Full);
    }
}
