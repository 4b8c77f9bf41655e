//! Where the parts of a file system are.

use super::Volume;
use super::directory::Stamp;
use super::directory::{ENTRY, label};

/// Bytes of a sector.
pub const SECTOR: usize = 512;

/// Copies of the table of clusters.
pub const TABLES: u32 = 2;

/// Number of the first cluster.
pub const FIRST: u32 = 2;

/// The mark of the last cluster in the table: it is cut to the table's width.
pub const END: u32 = 0xffff;

/// The boot sector is the only one before the tables.
const RESERVED: u32 = 1;

/// Most clusters that tables with 12 and with 16 bits have.
const MOST: [u32; 2] = [4084, 65_524];

/// Largest file system with a table of 12 bits, in KiB.
const SMALL: u32 = 16 * 1024;

/// Largest floppy that there were drives for, in KiB.
const FLOPPY: u32 = 2880;

/// The parts of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    sectors: u32,
    /// Sectors of a cluster.
    per_cluster: u32,
    /// Sectors of a table.
    table: u32,
    pub clusters: u32,
    pub root_entries: u32,
    /// Bits of a table's numbers: 12 or 16.
    bits: u32,
}

impl Geometry {
    /// For so many KiB; `None` if they do not hold one cluster.
    pub fn of(kilobytes: u32) -> Option<Self> {
        let sectors = kilobytes.checked_mul(2)?;
        let (bits, first) = if kilobytes <= SMALL { (12, 0) } else { (16, 2) };
        let most = MOST[usize::from(bits == 16)];
        (first..=7).find_map(|power| Self::with(sectors, bits, 1 << power).filter(|geometry| geometry.clusters <= most))
    }

    fn with(sectors: u32, bits: u32, per_cluster: u32) -> Option<Self> {
        let root_entries = if sectors <= FLOPPY * 2 { 224 } else { 512 };
        let other = RESERVED + root_entries * ENTRY as u32 / SECTOR as u32;
        let mut table = 1;
        // A larger table leaves fewer clusters, so this ends.
        loop {
            let clusters = sectors.checked_sub(other + TABLES * table)? / per_cluster;
            let needed = ((clusters + FIRST) * bits).div_ceil(8 * SECTOR as u32);
            if needed <= table {
                let geometry = Self { sectors, per_cluster, table, clusters, root_entries, bits };
                return (clusters > 0).then_some(geometry);
            }
            table += 1;
        }
    }

    /// Bytes of a cluster.
    pub fn cluster(&self) -> usize {
        self.per_cluster as usize * SECTOR
    }

    /// Sector of a copy of the table.
    pub fn table(&self, copy: u32) -> u32 {
        RESERVED + copy * self.table
    }

    /// Sector of the root directory.
    pub fn root(&self) -> u32 {
        self.table(TABLES)
    }

    /// Sector of a cluster.
    pub fn sector(&self, cluster: u32) -> u32 {
        let root = self.root_entries * ENTRY as u32 / SECTOR as u32;
        self.root() + root + (cluster - FIRST) * self.per_cluster
    }

    /// Of what kind the medium is said to be.
    fn medium(&self) -> u8 {
        if self.sectors <= FLOPPY * 2 { 0xf0 } else { 0xf8 }
    }

    /// The table's bytes, with the two numbers that stand before the clusters.
    pub fn pack(&self, clusters: &[u32]) -> Vec<u8> {
        let numbers: Vec<u32> =
            [0xff00 | u32::from(self.medium()), END].into_iter().chain(clusters.iter().copied()).collect();
        if self.bits == 16 {
            return numbers.iter().flat_map(|number| (*number as u16).to_le_bytes()).collect();
        }
        let pair = |pair: &[u32]| {
            let both = pair[0] & 0xfff | (pair.get(1).copied().unwrap_or(0) & 0xfff) << 12;
            [both as u8, (both >> 8) as u8, (both >> 16) as u8]
        };
        numbers.chunks(2).flat_map(pair).collect()
    }

    pub fn boot_sector(&self, volume: &Volume) -> [u8; SECTOR] {
        let mut bytes = [0; SECTOR];
        let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
        let word = |number: u32| (number as u16).to_le_bytes();
        put(0, &[0xeb, 0x3c, 0x90]);
        // Some systems trust no other.
        put(3, b"MSWIN4.1");
        put(11, &word(SECTOR as u32));
        put(13, &[self.per_cluster as u8]);
        put(14, &word(RESERVED));
        put(16, &[TABLES as u8]);
        put(17, &word(self.root_entries));
        match u16::try_from(self.sectors) {
            Ok(sectors) => put(19, &sectors.to_le_bytes()),
            Err(_) => put(32, &self.sectors.to_le_bytes()),
        }
        put(21, &[self.medium()]);
        put(22, &word(self.table));
        // Programs that read images insist on whole tracks.
        let tracks = [18, 36, 32, 16, 15, 9, 8, 4, 2];
        let track = tracks.into_iter().find(|track| self.sectors.is_multiple_of(*track)).unwrap_or(1);
        put(24, &word(track));
        put(26, &word(2));
        put(36, &[if self.medium() == 0xf0 { 0 } else { 0x80 }, 0, 0x29]);
        put(39, &volume.id[..4]);
        // Only the name of it.
        put(43, &label(&volume.label, Stamp::default())[..11]);
        put(54, if self.bits == 12 { b"FAT12   " } else { b"FAT16   " });
        // It is not to be started from.
        put(62, &[0xcd, 0x18]);
        put(510, &[0x55, 0xaa]);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_floppy_is_laid_out_as_everybodys_is() {
        let floppy = Geometry::of(1440).unwrap();
        assert_eq!((floppy.per_cluster, floppy.table, floppy.clusters, floppy.bits), (1, 9, 2847, 12));
    }

    #[test]
    fn the_number_of_clusters_fits_the_width_of_the_table_at_every_size() {
        for kilobytes in (10..20_000).step_by(7).chain((20_000..=262_144).step_by(997)).chain([262_144]) {
            let geometry = Geometry::of(kilobytes).unwrap();
            let range = if geometry.bits == 12 { 1..=4084 } else { 4085..=65_524 };
            assert!(range.contains(&geometry.clusters), "{kilobytes}: {geometry:?}");
            let end = geometry.sector(geometry.clusters + FIRST);
            assert!(end <= geometry.sectors, "{kilobytes}: {geometry:?}");
        }
        assert_eq!([0, 1, 5, 8].map(Geometry::of), [None; 4]);
    }

    #[test]
    fn numbers_of_twelve_bits_are_packed_in_pairs() {
        let floppy = Geometry::of(1440).unwrap();
        assert_eq!(floppy.pack(&[3, END]), [0xf0, 0xff, 0xff, 0x03, 0xf0, 0xff]);
        assert_eq!(floppy.pack(&[END])[3..], [0xff, 0x0f, 0]);
    }
}
